"""Slots at which a job is not to run although its schedule says so: closed days and quiet hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from harness.domain.job import Job
from harness.domain.schedule import Calendar
from harness.schedule.due import next_due

_HORIZON = timedelta(days=400)
"""Longer than a year, so that what runs on one day of it is found."""

_MOST_SLOTS_LOOKED_AT = 50_000


@dataclass(frozen=True, slots=True)
class Upcoming:
    """When a job runs next, in UTC; None if nothing in sight is due, or all of it is excluded.

    `excluded_at` is the first slot before that at which it does not run, and `why_excluded` the reason.
    """

    due_at: datetime | None
    excluded_at: datetime | None = None
    why_excluded: str = ""


def next_run(job: Job, calendars: Mapping[str, Calendar], after: datetime) -> Upcoming:
    """Return the first moment later than `after` (aware) at which the job is due and not excluded."""
    excluded = Upcoming(None)
    cursor = after
    for _ in range(_MOST_SLOTS_LOOKED_AT):
        slot = next_due(job.schedules, job.zone, cursor)
        if slot is None or slot - after > _HORIZON:
            break
        why = why_excluded(job, calendars, slot)
        if why is None:
            return Upcoming(slot, excluded.excluded_at, excluded.why_excluded)
        if excluded.excluded_at is None:
            excluded = Upcoming(None, slot, why)
        # Days and quiet hours begin and end with a minute: what is due every second is not asked every second.
        cursor = slot.replace(second=59, microsecond=999_999)
    return excluded


def why_never_due(job: Job, calendars: Mapping[str, Calendar], now: datetime) -> str | None:
    """Return the reason for which the job does not run at any of its times, None if it runs or nothing is due."""
    if job.calendar is None and job.quiet_hours is None:
        return None  # of most jobs, and of thousands it takes long to work out when each is due
    upcoming = next_run(job, calendars, now)
    return upcoming.why_excluded if upcoming.due_at is None and upcoming.excluded_at is not None else None


def why_excluded(job: Job, calendars: Mapping[str, Calendar], slot: datetime) -> str | None:
    """Return in words why the job does not run at `slot` (aware), or None if it does.

    A day is closed or open by the calendar's own zone, quiet hours are read by theirs, both by the job's if
    they name none. A calendar that is not among `calendars` closes nothing.
    """
    return _why_closed(job, calendars, slot) or why_quiet(job, slot)


def _why_closed(job: Job, calendars: Mapping[str, Calendar], slot: datetime) -> str | None:
    calendar = calendars.get(job.calendar) if job.calendar is not None else None
    if calendar is None:
        return None
    why = calendar.why_closed(slot.astimezone(ZoneInfo(calendar.zone or job.zone)).date())
    return None if why is None else f"{calendar.title} is closed: {why}"


def why_quiet(job: Job, slot: datetime) -> str | None:
    """Return in words that the moment (aware) lies in the job's quiet hours, or None if it does not."""
    if job.quiet_hours is None:
        return None
    zone = job.quiet_hours.zone or job.zone
    if not job.quiet_hours.include(slot.astimezone(ZoneInfo(zone))):
        return None
    return f"quiet hours {job.quiet_hours} in {zone}"
