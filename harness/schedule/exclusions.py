"""Slots at which a job is not to run although its schedule says so: closed days and quiet hours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from harness.domain.job import Job
from harness.domain.schedule import Calendar


def why_excluded(job: Job, calendars: Mapping[str, Calendar], slot: datetime) -> str | None:
    """Return in words why the job does not run at `slot` (aware), or None if it does.

    A day is closed or open by the calendar's own zone, quiet hours are read by theirs, both by the job's if
    they name none. A calendar that is not among `calendars` closes nothing.
    """
    return _why_closed(job, calendars, slot) or _why_quiet(job, slot)


def _why_closed(job: Job, calendars: Mapping[str, Calendar], slot: datetime) -> str | None:
    calendar = calendars.get(job.calendar) if job.calendar is not None else None
    if calendar is None:
        return None
    why = calendar.why_closed(slot.astimezone(ZoneInfo(calendar.zone or job.zone)).date())
    return None if why is None else f"{calendar.title} is closed: {why}"


def _why_quiet(job: Job, slot: datetime) -> str | None:
    if job.quiet_hours is None:
        return None
    zone = job.quiet_hours.zone or job.zone
    if not job.quiet_hours.include(slot.astimezone(ZoneInfo(zone))):
        return None
    return f"quiet hours {job.quiet_hours} in {zone}"
