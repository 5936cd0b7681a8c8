from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.schedule import Cron, Every, Once, Schedule
from harness.schedule.due import next_due, slots_between

LOS_ANGELES, BERLIN, LORD_HOWE = "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe"
SANTIAGO, APIA = "America/Santiago", "Pacific/Apia"  # change at midnight; a whole day skipped on 2011-12-30

CHANGES = {  # a UTC time about a day before each clock change
    "spring in Los Angeles": (LOS_ANGELES, datetime(2026, 3, 7, 12, tzinfo=UTC)),
    "autumn in Los Angeles": (LOS_ANGELES, datetime(2026, 10, 31, 12, tzinfo=UTC)),
    "spring in Berlin": (BERLIN, datetime(2026, 3, 28, 3, tzinfo=UTC)),
    "autumn in Berlin": (BERLIN, datetime(2026, 10, 24, 3, tzinfo=UTC)),
    "spring on Lord Howe": (LORD_HOWE, datetime(2026, 10, 2, 18, tzinfo=UTC)),
    "autumn on Lord Howe": (LORD_HOWE, datetime(2026, 4, 3, 18, tzinfo=UTC)),
    "spring in Santiago": (SANTIAGO, datetime(2026, 9, 5, 6, tzinfo=UTC)),
    "autumn in Santiago": (SANTIAGO, datetime(2026, 4, 4, 6, tzinfo=UTC)),
    "the skipped day in Apia": (APIA, datetime(2011, 12, 29, 12, tzinfo=UTC)),
}

minutes = st.sampled_from(["0", "30", "15,45", "*/20", "*", "59"])
hours = st.sampled_from(["*", "0", "1", "2", "1-3", "*/2", "23", "0,2,4"])
days = st.sampled_from(["* * *", "* * sun", "* * 6,7", "1-8 * *", "4 * 0", "* 3-11 *"])
crons = st.builds(lambda m, h, d: Cron(f"{m} {h} {d}"), minutes, hours, days)
changes = st.sampled_from(list(CHANGES.values()))


def wall(text: str) -> datetime:
    """Return a wall-clock time, which has no zone of its own."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def local(zone: str, slots: Sequence[datetime]) -> list[str]:
    return [slot.astimezone(ZoneInfo(zone)).strftime("%d %H:%M %z") for slot in slots]


def due_on(zone: str, start: datetime, *schedules: Schedule, hours: int = 48) -> list[str]:
    return local(zone, slots_between(schedules, zone, start, start + timedelta(hours=hours)))


@pytest.mark.parametrize(
    ("change", "expression", "expected"),
    [
        ("spring in Los Angeles", "30 2 * * *", ["08 03:00 -0700", "09 02:30 -0700"]),
        ("autumn in Los Angeles", "30 1 * * *", ["01 01:30 -0700", "02 01:30 -0800"]),
        ("spring in Los Angeles", "*/30 2 * * *", ["09 02:00 -0700", "09 02:30 -0700"]),
        ("autumn in Los Angeles", "*/30 1 1 * *", [
            "01 01:00 -0700", "01 01:30 -0700", "01 01:00 -0800", "01 01:30 -0800",
        ]),
        ("spring in Berlin", "0,30 2 * * *", ["29 03:00 +0200", "30 02:00 +0200", "30 02:30 +0200"]),
        ("autumn in Berlin", "30 2 25 * *", ["25 02:30 +0200"]),
        ("spring on Lord Howe", "15 2 * * *", ["04 02:30 +1100", "05 02:15 +1100"]),
        ("spring on Lord Howe", "*/20 3 4 * *", ["04 03:00 +1100", "04 03:20 +1100", "04 03:40 +1100"]),
        ("autumn on Lord Howe", "45 1 5 * *", ["05 01:45 +1100"]),
        ("autumn on Lord Howe", "*/15 1 5 * *", [
            "05 01:00 +1100", "05 01:15 +1100", "05 01:30 +1100", "05 01:45 +1100", "05 01:30 +1030", "05 01:45 +1030",
        ]),
        ("spring in Santiago", "0 0 * * sun", ["06 01:00 -0300"]),
        ("the skipped day in Apia", "0 8 * * *", ["29 08:00 -1000", "31 00:00 +1400", "31 08:00 +1400"]),
    ],
)  # fmt: skip
def test_each_slot_fires_as_promised_when_the_clock_changes(change: str, expression: str, expected: list[str]) -> None:
    zone, start = CHANGES[change]
    assert due_on(zone, start, Cron(expression)) == expected


@pytest.mark.parametrize(
    ("zone", "at", "expected"),
    [
        (LOS_ANGELES, wall("2026-12-01 09:00"), datetime(2026, 12, 1, 17, tzinfo=UTC)),
        (LOS_ANGELES, wall("2026-03-08 02:30"), datetime(2026, 3, 8, 10, tzinfo=UTC)),
        (LOS_ANGELES, wall("2026-11-01 01:30"), datetime(2026, 11, 1, 8, 30, tzinfo=UTC)),
        (LORD_HOWE, wall("2026-10-04 02:15"), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ],
)
def test_once_fires_exactly_once_also_in_a_gap_and_in_a_repeated_hour(
    zone: str, at: datetime, expected: datetime
) -> None:
    start = expected - timedelta(days=3)
    assert slots_between([Once(at)], zone, start, expected + timedelta(days=3)) == [expected]
    assert next_due([Once(at)], zone, start) == expected
    assert next_due([Once(at)], zone, expected) is None


def test_every_is_anchored_to_the_epoch_and_not_to_the_moment_of_asking() -> None:
    after = datetime(2026, 5, 1, 10, 7, 13, 500, tzinfo=UTC)
    assert next_due([Every(1800)], BERLIN, after) == datetime(2026, 5, 1, 10, 30, tzinfo=UTC)
    assert next_due([Every(1800)], BERLIN, datetime(2026, 5, 1, 10, 30, tzinfo=UTC)) == datetime(
        2026, 5, 1, 11, tzinfo=UTC
    )


def test_day_of_month_or_weekday_is_enough_when_both_are_given() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    slots = slots_between([Cron("0 9 13 * fri")], "UTC", start, start + timedelta(days=14))
    assert local("UTC", slots) == ["05 09:00 +0000", "12 09:00 +0000", "13 09:00 +0000"]


def test_both_0_and_7_are_sunday() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    assert next_due([Cron("0 9 * * 7")], "UTC", start) == next_due([Cron("0 9 * * 0")], "UTC", start)


def test_slots_of_several_schedules_are_merged_without_duplicates() -> None:
    schedules: list[Schedule] = [Cron("0 8 * * *"), Every(8 * 3600), Cron("30 2 * * *")]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert [s.hour for s in slots_between(schedules, "UTC", start, start + timedelta(days=1))] == [2, 8, 16, 0]


def test_interval_excludes_its_start_and_includes_its_end() -> None:
    eight = datetime(2026, 1, 1, 8, tzinfo=UTC)
    assert slots_between([Cron("0 8 * * *")], "UTC", eight, eight + timedelta(days=1)) == [eight + timedelta(days=1)]


def test_nothing_is_due_when_there_is_no_schedule() -> None:
    assert next_due([], "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a time zone"):
        next_due([Every(60)], "UTC", wall("2026-01-01"))


@settings(deadline=None)
@given(crons, changes, st.integers(0, 60 * 72 * 60), st.integers(0, 60 * 72 * 60))
def test_splitting_an_interval_anywhere_gives_the_same_slots(
    cron: Cron, change: tuple[str, datetime], cut_s: int, length_s: int
) -> None:
    zone, start = change
    cut, until = start + timedelta(seconds=min(cut_s, length_s)), start + timedelta(seconds=length_s)
    whole = slots_between([cron], zone, start, until)
    assert whole == slots_between([cron], zone, start, cut) + slots_between([cron], zone, cut, until)
    assert whole == sorted(set(whole))


@settings(deadline=None, max_examples=30)
@given(crons, changes)
def test_asking_for_the_next_slot_again_and_again_walks_through_all_of_them(
    cron: Cron, change: tuple[str, datetime]
) -> None:
    zone, start = change
    until = start + timedelta(hours=60)
    walked: list[datetime] = []
    slot = next_due([cron], zone, start)
    while slot is not None and slot <= until:
        walked.append(slot)
        slot = next_due([cron], zone, slot)
    assert walked == slots_between([cron], zone, start, until)


@settings(deadline=None)
@given(hours, days, changes)
def test_a_pattern_is_due_at_every_minute_at_which_the_clock_shows_it(
    hour: str, day: str, change: tuple[str, datetime]
) -> None:
    zone, start = change
    expression = f"*/7 {hour} {day}"
    moments = [start + timedelta(minutes=m) for m in range(1, 60 * 48 + 1)]
    shown = [(m, m.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for m in moments]
    walls = [shown_at for _, shown_at in shown]
    matching = set(takewhile(lambda w: w <= max(walls), CronSim(expression, min(walls) - timedelta(minutes=1))))
    assert slots_between([Cron(expression)], zone, start, moments[-1]) == [m for m, w in shown if w in matching]


@settings(deadline=None)
@given(
    st.sampled_from(["30 2 * * *", "0,30 1-3 * * *", "15 1 * * sun", "0 0 * * *", "5 23 * * 6"]),
    st.sampled_from([c for c in CHANGES.values() if c[0] in (LOS_ANGELES, BERLIN)]),
)
def test_fixed_times_agree_with_cronsim_where_clocks_move_by_whole_hours(
    expression: str, change: tuple[str, datetime]
) -> None:
    zone, start = change
    simulated = CronSim(expression, start.astimezone(ZoneInfo(zone)))
    expected = sorted({next(simulated).astimezone(UTC) for _ in range(4)})
    assert slots_between([Cron(expression)], zone, start, expected[-1]) == expected
