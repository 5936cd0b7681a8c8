from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.cli.table import display_width, table_lines, wrap

_CELLS = st.text(st.characters(categories=["L", "N", "P"]), max_size=12)


def test_columns_stand_below_each_other_and_the_last_one_is_wrapped() -> None:
    rows = [("07:15", "ainews/arxiv", "one two three four five six"), ("7", "zoe", "x")]
    assert table_lines(rows, 44) == [
        "07:15  ainews/arxiv  one two three four five",
        "                     six",
        "7      zoe           x",
    ]


def test_no_rows_are_no_lines() -> None:
    assert table_lines([], 80) == []


def test_wide_characters_take_two_columns() -> None:
    assert display_width("日本") == 4
    assert table_lines([("日本", "x"), ("abcd", "y")], 80) == ["日本  x", "abcd  y"]


@given(st.text(), st.integers(1, 60))
def test_wrapping_loses_no_word(text: str, width: int) -> None:
    assert " ".join(wrap(text, width)).split() == text.split()


@given(st.lists(st.tuples(_CELLS, _CELLS, st.text(st.sampled_from("ab "), max_size=90)), max_size=6))
def test_table_stays_within_its_width_while_words_do(rows: list[tuple[str, str, str]]) -> None:
    rows = [(first, second, " ".join(word[:20] for word in last.split())) for first, second, last in rows]
    assert all(display_width(line) <= 80 for line in table_lines(rows, 80))
