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
    if not quiet.include(now.astimezone(local)):
        return None
    moment = now.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
    a_day_on = moment + timedelta(days=1)
    while moment < a_day_on and quiet.include(moment.astimezone(local)):
        moment += _MINUTE
    return moment
