"""The tick: every slot that has come gets its row in the ledger, in one transaction with its run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from harness.domain.job import Job
from harness.domain.pause import PauseRow, pause_in_words, pause_of
from harness.domain.run import FireKind
from harness.domain.workspace import Workspace
from harness.runs.expectations import expect_jobs, expected_slots, place_in_schedule, schedule_fingerprint
from harness.runs.slots import Occurrence, miss_slot, queue_slot, skip_slot
from harness.schedule.catchup import plan_slots
from harness.schedule.exclusions import why_excluded
from harness.store.database import Database
from harness.store.fires import JobState, due_jobs, first_free_slot, next_due_at, save_job_state
from harness.store.pauses import all_pauses


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick wrote: the ids of the runs it queued, and how many slots it recorded as missed."""

    queued: tuple[str, ...]
    missed: int


def sync_jobs(
    database: Database, workspace: Workspace, now: datetime, workflow_version: int, *, is_shared: bool = False
) -> Ticked:
    """Make the schedule expect the workspace's jobs; call it whenever the workspace changed.

    `is_shared`: other daemons, whose workspaces may differ for a moment, use the database as well.
    """
    with database.write(alone=True) as connection:
        missed = expect_jobs(connection, workspace, now, is_shared=is_shared)
    ticked = tick(database, workspace, now, workflow_version)
    return Ticked(ticked.queued, missed + ticked.missed)


def tick(database: Database, workspace: Workspace, now: datetime, workflow_version: int) -> Ticked:
    """Write a fire for every slot up to `now`, queue the runs that their policy allows, and advance.

    One transaction: after a crash either all of it has happened or none of it. Slots that already have
    a row are left alone, so several daemons and a clock that jumps back fire nothing twice. A job that is
    expected otherwise than this workspace has it is left to the daemon whose workspace agrees.
    """
    at = int(now.timestamp())
    with database.read() as connection:
        upcoming = next_due_at(connection)
    if upcoming is None or upcoming > at:
        return Ticked((), 0)
    queued: list[str] = []
    missed = 0
    with database.write(alone=True) as connection:
        pauses = all_pauses(connection)
        for state in due_jobs(connection, at):
            agent, _, name = state.job_id.partition("/")
            job = workspace.agents[agent].jobs.get(name) if agent in workspace.agents else None
            if job is None or schedule_fingerprint(job) != state.schedule:
                continue
            fired = _fire_slots(connection, workspace, job, state, pauses, now, workflow_version)
            queued += fired.queued
            missed += fired.missed
            planned_until = max(at, state.planned_until)
            save_job_state(
                connection, place_in_schedule(job, known_since=state.known_since, planned_until=planned_until)
            )
    return Ticked(tuple(queued), missed)


def next_slot(database: Database) -> datetime | None:
    """Return when the next slot of any job comes."""
    with database.read() as connection:
        due_at = next_due_at(connection)
    return None if due_at is None else datetime.fromtimestamp(due_at, UTC)


def fire_now(
    connection: Connection,
    workspace: Workspace,
    job: Job,
    now: datetime,
    workflow_version: int,
    *,
    inputs: Mapping[str, str],
    options: Mapping[str, object],
    kind: FireKind = FireKind.MANUAL,
    source_run: str | None = None,
) -> str:
    """Put one fire of the job by hand into the ledger, queue its run, and return the run's id.

    Its due time is now, or the next second that is free.
    """
    due_at = first_free_slot(connection, job.id, int(now.timestamp()))
    occurrence = Occurrence(job, kind, due_at, inputs, options, source_run)
    queue_slot(connection, workspace, occurrence, now, workflow_version)
    return occurrence.run_id


def _fire_slots(
    connection: Connection,
    workspace: Workspace,
    job: Job,
    state: JobState,
    pauses: Mapping[str, PauseRow],
    now: datetime,
    workflow_version: int,
) -> Ticked:
    pause = pause_of(pauses, job.id)

    def why_not(slot: datetime) -> str | None:
        if pause is not None and slot.timestamp() >= pause.paused_at:
            return pause_in_words(pause, workspace.settings.home_zone)
        return why_excluded(job, workspace.calendars, slot)

    queued: list[str] = []
    missed = 0
    for slot in plan_slots(expected_slots(job, state, now), now, job.if_missed, why_not):
        due_at = int(slot.due_at.timestamp())
        match slot.decision:
            case "plan":
                occurrence = Occurrence(job, FireKind.CRON, due_at)
                if queue_slot(connection, workspace, occurrence, now, workflow_version):
                    queued.append(occurrence.run_id)
            case "skip":
                skip_slot(connection, job.id, due_at, slot.reason, now)
            case "miss":
                missed += miss_slot(connection, job.id, slot.due_at, slot.reason, now)
    return Ticked(tuple(queued), missed)
