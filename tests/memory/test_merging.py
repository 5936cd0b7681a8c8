"""What two writers made of one text, merged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.memory.merging import Conflict, merge

BASE = "# Memory\n\n- one\n- two\n- three\n"


def test_changes_at_different_places_are_both_kept() -> None:
    ours, theirs = BASE.replace("- one", "- ONE"), BASE + "- four\n"
    assert merge(BASE, ours, theirs).text == "# Memory\n\n- ONE\n- two\n- three\n- four\n"


def test_of_lines_added_at_the_same_place_none_is_lost_and_none_stands_twice() -> None:
    merged = merge(BASE, BASE + "- ours\n- both\n", BASE + "- both\n- theirs\n")
    assert merged.text == BASE + "- both\n- theirs\n- ours\n"
    assert not merged.conflicts


def test_where_both_changed_the_same_line_the_person_is_right_and_the_conflict_is_told() -> None:
    merged = merge(BASE, BASE.replace("two", "2"), BASE.replace("two", "zwei"))
    assert merged.text == BASE.replace("two", "zwei")
    assert merged.conflicts == (Conflict("- 2", "- zwei"),)


def test_what_one_deleted_and_nobody_changed_is_gone() -> None:
    assert merge(BASE, BASE + "- four\n", BASE.replace("- one\n", "")).text == "# Memory\n\n- two\n- three\n- four\n"


def test_a_last_line_without_an_end_gets_one_when_others_follow() -> None:
    assert merge("a\nb", "a\nb\nours\n", "a\nb\ntheirs").text.splitlines() == ["a", "b", "theirs", "ours"]


_TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "d\n"]), max_size=8).map("".join)


@given(_TEXTS, _TEXTS)
def test_one_writer_alone_gets_what_he_wrote(base: str, changed: str) -> None:
    assert merge(base, changed, base).text == changed
    assert merge(base, base, changed).text == changed
    assert merge(base, changed, changed).text == changed


_DISTINCT = st.permutations(["a\n", "b\n", "c\n", "\n", "d\n"]).map("".join)


@given(_DISTINCT, st.lists(st.integers(0, 8)), st.lists(st.integers(0, 8)))
def test_lines_that_were_only_added_are_all_there(base: str, ours: list[int], theirs: list[int]) -> None:
    merged = merge(base, _with(base, ours, "ours"), _with(base, theirs, "theirs"))
    lines = merged.text.splitlines()
    assert not merged.conflicts
    assert sorted(line for line in lines if line.startswith("ours")) == sorted(f"ours {n}" for n in range(len(ours)))
    assert sorted(line for line in lines if line.startswith("theirs")) == sorted(
        f"theirs {n}" for n in range(len(theirs))
    )
    assert [line for line in lines if not line.startswith(("ours", "theirs"))] == base.splitlines()


def _with(base: str, places: list[int], who: str) -> str:
    lines = base.splitlines(keepends=True)
    for number, place in enumerate(places):
        lines.insert(place % (len(lines) + 1), f"{who} {number}\n")
    return "".join(lines)
