"""The file tools, through the gate."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.agent import Agent
from harness.domain.message import ToolCall
from harness.domain.skill import Skill
from harness.domain.tool import ToolResult
from harness.gate.audit import AuditLog
from harness.gate.caller import Caller, caller_for
from harness.gate.offering import Offer
from harness.gate.pipeline import Gate
from harness.gate.registry import ToolRegistry
from harness.ports import Clock
from harness.testing.clock import VirtualClock
from harness.testing.workspace import write_workspace_files
from harness.tools.files import PAGE_CHARS, file_tools

NAMES = ("files.read", "files.list", "files.write")


class Desk:
    """An agent that may read `shared-context` and write `shared-context/intel`."""

    def __init__(self, folder: Path) -> None:
        self.root = write_workspace_files(folder / "workspace", {"shared-context/note.md": "first\n"})
        self.agent = Agent(
            "scout", "Looks", "soul", "rules", tools=NAMES, skills=("rank-items",),
            read_paths=("shared-context",), write_paths=("shared-context/intel",),
        )  # fmt: skip
        self.folder = folder / "run"
        clock: Clock = VirtualClock(datetime(2026, 11, 21, tzinfo=UTC))
        self.gate = Gate(registry=ToolRegistry(file_tools()), audit=AuditLog(folder / "audit.jsonl"), clock=clock)
        self.caller = self.new_caller()

    def new_caller(self) -> Caller:
        offer = Offer({"rank-items": Skill("rank-items", "d", "skills/rank-items/SKILL.md", "b")})
        return caller_for(self.agent, offer, run_id="r", root=self.root, folder=self.folder)

    def call(self, name: str, **arguments: object) -> ToolResult:
        return asyncio.run(self.gate.call(ToolCall("1", name, json.dumps(arguments)), self.caller))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def content(result: ToolResult) -> str:
    """What stands inside the fence."""
    assert result.is_ok, result.content
    return result.content.split("\n", 1)[1].rsplit("\n", 1)[0]


def test_a_granted_file_is_read_and_treated_as_coming_from_outside(desk: Desk) -> None:
    result = desk.call("files.read", path="shared-context/note.md")
    assert content(result) == "first"
    assert result.is_untrusted


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("USER.md", "path-outside"),
        ("shared-context/../USER.md", "path-parent"),
        (".harness/audit.jsonl", "path-hidden"),
        ("/etc/passwd", "path-absolute"),
        ("skills/other/SKILL.md", "path-outside"),
        ("@run/../audit.jsonl", "path-parent"),
    ],
)
def test_what_is_not_granted_is_refused_by_rule(desk: Desk, path: str, rule: str) -> None:
    for name, arguments in (("files.read", {}), ("files.write", {"text": "x"})):
        result = desk.call(name, path=path, **arguments)
        assert result.error_kind == "refused"
        if name == "files.read":
            assert result.rule == rule


def test_skills_are_no_files_of_the_agent_but_loaded_by_their_own_tool(desk: Desk) -> None:
    assert desk.call("files.read", path="skills/rank-items/SKILL.md").rule == "path-outside"
    assert "skills" not in desk.call("files.list").content


def test_a_long_file_is_read_page_by_page_without_loss(desk: Desk) -> None:
    whole = "".join(f"{number:09}\n" for number in range(2 * PAGE_CHARS // 10 + 50))
    (desk.root / "shared-context" / "long.md").write_text(whole)
    pages, offset = [], 0
    while True:
        result = desk.call("files.read", path="shared-context/long.md", offset=offset)
        assert result.file is None
        page, mark, _ = content(result).partition("\n… ")
        pages.append(page)
        if not mark:
            break
        assert f"go on with offset={offset + PAGE_CHARS}" in result.content
        offset += PAGE_CHARS
    assert len(pages) == 3
    assert "".join(pages).replace("\n", "") == whole.replace("\n", "")


def test_a_result_that_was_too_long_is_read_on_from_the_runs_own_folder(desk: Desk) -> None:
    for number in range(400):
        (desk.root / "shared-context" / f"a-file-with-a-long-name-{number}.md").write_text("x")
    listed = desk.call("files.list", folder="shared-context")
    assert listed.file is not None
    again = desk.call("files.read", path=f"@run/{Path(listed.file).name}", offset=2 * PAGE_CHARS)
    assert "a-file-with-a-long-name-99.md (1 bytes)" in again.content


def test_what_is_no_text_and_what_is_empty_is_said(desk: Desk) -> None:
    (desk.root / "shared-context" / "x.bin").write_bytes(b"\xff\xfe")
    (desk.root / "shared-context" / "empty.md").write_bytes(b"")
    assert desk.call("files.read", path="shared-context/x.bin").content.endswith("is no UTF-8 text")
    assert content(desk.call("files.read", path="shared-context/empty.md")) == "(empty)"
    assert "ends at 6 characters" in desk.call("files.read", path="shared-context/note.md", offset=99).content


def test_a_list_shows_what_is_granted_and_then_what_is_in_a_folder(desk: Desk) -> None:
    assert content(desk.call("files.list")).splitlines() == [
        "shared-context/",
        "shared-context/intel/",
    ]
    assert content(desk.call("files.list", folder="shared-context")).splitlines() == ["feeds/", "note.md (6 bytes)"]
    assert desk.call("files.list", folder="agents").rule == "path-outside"


def test_a_new_file_is_written_and_may_be_written_again_by_the_same_run(desk: Desk) -> None:
    path = "shared-context/intel/today.md"
    assert desk.call("files.write", path=path, text="one").content == f"wrote 3 bytes to {path}"
    assert desk.call("files.write", path=path, text="two").is_ok
    assert (desk.root / path).read_text() == "two"


def test_writing_outside_the_write_grant_is_refused_also_where_reading_is_granted(desk: Desk) -> None:
    assert desk.call("files.write", path="shared-context/note.md", text="x").rule == "path-outside"
    assert desk.call("files.write", path="skills/rank-items/SKILL.md", text="x").rule == "path-outside"
    assert (desk.root / "shared-context" / "note.md").read_text() == "first\n"


def test_a_file_of_somebody_else_is_overwritten_only_after_reading_it_as_it_is_now(desk: Desk) -> None:
    path = "shared-context/intel/plan.md"
    (desk.root / "shared-context" / "intel").mkdir()
    (desk.root / path).write_text("old plan")
    assert desk.call("files.write", path=path, text="new plan").rule == "overwrite"
    desk.call("files.read", path=path)
    (desk.root / path).write_text("changed in between")
    assert desk.call("files.write", path=path, text="new plan").rule == "overwrite"
    assert (desk.root / path).read_text() == "changed in between"
    desk.call("files.read", path=f"./{path}")
    assert desk.call("files.write", path=path, text="new plan").is_ok


def test_a_resumed_run_repeats_its_write_and_reads_again_before_it_overwrites(desk: Desk) -> None:
    path = "shared-context/intel/today.md"
    desk.call("files.write", path=path, text="one")
    desk.caller = desk.new_caller()
    assert desk.call("files.write", path=path, text="one").is_ok
    desk.caller = desk.new_caller()
    assert desk.call("files.write", path=path, text="two").rule == "overwrite"


@pytest.mark.parametrize(
    ("one", "other", "are_the_same"),
    [
        ("a/b.md", "a/b.md", True),
        ("a/b.md", "A/./B.md", True),
        ("a//b.md", "a/b.md", True),
        ("a/caf\u00e9.md", "a/cafe\u0301.md", True),
        ("a/b.md", "a/c.md", False),
        ("a/b.md", "b/b.md", False),
    ],
)
def test_writes_of_different_files_may_run_side_by_side(desk: Desk, one: str, other: str, are_the_same: bool) -> None:
    claims = [
        desk.gate.claim(ToolCall("1", "files.write", json.dumps({"path": path, "text": ""})), desk.caller)
        for path in (one, other)
    ]
    assert None not in claims
    assert (claims[0] == claims[1]) is are_the_same


def test_what_reads_files_may_run_beside_all_that_reads(desk: Desk) -> None:
    read = ToolCall("1", "files.read", json.dumps({"path": "a.md"}))
    assert desk.gate.claim(read, desk.caller) == frozenset()
