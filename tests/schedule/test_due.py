from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.domain.schedule import Cron, Every, Once, Schedule
from harness.schedule.due import next_due, shortest_period_s, slots_after, slots_between
from harness.schedule.grammar import parse_schedules

LOS_ANGELES, BERLIN, LORD_HOWE = "America/Los_Angeles", "Europe/Berlin", "Australia/Lord_Howe"
CASABLANCA = "Africa/Casablanca"  # an hour back for Ramadan, and forward after it
SANTIAGO, APIA = "America/Santiago", "Pacific/Apia"  # change at midnight; a whole day skipped on 2011-12-30

CHANGES = {  # a UTC time about a day before each clock change
    "spring in Los Angeles": (LOS_ANGELES, datetime(2026, 3, 7, 12, tzinfo=UTC)),
    "autumn in Los Angeles": (LOS_ANGELES, datetime(2026, 10, 31, 12, tzinfo=UTC)),
    "spring in Berlin": (BERLIN, datetime(2026, 3, 28, 3, tzinfo=UTC)),
    "autumn in Berlin": (BERLIN, datetime(2026, 10, 24, 3, tzinfo=UTC)),
    "spring on Lord Howe": (LORD_HOWE, datetime(2026, 10, 2, 18, tzinfo=UTC)),
    "autumn on Lord Howe": (LORD_HOWE, datetime(2026, 4, 3, 18, tzinfo=UTC)),
    "before Ramadan in Casablanca": (CASABLANCA, datetime(2026, 2, 14, 2, tzinfo=UTC)),
    "after Ramadan in Casablanca": (CASABLANCA, datetime(2026, 3, 21, 2, tzinfo=UTC)),
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


CHANGING = (LOS_ANGELES, BERLIN, LORD_HOWE, CASABLANCA)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def days_of_change(zone: str, year: int) -> list[date]:
    """Return the local days of the year in which the clock is put forward or back."""
    start = datetime(year, 1, 1, tzinfo=UTC)
    hours_of_year = [(start + timedelta(hours=hour)).astimezone(ZoneInfo(zone)) for hour in range(366 * 24)]
    changed = [now for before, now in pairwise(hours_of_year) if before.utcoffset() != now.utcoffset()]
    return sorted({moment.date() for moment in changed if moment.year == year})


def minutes_of(zone: str, first: date, last: date) -> list[tuple[datetime, datetime]]:
    """Return every minute from the day before to the day after, with what the clock shows then: the oracle."""
    start = datetime(first.year, first.month, first.day, tzinfo=UTC) - 2 * DAY
    count = ((last - first).days + 5) * 24 * 60
    moments = [start + number * MINUTE for number in range(count)]
    return [(moment, moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for moment in moments]


def promised(minutes: Sequence[tuple[datetime, datetime]], at: datetime) -> datetime:
    """Return the first minute at which the clock shows the time, or, where it skips it, a later one."""
    return next(moment for moment, shown in minutes if shown >= at)


def assert_once_and_only_once(zone: str, year: int) -> int:
    """Hold every hour and half hour around the changes of the year against the minutes; return how many."""
    held = 0
    changes_of_year = days_of_change(zone, year)
    for changed in changes_of_year:
        days_around = [changed - DAY, changed, changed + DAY]
        shown = minutes_of(zone, days_around[0], days_around[-1])
        for half_hour in range(48):
            hour, minute = divmod(half_hour * 30, 60)
            wanted = [datetime(d.year, d.month, d.day, hour, minute) for d in days_around]  # noqa: DTZ001 a clock's face
            expected = [promised(shown, at) for at in wanted]
            found = slots_between(
                parse_schedules(f"daily {hour:02}:{minute:02}"), zone, expected[0] - MINUTE, expected[-1] + 2 * MINUTE
            )
            assert found == expected, (zone, changed, hour, minute)
            assert len(set(found)) == len(days_around)
            assert [slots_between([Once(at)], zone, shown[0][0], shown[-1][0]) for at in wanted] == [
                [moment] for moment in expected
            ]
            held += 1
    return held


@pytest.mark.parametrize("zone", CHANGING)
def test_every_hour_and_half_hour_of_the_days_of_change_fires_once_and_only_once(zone: str) -> None:
    assert len(days_of_change(zone, 2026)) == 2
    assert assert_once_and_only_once(zone, 2026) == 2 * 48


@settings(deadline=None, max_examples=6)
@given(st.sampled_from(CHANGING), st.integers(2024, 2036))
def test_a_fixed_time_fires_once_and_only_once_in_every_year(zone: str, year: int) -> None:
    assert assert_once_and_only_once(zone, year) > 0


@given(
    st.integers(1, 3 * 86_400),
    st.lists(st.integers(0, 2_000_000_000), min_size=1, max_size=12),
    st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 hypothesis adds the zone
)
def test_restarts_neither_starve_nor_drift_what_is_due_every_so_often(
    period_s: int, lives_us: list[int], first_start: datetime
) -> None:
    """Each life of a daemon asks for the slots from where the one before had got to, however short it was."""
    cursor = first_start.replace(tzinfo=UTC)
    begun, found = cursor, []
    for life_us in lives_us:
        stopped = cursor + timedelta(microseconds=life_us)
        found += slots_between([Every(period_s)], BERLIN, cursor, stopped)
        cursor = stopped
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    period = timedelta(seconds=period_s)
    counts = range((begun - epoch) // period + 1, (cursor - epoch) // period + 1)
    assert found == [epoch + count * period for count in counts]


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


def test_slots_go_on_without_end_in_order_and_each_once() -> None:
    schedules: list[Schedule] = [Every(3600), Cron("0 * * * *"), Once(wall("2026-01-01 00:30"))]
    slots = list(islice(slots_after(schedules, "UTC", datetime(2026, 1, 1, tzinfo=UTC)), 30))
    assert slots[:3] == [
        datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
        *[datetime(2026, 1, 1, h, tzinfo=UTC) for h in (1, 2)],
    ]
    assert slots == sorted(set(slots))


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


@pytest.mark.parametrize(
    ("text", "shortest"),
    [("daily 08:00", 86_400), ("*/15 9-17 * * 1-5", 900), ("every 30s", 30), ("once 2026-12-01 09:00", None)],
)
def test_the_shortest_period_is_that_between_two_slots_to_come(text: str, shortest: float | None) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert shortest_period_s(parse_schedules(text), BERLIN, now) == shortest
    assert shortest_period_s(parse_schedules(["daily 08:00", "daily 08:05"]), BERLIN, now) == 300
