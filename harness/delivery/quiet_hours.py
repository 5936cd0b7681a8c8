"""Quiet hours: when the person is not to be disturbed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from harness.domain.schedule import QuietHours

_MINUTE = timedelta(minutes=1)


def quiet_until(now: datetime, zone: str, quiet: QuietHours) -> datetime | None:
    """Return when the quiet hours that hold at `now` end (aware UTC), or None outside of them.

    The wall clock of `zone` decides, minute by minute, so that nights in which the clock changes need
    no rule of their own. Quiet hours that start and end at the same minute never hold; those that
    never end are asked again after a day.
    """
    local = ZoneInfo(zone)
    if not _is_quiet(now.astimezone(local), quiet):
        return None
    moment = now.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    a_day_on = moment + timedelta(days=1)
    while moment < a_day_on and _is_quiet(moment.astimezone(local), quiet):
        moment += _MINUTE
    return moment


def _is_quiet(wall: datetime, quiet: QuietHours) -> bool:
    minute = wall.hour * 60 + wall.minute
    if quiet.start_minute <= quiet.end_minute:
        return quiet.start_minute <= minute < quiet.end_minute
    return minute >= quiet.start_minute or minute < quiet.end_minute
