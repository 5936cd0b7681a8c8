"""When an agent may remind the person of something: never at night, and never soon after it did so before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.run import Fire, FireState
from harness.schedule.catchup import duration_in_words
from harness.schedule.exclusions import why_quiet
from harness.store.database import Database
from harness.store.fires import last_fires

REMINDER_STOP = "reminder"
"""Why a run ended that was a reminder at the wrong time."""

ON_TIME = timedelta(minutes=10)
"""A reminder that comes no later counts as one of its due time: two that are due 90 minutes apart are that far apart,
also where the first one took a while."""

_LOOK_BACK = 5


def why_not_remind(
    database: Database, agent: Agent, job: Job, due_at: datetime, now: datetime, run_id: str
) -> str | None:
    """Return why the reminder is not to be given now, None if it may be. An emergency is told at night as well."""
    quiet = None if job.emergency else why_quiet(job, now)
    if quiet is not None:
        return f"no reminder in {quiet}"
    moment = _moment(due_at, now)
    for other, told_at in _given(database, agent, run_id):
        if abs((moment - told_at).total_seconds()) < agent.reminder_spacing_s:
            at = told_at.astimezone(ZoneInfo(job.zone))
            apart = duration_in_words(agent.reminder_spacing_s)
            return f"{other} reminded at {at:%H:%M %Z}, and two reminders are at least {apart} apart"
    return None


def _given(database: Database, agent: Agent, run_id: str) -> Iterator[tuple[str, datetime]]:
    """Yield the latest reminders of the agent: those that were delivered, or wait for a channel."""
    with database.read() as connection:
        for job in agent.jobs.values():
            if job.reminder:
                fires = last_fires(connection, job.id, _LOOK_BACK, begun_only=True)
                yield from ((job.id, _moment(f.due_at, f.closed_at)) for f in fires if _was_given(f, run_id))


def _was_given(fire: Fire, run_id: str) -> bool:
    is_told = fire.state in (FireState.DELIVERED, FireState.DEGRADED, FireState.SUSPENDED)
    return is_told and fire.run_id != run_id and not fire.is_preview


def _moment(due_at: datetime, came_at: datetime | None) -> datetime:
    return due_at if came_at is None or came_at - due_at <= ON_TIME else came_at
