"""Moments in words, for readers in another zone than the one in which something happened."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from harness.domain.moments import local_time, utc_time


def test_a_moment_of_any_zone_is_told_in_utc() -> None:
    assert utc_time(datetime(2026, 11, 22, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))) == "2026-11-21 23:30 UTC"


def test_a_local_time_names_its_day_where_it_is_another() -> None:
    now = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)  # the 22nd already in Berlin
    assert local_time(datetime(2026, 11, 22, 6, 15, tzinfo=UTC), "Europe/Berlin", now) == "07:15"
    assert local_time(datetime(2026, 11, 21, 6, 15, tzinfo=UTC), "Europe/Berlin", now) == "Sat 21 Nov 07:15"
