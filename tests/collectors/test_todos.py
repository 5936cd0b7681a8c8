"""The task list, as people write and change it."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.collectors.parse import FeedParser
from harness.collectors.todos import Todo, in_urgency, read_todos
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from tests.collectors.daily_sources import folder, gather

TODAY = date(2026, 3, 8)


@pytest.mark.parametrize(
    ("line", "todo"),
    [
        ("- [ ] Call mother", Todo("Call mother")),
        ("  * [ ] Indented", Todo("Indented")),
        ("1. [ ] Numbered", Todo("Numbered")),
        ("- [ ] Pay (due 2026-11-25) !p1 @home", Todo("Pay", due=date(2026, 11, 25), priority=1, contexts=("home",))),
        ("- [ ] Pay 📅 2026-11-25", Todo("Pay", due=date(2026, 11, 25))),
        ("- [X] Done (done: 2026-03-08)", Todo("Done", is_done=True, done_on=TODAY)),
        ("- [-] Dropped", Todo("Dropped", is_dropped=True)),
        ("- [ ] Mail ada@example.org", Todo("Mail ada@example.org")),
        ("- [ ] Pay (due 2026-02-30)", Todo("Pay", problem="there is no day 2026-02-30")),
        ("- [ ] (due 2026-03-08)", Todo("(no words)", due=TODAY)),
    ],
)
def test_a_line_is_read_as_people_write_it(line: str, todo: Todo) -> None:
    assert read_todos(line) == (todo,)


@pytest.mark.parametrize("text", ["- no box", "[ ] no bullet", "- [ ]", "```\n- [ ] in code\n```", "- [?] unknown"])
def test_what_is_no_task_is_none(text: str) -> None:
    assert read_todos(text) == ()


def test_a_task_keeps_its_key_until_its_words_its_day_or_its_priority_change() -> None:
    def key(line: str) -> str:
        (todo,) = read_todos(line)
        return todo.key

    first = key("- [ ] Pay the rent (due 2026-03-08) !p1")
    assert first == key("* [ ]   Pay  the rent !p1 (due 2026-03-08)")
    assert len({first, key("- [ ] Pay the rent (due 2026-03-09) !p1"), key("- [ ] Pay the rent (due 2026-03-08)")}) == 3


def test_who_is_due_first_comes_first_and_then_who_matters_more() -> None:
    todos = read_todos(
        "- [ ] a\n- [ ] b !p1\n- [ ] c (due 2026-03-09)\n- [ ] d (due 2026-03-09) !p0\n- [ ] e (due 2026-03-01)"
    )
    assert [todo.text for todo in in_urgency(todos)] == ["e", "d", "c", "b", "a"]


def test_a_day_that_does_not_exist_is_named_and_the_task_is_told(parser: FeedParser, tmp_path: Path) -> None:
    folder(tmp_path, {"shared-context/todos.md": "- [ ] Pay the rent (due 2026-02-30)\n"})
    found = gather("todos", Workspace(tmp_path, Settings()), parser)
    assert [str(gap) for gap in found.gaps] == ["shared-context/todos.md: 'Pay the rent': there is no day 2026-02-30"]
    assert "Pay the rent" in found.text


def test_a_list_on_which_all_is_done_says_so(parser: FeedParser, tmp_path: Path) -> None:
    folder(tmp_path, {"shared-context/todos.md": "- [x] Pay the rent\n"})
    found = gather("todos", Workspace(tmp_path, Settings()), parser)
    assert found.text == "Nothing is to do." and found.gaps == ()


def test_without_a_list_the_gap_says_how_to_write_one(parser: FeedParser, tmp_path: Path) -> None:
    (gap,) = gather("todos", Workspace(tmp_path, Settings()), parser).gaps
    assert str(gap).startswith("shared-context/todos.md: is not there: write it")


def test_a_pipe_in_place_of_the_list_does_not_hold_the_run(parser: FeedParser, tmp_path: Path) -> None:
    folder(tmp_path, {"shared-context/x": ""})
    os.mkfifo(tmp_path / "shared-context/todos.md")
    (gap,) = gather("todos", Workspace(tmp_path, Settings()), parser).gaps
    assert gap.problem == "is no file"


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_reader_and_every_task_has_words_and_a_key(text: str) -> None:
    for todo in read_todos(text):
        assert todo.text.strip() and len(todo.key) == 12
        todo.state(TODAY)
