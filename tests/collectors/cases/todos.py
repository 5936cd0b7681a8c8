"""todos: a task list as people write it."""

from __future__ import annotations

from pathlib import Path

from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import FamilyCase

LIST = """# To-dos

## Home
- [ ] Pay the rent (due 2026-03-08) !p1
- [ ] Call the dentist @phone
- [x] Water the plants (done 2026-03-08)
- [-] Learn the harp

## Work
* [ ] Send the report (due 2026-03-06) !P0 @desk
"""


def workspace(root: Path, url: str) -> Workspace:
    (root / "shared-context").mkdir(exist_ok=True)
    (root / "shared-context/todos.md").write_text(LIST)
    return Workspace(root, Settings(home_zone="UTC"))


def check(collected: Collected) -> None:
    assert collected.text == (
        "Overdue:\n- Send the report (due 2026-03-06, P0)\n\n"
        "Due today:\n- Pay the rent (due 2026-03-08, P1)\n\n"
        "Open:\n- Call the dentist\n\n"
        "Done today:\n- Water the plants"
    )
    assert [item.title for item in collected.items] == [
        "Send the report (due 2026-03-06)",
        "Pay the rent (due 2026-03-08)",
        "Call the dentist",
    ]
    assert {figure.key: figure.value for figure in collected.figures} == {
        "todos.open": 3.0,
        "todos.due": 1.0,
        "todos.overdue": 1.0,
        "todos.done": 1.0,
    }


CASE = FamilyCase(family="todos", read="todos", workspace=workspace, check=check, from_files=True)
