"""Promotion, compression and the archive, to the byte: what a person would see of a MEMORY.md over some weeks.

`golden/MEMORY.md` and `golden/ERRORS.md` are what is there; the others are what becomes of them. After a change that
is wanted, write them anew: HARNESS_GOLDEN=write python -m pytest tests/memory/test_golden_memory.py
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from harness.domain.tokens import estimate_tokens
from harness.memory.agent_memory import AgentMemory
from harness.memory.learnings import parse_learnings
from harness.memory.promotion import judge_all
from harness.memory.upkeep import compress_memory, promote_into

GOLDEN = Path(__file__).parent / "golden"
TODAY = date(2026, 11, 22)
BUDGET_TOKENS = 190


def trading(root: Path) -> AgentMemory:
    """The agent of the golden files, in a workspace of its own."""
    memory = AgentMemory(root, root / ".harness", "trading")
    folder = root / "agents" / "trading" / ".learnings"
    folder.mkdir(parents=True)
    (folder / "ERRORS.md").write_bytes((GOLDEN / "ERRORS.md").read_bytes())
    (root / memory.file).write_bytes((GOLDEN / "MEMORY.md").read_bytes())
    return memory


def assert_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("HARNESS_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    assert text == path.read_bytes().decode("utf-8"), name


def test_what_is_due_is_promoted_and_what_is_not_waits(tmp_path: Path) -> None:
    memory = trading(tmp_path)
    due, waiting = judge_all(kept.learning for kept in memory.records())
    assert [each.id for each in due] == ["ERR-20261101-0007"]
    assert [(each.learning.id, each.for_person) for each in waiting] == [
        ("ERR-20261101-0008", False), ("ERR-20261101-0009", True)
    ]  # fmt: skip
    promote_into(memory, due, TODAY)
    assert_golden("promoted/MEMORY.md", memory.text() or "")


def test_a_file_that_is_too_long_becomes_this_one_with_this_archive(tmp_path: Path) -> None:
    memory = trading(tmp_path)
    done = compress_memory(memory, TODAY, BUDGET_TOKENS)
    assert [(one.id[-1], one.why) for one in done.removed] == [
        ("3", "superseded"), ("2", "duplicate"), ("5", "no room")
    ]  # fmt: skip
    assert estimate_tokens(memory.text() or "") <= BUDGET_TOKENS
    assert_golden("compressed/MEMORY.md", memory.text() or "")
    assert_golden("compressed/ERRORS.md", memory.read(next(memory.records()).file) or "")
    archive = sorted((tmp_path / "memory/archive/trading").iterdir())
    assert [path.name for path in archive] == [
        "Archive of trading.md", *(f"ERR-20261101-000{number}.md" for number in (2, 3, 5))
    ]  # fmt: skip
    for path in archive:
        assert_golden(f"compressed/archive/{path.name}", path.read_text(encoding="utf-8"))
    before = parse_learnings((GOLDEN / "ERRORS.md").read_text(encoding="utf-8"))
    assert len(before.found) == len(list(memory.records())), "no record is gone"
