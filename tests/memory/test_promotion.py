"""Learnings that have proven themselves, put into MEMORY.md and, one day, into the archive."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.learning import Learning, Verification
from harness.domain.tokens import estimate_tokens
from harness.memory.archive import archive_path, index_path, render_index, render_page
from harness.memory.bullets import bullets_of
from harness.memory.compression import LONGEST_TOKENS, Removed
from harness.memory.learnings import parse_learnings
from harness.memory.promotion import judge_all, promote, words_of

TODAY = date(2026, 11, 24)
HELD = tuple(Verification(f"run-{n}", date(2026, 11, 21 + n), "exit_code") for n in range(3))
PROVEN = Learning(
    "ERR-20261121-7f3a", "the field is BILLBOARD_BUY_AMT", "3c9d", "agent/trading", "tool", 2, date(2026, 11, 21),
    trigger="The billboard is asked for a day", wrong="BUY_AMT", right="ask for BILLBOARD_BUY_AMT",
    why="The API was renamed", verifications=HELD, status="verified",
)  # fmt: skip
MEMORY = "# What I know\n\n- Sam reads in the morning.\n"


def test_what_has_proven_itself_becomes_a_bullet_with_its_id_and_the_person_s_text_stays() -> None:
    due, waiting = judge_all([PROVEN, replace(PROVEN, id="ERR-20261121-0001", verifications=HELD[:1])])
    assert [each.id for each in due] == [PROVEN.id]
    assert [(one.learning.id, one.lacks[0]) for one in waiting] == [("ERR-20261121-0001", "it held 1 of 3 times")]
    promoted = promote(MEMORY, due, {}, TODAY)
    assert promoted.text == (
        f"{MEMORY}\n## Learned\n\n- The billboard is asked for a day: ask for BILLBOARD_BUY_AMT, not BUY_AMT."
        " The API was renamed. ^ERR-20261121-7f3a\n"
    )
    assert [each.status for each in promoted.learnings] == ["promoted"]
    assert promote(promoted.text, due, {}, TODAY).text == promoted.text


def test_what_is_in_memory_or_out_of_force_is_not_judged_again() -> None:
    for status in ("promoted", "superseded", "archived"):
        assert judge_all([replace(PROVEN, status=status)]) == ((), ())


def test_what_came_from_outside_waits_for_the_person() -> None:
    _, (waiting,) = judge_all([replace(PROVEN, origin="external", trust=0)])
    assert (waiting.for_person, waiting.lacks) == (True, ())


def test_where_there_is_no_room_the_least_worth_makes_some_and_a_full_page_of_the_person_s_none() -> None:
    old = [replace(PROVEN, id=f"ERR-20260101-{n:04x}", status="promoted", right=f"{n} " * 60) for n in range(36)]
    text = promote(MEMORY, old[:1], {}, TODAY).text
    for learning in old[1:]:
        text += f"- {learning.right} ^{learning.id}\n"
    known = {each.id: each for each in old}
    assert estimate_tokens(text) > LONGEST_TOKENS - 200
    promoted = promote(text, [replace(PROVEN, trust=3)], known, TODAY)
    assert estimate_tokens(promoted.text) <= LONGEST_TOKENS
    assert PROVEN.id in promoted.text
    assert {one.id for one in promoted.removed} <= known.keys()
    kept = {one.record.id for one in bullets_of(promoted.text)}
    assert kept | {one.id for one in promoted.removed} >= known.keys()
    full = MEMORY + "- mine\n" * 1_400
    assert promote(full, [PROVEN], {}, TODAY) == replace(promote(full, [], {}, TODAY), no_room=(PROVEN,))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trigger": "", "wrong": "", "why": ""}, "ask for BILLBOARD_BUY_AMT."),
        ({"trigger": "", "wrong": "", "right": "", "why": ""}, "the field is BILLBOARD_BUY_AMT."),
        ({"wrong": "", "why": ""}, "The billboard is asked for a day: ask for BILLBOARD_BUY_AMT."),
        (
            {"why": "so " * 200},
            "The billboard is asked for a day: ask for BILLBOARD_BUY_AMT, not BUY_AMT.",
        ),
    ],
)
def test_a_learning_is_told_in_a_sentence_or_two(changes: dict[str, str], words: str) -> None:
    changed: dict[str, object] = dict(changes)
    assert words_of(replace(PROVEN, **changed)) == words  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 15), max_size=8), st.text("ab -#`\n", max_size=60))
def test_promotion_is_never_too_long_and_never_done_twice(numbers: list[int], mine: str) -> None:
    due = [replace(PROVEN, id=f"ERR-20261121-{n:04x}", right=f"do {n}") for n in dict.fromkeys(numbers)]
    try:
        once = promote(mine, due, {}, TODAY)
    except ValueError:
        assert "```" in mine
        return
    assert estimate_tokens(once.text) <= LONGEST_TOKENS
    again = promote(once.text, due, {}, TODAY)
    assert again.text == once.text


def test_an_archived_record_is_a_page_of_a_vault_that_links_to_what_took_its_place() -> None:
    removed = Removed(PROVEN.id, f"- Ask for it. ^{PROVEN.id}", ("## Learned",), "duplicate", "ERR-20261122-0001")
    page = render_page("trading", removed, PROVEN, TODAY)
    assert page.startswith('---\nid: ERR-20261121-7f3a\nagent: trading\narchived: "2026-11-24"\nwhy: duplicate\n')
    assert "Archived on 2026-11-24: another one says the same. Its place took [[ERR-20261122-0001]]." in page
    assert "It was verified yesterday. The record:" in page
    assert parse_learnings(page).find(PROVEN.id) is not None
    assert str(archive_path("trading", PROVEN.id)) == "memory/archive/trading/ERR-20261121-7f3a.md"
    index = render_index("trading", [(PROVEN.id, "Ask for it.")])
    assert index.endswith("# Archive of trading\n\n- [[ERR-20261121-7f3a]]: Ask for it.\n")
    assert index_path("trading").stem == "Archive of trading"
