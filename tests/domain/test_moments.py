"""Moments in words, for readers in another zone than the one in which something happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.moments import day_end, day_start, local_time, utc_time

ZONES = ("America/Los_Angeles", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC")


def test_a_moment_of_any_zone_is_told_in_utc() -> None:
    assert utc_time(datetime(2026, 11, 22, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))) == "2026-11-21 23:30 UTC"


def test_a_local_time_names_its_day_where_it_is_another() -> None:
    now = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)  # the 22nd already in Berlin
    assert local_time(datetime(2026, 11, 22, 6, 15, tzinfo=UTC), "Europe/Berlin", now) == "07:15"
    assert local_time(datetime(2026, 11, 21, 6, 15, tzinfo=UTC), "Europe/Berlin", now) == "Sat 21 Nov 07:15"


@given(seconds=st.integers(0, 15 * 365 * 86_400), zone=st.sampled_from(ZONES))
def test_a_day_is_what_a_calendar_of_the_zone_says_it_is(seconds: int, zone: str) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    start, end = day_start(now, zone), day_end(now, zone)
    assert start <= now < end
    assert timedelta(hours=22) < end - start < timedelta(hours=26)
    today = now.astimezone(ZoneInfo(zone)).date()
    last = end - timedelta(microseconds=1)
    assert start.astimezone(ZoneInfo(zone)).date() == last.astimezone(ZoneInfo(zone)).date() == today
    assert day_start(end, zone) == end, "no moment is between two days, and none is of both"


@pytest.mark.parametrize(
    ("day", "hours"), [(datetime(2026, 3, 8, 20, tzinfo=UTC), 23), (datetime(2026, 11, 1, 20, tzinfo=UTC), 25)]
)
def test_a_day_on_which_the_clock_is_changed_is_longer_or_shorter(day: datetime, hours: int) -> None:
    zone = "America/Los_Angeles"
    assert day_end(day, zone) - day_start(day, zone) == timedelta(hours=hours)
