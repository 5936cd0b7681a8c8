"""Where the person is, by `[here]` in harness.toml; jobs with `tz: local` follow."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from harness.domain.settings import Here, Settings


def person_zone(settings: Settings, now: datetime) -> str:
    """Return the zone of the place where the person is at `now` (aware): that of `[here]` while it holds, or home."""
    return settings.home_zone if settings.here is None or not holds(settings.here, now) else settings.here.zone


def holds(here: Here, now: datetime) -> bool:
    """Say whether the person is still there: to the end of the last day, by the clock of the place."""
    end = end_of(here)
    return end is None or now < end


def end_of(here: Here) -> datetime | None:
    """Return the moment (aware UTC) at which the person is home again, None if it is not known yet."""
    if here.until is None:
        return None
    return datetime.combine(here.until + timedelta(days=1), time(), tzinfo=ZoneInfo(here.zone)).astimezone(UTC)
