"""`harness reflect`: a night now, or what it would change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.memory.learnings import learnings_path
from harness.memory.learnings_writer import render_learning
from tests.cli.conftest import CommandLine
from tests.reflection.records import PROVEN

NIGHTLY = "---\nschedule: daily 23:30\naction: {action}\ndeliver: digest\n---\n"


@pytest.fixture
def reflecting(root: Path) -> Path:
    """A workspace in which scout has something to promote at night."""
    (root / "agents/scout/jobs/reflect.md").write_text(NIGHTLY.format(action="reflect"), encoding="utf-8")
    records = root / learnings_path("scout", "ERR")
    records.parent.mkdir(parents=True, exist_ok=True)
    records.write_text(render_learning(PROVEN), encoding="utf-8")
    return root


def said(harness: CommandLine, *arguments: str) -> tuple[int, str, str]:
    done = harness(*arguments)
    return done.returncode, done.stdout, done.stderr


def memory(root: Path) -> str:
    return (root / "agents/scout/MEMORY.md").read_text(encoding="utf-8")


def test_a_dry_run_shows_the_diff_and_writes_nothing(harness: CommandLine, reflecting: Path) -> None:
    before = memory(reflecting)
    code, out, _ = said(harness, "reflect", "scout", "--dry-run")
    assert code == 0
    assert f"^{PROVEN.id}" in out
    assert "+status: promoted" in out
    assert memory(reflecting) == before
    assert not (reflecting / ".harness/harness.db").exists()
    code, out, _ = said(harness, "reflect", "--dry-run", "--json")
    (shown,) = json.loads(out)
    assert set(shown) == {"agent", "job", "reason", "report"}
    assert (shown["job"], "1 promoted" in shown["reason"]) == ("scout/reflect", True)


def test_a_night_is_gone_through_now_and_a_second_time_nothing_changes(harness: CommandLine, reflecting: Path) -> None:
    code, out, _ = said(harness, "reflect")
    assert (code, "scout/reflect delivered" in out) == (0, True), out
    after = memory(reflecting)
    assert f"^{PROVEN.id}" in after
    code, out, _ = said(harness, "reflect", "scout", "--json")
    (fire,) = json.loads(out)
    assert (code, fire["state"]) == (0, "silent")
    assert memory(reflecting) == after


def test_an_agent_that_does_not_reflect_is_told_how_it_would(harness: CommandLine, root: Path) -> None:
    code, _, err = said(harness, "reflect", "scout")
    assert code == 2
    assert "action: reflect" in err
    code, _, err = said(harness, "reflect", "scuot")
    assert (code, "scout" in err) == (2, True)
