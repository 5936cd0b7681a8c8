"""What a request came to, in words: the worker's text is shown as it was written wherever it fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.bus_story import final_lines, receivers, result_words, situation_words
from harness.cli.table import display_width
from harness.domain.request import (
    Confirmed,
    DeadLettered,
    Delivered,
    Event,
    Evidence,
    Final,
    Finished,
    HandedOff,
    Noticed,
    Request,
    Requested,
    Situation,
    Watch,
    fold,
)

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
ASKED = Requested(Request("r-1", "zoe", "scout", "count", NOW, NOW, "k"))


def log(*bodies: object) -> tuple[Event, ...]:
    return tuple(Event("r-1", number, NOW, "system", body) for number, body in enumerate(bodies, 1))  # type: ignore[arg-type]


def test_a_table_or_code_in_a_conclusion_keeps_its_columns_and_only_long_lines_are_wrapped() -> None:
    table = "| kettle   | leaks |\n|----------|-------|\n| the blue |   no  |"
    long_line = f"  - {'word ' * 30}".rstrip()
    lines = list(final_lines(Final("done", f"{table}\n\n{long_line}"), 80))
    assert lines[:4] == [*table.splitlines(), ""]
    assert len(lines) > 5
    assert all(line.startswith("  ") and len(line) <= 80 for line in lines[4:])


@given(text=st.text(st.characters(codec="ascii", categories=("L", "N", "Zs")), max_size=200))
def test_no_word_of_a_conclusion_is_lost(text: str) -> None:
    lines = list(final_lines(Final("done", text), 40))
    assert " ".join(lines).split() == text.split()
    assert all(display_width(line) <= 40 or len(line.split()) == 1 for line in lines)


def test_evidence_and_what_comes_next_follow_the_conclusion() -> None:
    final = Final("done", "two", (Evidence("a.md", 4211, "ab"),), ("buy", "tell"), "PASS")
    assert list(final_lines(final, 80)) == [
        "two",
        "",
        "evidence  a.md (4,211 bytes)",
        "next      buy",
        "          tell",
    ]
    assert result_words(final) == "done (PASS)"
    assert result_words(Final("timed_out", "late")) == "timed out"


def test_who_has_a_request_changes_when_it_is_passed_on() -> None:
    passed = log(ASKED, Delivered(1, "bus:r-1:1"), Confirmed(1), HandedOff(1, "zoe", "knows more"), Delivered(2, "x"))
    assert [receiver for _, receiver in receivers(passed)] == ["scout", "scout", "scout", "zoe", "zoe"]


FINAL = Finished(Final("failed", "no"))
WATCH = Requested(replace(ASKED.request, watch=Watch(file="out/*.csv")))


@pytest.mark.parametrize(
    ("bodies", "words"),
    [
        ((ASKED,), "never delivered: scout knows nothing of it"),
        ((ASKED, Delivered(1)), "delivered, not confirmed: scout was given it, and may have begun"),
        ((ASKED, Delivered(1), Confirmed(1)), "confirmed, still working: scout has it"),
        ((WATCH,), "watching: nobody works on it"),
        ((ASKED, FINAL), "zoe hears of it in its next prompt"),
        ((ASKED, FINAL, Noticed("x")), "zoe was told"),
        ((ASKED, FINAL, DeadLettered("x", Situation.WORKING)), "confirmed, still working: scout had it"),
        ((ASKED, FINAL, DeadLettered("x", Situation.NOTICE_LOST)), "done, notice lost: it was worked to its end"),
    ],
)
def test_each_situation_says_what_it_means_that_nothing_came(bodies: tuple[object, ...], words: str) -> None:
    assert situation_words(fold(log(*bodies))) == words
