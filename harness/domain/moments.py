"""Moments in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def utc_time(moment: datetime) -> str:
    """Return the moment as `2026-11-21 07:15 UTC`, for who reads it in whatever zone, or reads it years later."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def local_time(moment: datetime, zone: str, now: datetime) -> str:
    """Return the clock time in the zone, with the day where it is not today: `07:15`, `Fri 20 Nov 07:15`."""
    local = moment.astimezone(ZoneInfo(zone))
    clock = local.strftime("%H:%M")
    if local.date() == now.astimezone(ZoneInfo(zone)).date():
        return clock
    return f"{local:%a} {local.day} {local:%b} {clock}"


def day_start(now: datetime, zone: str) -> datetime:
    """Return the first moment of the zone's day that it is now, aware UTC."""
    return midnight(now.astimezone(ZoneInfo(zone)).date(), zone)


def day_end(now: datetime, zone: str) -> datetime:
    """Return the first moment of the zone's next day, aware UTC."""
    return midnight(now.astimezone(ZoneInfo(zone)).date() + timedelta(days=1), zone)


def midnight(day: date, zone: str) -> datetime:
    """Return the first moment of the zone's day, aware UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
