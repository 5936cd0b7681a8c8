"""The tools of one run, on behalf of its caller."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from harness.domain.message import Message, ToolCall
from harness.gate.audit import AuditLog
from harness.gate.caller import Caller
from harness.gate.granted_tools import GrantedTools
from harness.gate.paths import PathRules
from harness.gate.pipeline import Gate
from harness.gate.registry import Arguments, ToolRegistry, Traits, define_tool
from harness.testing.clock import VirtualClock


class Nothing(Arguments):
    pass


async def listen(arguments: Nothing, caller: Caller) -> str:
    return f"heard {len(caller.conversation)}, may {', '.join(sorted(caller.tools))}"


def tools_of(folder: Path, *names: str) -> GrantedTools:
    registry = ToolRegistry(define_tool(name, "Listen.", Nothing, listen, Traits()) for name in ("hear", "look"))
    gate = Gate(
        registry=registry,
        audit=AuditLog(folder / "audit.jsonl"),
        clock=VirtualClock(datetime(2026, 11, 21, tzinfo=UTC)),
    )
    return GrantedTools(gate, Caller("scout", "run", frozenset(names), PathRules(folder), folder / "run"))


def test_a_tool_knows_what_was_said_before_it_was_called(tmp_path: Path) -> None:
    tools = tools_of(tmp_path, "hear")
    result = asyncio.run(tools.call(ToolCall("1", "hear", "{}"), (Message("user", "a"), Message("user", "b"))))
    assert result.content == "heard 2, may hear"


def test_what_is_lent_is_never_more_than_what_one_has(tmp_path: Path) -> None:
    lent = tools_of(tmp_path, "hear").only(("hear", "look"))
    assert asyncio.run(lent.call(ToolCall("1", "hear", "{}"), ())).content == "heard 0, may hear"
    assert asyncio.run(lent.call(ToolCall("1", "look", "{}"), ())).rule == "not-granted"
    assert asyncio.run(lent.only(()).call(ToolCall("1", "hear", "{}"), ())).rule == "not-granted"


def test_what_is_kept_lies_in_the_folder_of_the_run_and_is_kept_once(tmp_path: Path) -> None:
    tools = tools_of(tmp_path)
    for _ in range(2):
        tools.keep("web.read-c1-abc.txt", "the whole\ud800")
    assert [path.read_text() for path in (tmp_path / "run").iterdir()] == ["the whole?"]
    assert not tools.can_read_files
    assert tools_of(tmp_path, "files.read").can_read_files
