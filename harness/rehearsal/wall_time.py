"""Local days and their hours as moments in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def wall_moment(day: date, zone: str, hours: float = 0.0) -> datetime:
    """Return the moment (aware UTC) at which clocks in `zone` show `hours` after the midnight of `day`.

    The hours are those of the clock on the wall: 7.5 is half past seven also on a day of 23 or 25 hours,
    negative hours lie on the days before. A time that the wall clock skips is as much after the change as
    it would have been, one that it shows twice is the first of both; so the midnight of a day that begins
    with a skipped hour is that day's first moment.
    """
    naive = datetime.combine(day, time()) + timedelta(hours=hours)
    return naive.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def days_span(first_day: date, days: int, zone: str) -> tuple[datetime, datetime]:
    """Return the first moment of the first day and the first moment after the last one, aware UTC."""
    if days < 1:
        raise ValueError(f"{days} days cannot be walked; at least 1")
    return wall_moment(first_day, zone), wall_moment(first_day + timedelta(days=days), zone)
