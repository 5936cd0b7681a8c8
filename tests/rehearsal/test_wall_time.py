from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.rehearsal.wall_time import days_span, wall_moment

LOS_ANGELES = "America/Los_Angeles"


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 11, 20), LOS_ANGELES, 24),
        (date(2026, 3, 8), LOS_ANGELES, 23),
        (date(2026, 11, 1), LOS_ANGELES, 25),
        (date(2026, 4, 5), "Australia/Lord_Howe", 24.5),
        (date(2026, 4, 24), "Africa/Cairo", 23),  # begins with a skipped hour: there is no 00:00
        (date(2026, 10, 29), "Africa/Cairo", 25),  # ends with an hour that is shown twice
        (date(2026, 11, 1), "America/Havana", 25),  # begins with an hour that is shown twice
        (date(2026, 11, 20), "Asia/Kathmandu", 24),
    ],
)
def test_a_day_is_as_long_as_its_zone_makes_it(day: date, zone: str, hours: float) -> None:
    start, end = days_span(day, 1, zone)
    assert end - start == timedelta(hours=hours)
    assert start.astimezone(ZoneInfo(zone)).date() == day
    assert (start - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() == day - timedelta(days=1)


def test_hours_are_those_of_the_clock_on_the_wall_on_a_day_of_23_hours() -> None:
    assert wall_moment(date(2026, 3, 8), LOS_ANGELES, 7.5) == datetime(2026, 3, 8, 14, 30, tzinfo=UTC)
    assert wall_moment(date(2026, 3, 9), LOS_ANGELES, -36) == datetime(2026, 3, 7, 20, 0, tzinfo=UTC)


def test_a_span_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        days_span(date(2026, 3, 8), 0, LOS_ANGELES)


@given(
    day=st.dates(date(2000, 1, 1), date(2037, 12, 30)),
    zone=st.sampled_from([LOS_ANGELES, "Europe/Berlin", "Africa/Cairo", "America/Havana", "Pacific/Auckland"]),
)
def test_days_follow_each_other_without_gap_or_overlap(day: date, zone: str) -> None:
    one, two = days_span(day, 1, zone), days_span(day, 2, zone)
    assert one[0] == two[0]
    assert one[1] == wall_moment(day + timedelta(days=1), zone) < two[1]
