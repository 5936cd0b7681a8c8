"""Moments in words."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo


def local_time(moment: datetime, zone: str, now: datetime) -> str:
    """Return the clock time in the zone, with the day where it is not today: `07:15`, `Fri 20 Nov 07:15`."""
    local = moment.astimezone(ZoneInfo(zone))
    clock = local.strftime("%H:%M")
    if local.date() == now.astimezone(ZoneInfo(zone)).date():
        return clock
    return f"{local:%a} {local.day} {local:%b} {clock}"
