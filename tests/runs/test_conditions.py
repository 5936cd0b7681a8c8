"""What counts as a change, as something new, and as nothing that anybody could tell."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.figures import Figure
from harness.domain.job import OnlyIf
from harness.domain.source import Collected, Gap, Item
from harness.runs.conditions import MAX_KEYS, Circumstances, Sighting, item_key, observe, remember, why_not
from harness.store.json_codec import from_json, to_json

MONDAY = datetime(2026, 11, 16, 7, 40, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
CHANGED = OnlyIf(changed=("feeds/ai",))
DOWN = Gap("News", "answered 503 Service Unavailable")


def item(name: str, title: str = "") -> Item:
    return Item(title or f"About {name}", f"https://example.org/{name}", "News")


def feed(*names: str, gaps: tuple[Gap, ...] = (), read: str = "feeds/ai") -> Collected:
    return Collected(read, tuple(item(name) for name in names), gaps)


def reason(only_if: OnlyIf, now: list[Collected], before: list[Collected] | None, **known: object) -> str | None:
    """Judge the condition on Tuesday, with what was seen on Monday."""
    seen = None if before is None else observe(only_if, before, MONDAY)
    circumstances = {
        "new": [one for part in now for one in part.items],
        "gaps": [gap for part in now for gap in part.gaps],
        **known,
    }
    return why_not(only_if, Circumstances(observe(only_if, now, TUESDAY), seen, **circumstances))  # type: ignore[arg-type]


def test_what_was_never_looked_at_before_has_changed_and_is_new() -> None:
    assert reason(CHANGED, [feed("a")], None) is None
    assert reason(OnlyIf(new_items=3), [feed("a")], None) is None


def test_the_same_items_are_no_change_whatever_their_order_and_tracking_parameters() -> None:
    tracked = Item("About b", "http://www.example.org/b/?utm_source=x", "Another name")
    now = [Collected("feeds/ai", (tracked, item("a")))]
    assert reason(CHANGED, now, [feed("a", "b")]) == "nothing changed in feeds/ai since Mon 07:40"


def test_a_new_item_and_a_new_title_are_changes() -> None:
    assert reason(CHANGED, [feed("a", "b")], [feed("a")]) is None
    retitled = Collected("feeds/ai", (item("a", "Corrected"),))
    assert reason(CHANGED, [retitled], [feed("a")]) is None


def test_an_item_that_went_away_is_no_change() -> None:
    assert reason(CHANGED, [feed("b")], [feed("a", "b")]) is not None


def test_another_text_is_a_change_and_the_same_one_is_not() -> None:
    notes = OnlyIf(changed=("notes.md",))
    before = [Collected("notes.md", text="Call the bank.")]
    assert reason(notes, before, before) == "nothing changed in notes.md since Mon 07:40"
    assert reason(notes, [Collected("notes.md", text="Call the baker.")], before) is None


def test_another_value_of_a_figure_is_a_change_and_the_same_one_is_not() -> None:
    market = OnlyIf(changed=("market/us",))
    before, now = (Collected("market/us", figures=(Figure("^spx.close", "S&P 500, close", v),)) for v in (1.0, 2.0))
    assert reason(market, [now], [before]) is None
    assert reason(market, [before], [before]) is not None


def test_one_entry_of_several_that_changed_is_enough() -> None:
    both = OnlyIf(changed=("feeds/ai", "notes.md"))
    before = [feed("a"), Collected("notes.md", text="Old.")]
    assert reason(both, [feed("a"), Collected("notes.md", text="New.")], before) is None
    assert reason(both, before, before) == "nothing changed in feeds/ai, notes.md since Mon 07:40"


def test_what_changed_in_an_entry_that_is_not_named_does_not_count() -> None:
    now = [feed("a"), Collected("notes.md", text="New.")]
    assert reason(CHANGED, now, [feed("a"), Collected("notes.md", text="Old.")]) is not None


def test_a_source_that_fails_is_no_change_and_is_named_in_the_reason() -> None:
    both = OnlyIf(changed=("feeds/ai", "feeds/more"))
    before = [feed("a"), feed("b", read="feeds/more")]
    now = [feed(gaps=(DOWN,)), feed("b", read="feeds/more")]
    assert reason(both, now, before) == (
        "nothing changed in feeds/ai, feeds/more since Mon 07:40; "
        "could not be read: News: answered 503 Service Unavailable"
    )


def test_where_nothing_of_it_can_be_read_the_run_goes_on_to_say_so() -> None:
    assert reason(CHANGED, [feed(gaps=(DOWN,))], [feed("a")]) is None
    assert reason(OnlyIf(new_items=1), [feed(gaps=(DOWN,))], [feed("a")], has_failed=True) is None


def test_a_feed_of_a_list_that_failed_once_is_no_change_when_it_is_back() -> None:
    for only_if in (CHANGED, OnlyIf(new_items=1)):
        first = observe(only_if, [feed("a", "b")], MONDAY)
        second = remember(observe(only_if, [feed("b", gaps=(DOWN,))], TUESDAY), first)
        back = observe(only_if, [feed("a", "b")], TUESDAY)
        assert why_not(only_if, Circumstances(back, second, new=feed("a", "b").items)) is not None


def test_what_is_gone_from_sources_that_work_is_forgotten_and_new_when_it_comes_back() -> None:
    first = observe(CHANGED, [feed("a", "b")], MONDAY)
    second = remember(observe(CHANGED, [feed("b")], TUESDAY), first)
    assert why_not(CHANGED, Circumstances(observe(CHANGED, [feed("a", "b")], TUESDAY), second)) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("ab", "no new items since Mon 07:40, the job wants 3"),
        ("abc", "1 new item since Mon 07:40, the job wants 3"),
        ("abcd", "2 new items since Mon 07:40, the job wants 3"),
        ("abcde", None),
    ],
)
def test_items_are_counted_that_were_not_there_before(names: str, expected: str | None) -> None:
    assert reason(OnlyIf(new_items=3), [feed(*names)], [feed("a", "b")]) == expected


def test_the_same_page_in_two_entries_is_one_new_item() -> None:
    now = [feed("a", "b"), feed("b", read="feeds/more")]
    assert reason(OnlyIf(new_items=2), now, [feed("a")]) == "1 new item since Mon 07:40, the job wants 2"


def test_what_was_delivered_before_is_not_new_although_it_was_not_there_last_time() -> None:
    assert reason(OnlyIf(new_items=1), [feed("a", "b")], [feed("a")], new=[item("a")]) is not None


def test_a_pattern_that_matches_nothing_holds_the_run_back_also_the_first_time() -> None:
    only_if = OnlyIf(exists=("inbox/*.md",))
    expected = "nothing in the workspace matches inbox/*.md"
    assert reason(only_if, [], None, missing=("inbox/*.md",)) == expected
    assert reason(only_if, [], None) is None


def test_all_parts_of_a_condition_must_hold_and_each_that_does_not_is_named() -> None:
    only_if = OnlyIf(changed=("feeds/ai",), new_items=2, exists=("inbox/*.md",))
    assert reason(only_if, [feed("a", "b")], [feed("a")], missing=("inbox/*.md",)) == (
        "nothing in the workspace matches inbox/*.md; 1 new item since Mon 07:40, the job wants 2"
    )


def test_a_moment_of_another_week_is_told_with_its_date() -> None:
    seen = observe(CHANGED, [feed("a")], MONDAY)
    later = observe(CHANGED, [feed("a")], MONDAY + timedelta(days=6))
    words = why_not(CHANGED, Circumstances(later, seen, zone="America/New_York"))
    assert words == "nothing changed in feeds/ai since Mon 16 Nov 02:40"


def test_another_job_that_had_nothing_to_report_has_not_changed() -> None:
    only_if = OnlyIf(changed=("scout/morning",))
    before = [feed("a", read="scout/morning")]
    silent = Collected("scout/morning", text="Nothing to report: nothing new in 3 sources.")
    assert reason(only_if, [silent], before) is not None


def test_another_jobs_page_with_the_same_items_has_not_changed_although_its_date_has() -> None:
    only_if = OnlyIf(changed=("scout/morning",))
    monday = Collected("scout/morning", (item("a"),), text="Morning, 16 Nov")
    tuesday = Collected("scout/morning", (item("a"),), text="Morning, 17 Nov")
    assert reason(only_if, [tuesday], [monday]) is not None
    assert reason(only_if, [Collected("scout/morning", text="Words only.")], [monday]) is None


def test_of_more_items_than_can_be_remembered_any_difference_counts_and_the_memory_stays_small() -> None:
    many = feed(*(f"story-{n}" for n in range(MAX_KEYS + 1)))
    changed = observe(CHANGED, [many], MONDAY)
    assert why_not(CHANGED, Circumstances(observe(CHANGED, [many], TUESDAY), changed)) is not None
    one_else = feed(*(f"story-{n}" for n in range(1, MAX_KEYS + 2)))
    assert why_not(CHANGED, Circumstances(observe(CHANGED, [one_else], TUESDAY), changed)) is None
    sizes = [
        len(str(to_json(Sighting, observe(only_if, [many], MONDAY)))) for only_if in (CHANGED, OnlyIf(new_items=1))
    ]
    assert sizes[0] < 500
    assert sizes[1] < MAX_KEYS * 20


def test_a_source_that_is_always_broken_does_not_let_the_memory_grow() -> None:
    only_if = OnlyIf(changed=("feeds/ai",), new_items=1)
    seen: Sighting | None = None
    for day in range(12):
        names = (f"story-{day}-{n}" for n in range(MAX_KEYS // 10))
        seen = remember(observe(only_if, [feed(*names, gaps=(DOWN,))], MONDAY), seen)
    assert seen is not None
    assert len(seen.items) == MAX_KEYS
    assert len(seen.readings["feeds/ai"].items) == MAX_KEYS
    assert item_key(item("story-11-0")) == seen.items[0]


NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)


@given(before=NAMES, now=NAMES, wanted=st.integers(1, 8))
def test_a_condition_holds_exactly_when_something_is_there_that_was_not(
    before: list[str], now: list[str], wanted: int
) -> None:
    added = set(now) - set(before)
    assert (reason(CHANGED, [feed(*now)], [feed(*before)]) is None) == bool(added)
    assert (reason(OnlyIf(new_items=wanted), [feed(*now)], [feed(*before)]) is None) == (len(added) >= wanted)


@given(before=NAMES, now=NAMES, fails=st.booleans())
def test_what_is_remembered_survives_json(before: list[str], now: list[str], fails: bool) -> None:
    only_if = OnlyIf(changed=("feeds/ai",), new_items=1)
    gaps = (DOWN,) if fails else ()
    seen = remember(observe(only_if, [feed(*now, gaps=gaps)], TUESDAY), observe(only_if, [feed(*before)], MONDAY))
    assert from_json(Sighting, to_json(Sighting, seen)) == seen
