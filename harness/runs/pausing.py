"""Pausing and resuming: by the person, and by the harness where a job keeps failing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from harness.domain.cause import disabled_cause
from harness.domain.job import Job
from harness.domain.pause import THE_HARNESS, PauseRow, job_scope, scope_name
from harness.domain.run import FireState
from harness.domain.workspace import Workspace
from harness.store.database import Database
from harness.store.fires import last_fires
from harness.store.incidents import open_incident, resolve_incident
from harness.store.pauses import add_pause, all_pauses, remove_pause
from harness.store.streaks import failing_jobs, reset_failures

_FIRES_LOOKED_AT = 50

log = logging.getLogger("harness.runs")


def pause(database: Database, scope: str, by: str, reason: str, now: datetime) -> tuple[PauseRow, bool]:
    """Let the schedule start nothing of the scope from now on; what is queued or at work goes on.

    Returns what is in force, and whether it is new: whoever paused it first stays named.
    """
    wanted = PauseRow(scope, by, reason, now.timestamp())
    with database.write(alone=True) as connection:
        is_new = add_pause(connection, wanted)
        return all_pauses(connection)[scope], is_new


def resume(database: Database, scope: str, now: datetime) -> PauseRow | None:
    """Let the schedule start again what the scope covers; return what had paused it, or None.

    A job that the harness paused gets all its chances again, and the incident of its pause is over.
    """
    with database.write(alone=True) as connection:
        row = remove_pause(connection, scope)
        if row is not None and row.is_automatic:
            job_id = scope_name(scope)
            reset_failures(connection, job_id)
            # Whoever resumes it knows; a notice would only repeat their own command to them.
            resolve_incident(connection, disabled_cause(job_id), now, is_told=True)
    return row


def pause_failing_jobs(database: Database, workspace: Workspace, now: datetime) -> list[str]:
    """Pause every job that has failed too often in a row, with an incident; return their ids.

    The harness's own housekeeping is never paused: it is what would notice.
    """
    with database.read() as connection:
        if next(_hopeless(connection, workspace), None) is None:
            return []
    with database.write(alone=True) as connection:
        paused = [job.id for job, times in _hopeless(connection, workspace) if _disable(connection, job, times, now)]
    for job_id in paused:
        log.error("%s keeps failing and is paused; it goes on with: harness jobs resume %s", job_id, job_id)
    return paused


def _hopeless(connection: Connection, workspace: Workspace) -> Iterator[tuple[Job, int]]:
    pauses = all_pauses(connection)
    for job_id, times in failing_jobs(connection).items():
        agent, _, name = job_id.partition("/")
        job = workspace.agents[agent].jobs.get(name) if agent in workspace.agents else None
        if job is None or job.lane == "system" or job_scope(job_id) in pauses:
            continue
        of_team = workspace.settings.alerts.disable_after
        limit = of_team if job.disable_after is None else job.disable_after
        if limit and times >= limit:
            yield job, times


def _disable(connection: Connection, job: Job, times: int, now: datetime) -> bool:
    failed = (fire for fire in last_fires(connection, job.id, _FIRES_LOOKED_AT) if fire.state is FireState.FAILED)
    last = next((fire.reason for fire in failed), "unknown")
    reason = f"failed {times} times in a row, the last: {last}"
    if not add_pause(connection, PauseRow(job_scope(job.id), THE_HARNESS, reason, now.timestamp(), True)):
        return False
    message = f"{job.id} {reason}; it is paused until: harness jobs resume {job.id}"
    open_incident(connection, disabled_cause(job.id), message, now)
    return True
