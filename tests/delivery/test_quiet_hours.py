from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.delivery.quiet_hours import quiet_until
from harness.domain.schedule import QuietHours

ZONE = "America/Los_Angeles"
NIGHT = QuietHours(23 * 60, 7 * 60)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-21 22:59:59", None),
        ("2026-11-21 23:00", "2026-11-22 07:00"),
        ("2026-11-22 06:59:59", "2026-11-22 07:00"),
        ("2026-11-22 07:00", None),
        ("2026-03-07 23:30", "2026-03-08 07:00"),  # the night that loses an hour
        ("2026-10-31 23:30", "2026-11-01 07:00"),  # the night that gains one
    ],
)
def test_quiet_hours_over_midnight_end_on_the_wall_clock(now: str, until: str | None) -> None:
    expected = None if until is None else local(until).astimezone(UTC)
    assert quiet_until(local(now).astimezone(UTC), ZONE, NIGHT) == expected


def test_quiet_hours_that_end_in_the_lost_hour_end_when_the_clock_jumps() -> None:
    now = local("2026-03-08 01:15").astimezone(UTC)
    assert quiet_until(now, ZONE, QuietHours(60, 150)) == datetime(2026, 3, 8, 10, 0, tzinfo=UTC)


def test_quiet_hours_of_no_length_never_hold_and_endless_ones_are_asked_again_after_a_day() -> None:
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    assert quiet_until(now, "UTC", QuietHours(600, 600)) is None
    assert quiet_until(now, "UTC", QuietHours(0, 1440)) == now + timedelta(days=1, minutes=1)


@given(
    st.integers(0, 366 * 86400).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)),
    st.sampled_from([ZONE, "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]),
    st.integers(0, 1439),
    st.integers(0, 1439),
)
def test_the_end_of_quiet_hours_is_later_and_not_quiet(now: datetime, zone: str, start: int, end: int) -> None:
    quiet = QuietHours(start, end)
    until = quiet_until(now, zone, quiet)
    if until is not None:
        assert now < until <= now + timedelta(hours=25)
        assert quiet_until(until, zone, quiet) is None
        assert quiet_until(until - timedelta(seconds=1), zone, quiet) == until
