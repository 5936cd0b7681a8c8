"""The tick: every slot that has come gets its row in the ledger, in one transaction with its run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from harness.domain.job import Job
from harness.domain.run import FireKind, FireState, run_id_for
from harness.domain.schedule import Once
from harness.domain.workspace import Workspace
from harness.schedule.catchup import plan_slots
from harness.schedule.due import next_due, slots_between
from harness.schedule.grammar import parse_schedules
from harness.store.database import Database
from harness.store.fires import (
    JobState,
    add_fire,
    due_jobs,
    forget_job,
    job_states,
    next_due_at,
    save_job_state,
    taken_slots,
)
from harness.store.incidents import open_incident
from harness.store.runs import NewRun, queue_run

_IN_ZONE = " in "
_NEXT_SCHEDULE = "; "


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick wrote: the ids of the runs it queued, and how many slots it recorded as missed."""

    queued: tuple[str, ...]
    missed: int


def sync_jobs(database: Database, workspace: Workspace, now: datetime, workflow_version: int) -> Ticked:
    """Make the schedule expect exactly the workspace's jobs; call it whenever the workspace changed.

    A job is expected from the moment it is first known: nothing before that was missed. When its
    schedule changes, slots of the old one that have passed are settled first.
    """
    at = int(now.timestamp())
    missed = 0
    with database.write() as connection:
        known = job_states(connection)
        for job in workspace.jobs():
            state = known.pop(job.id, None)
            if state is None:
                cursor = _first_cursor(job, now)
                save_job_state(connection, _state(job, known_since=cursor, planned_until=cursor))
            elif state.schedule != schedule_fingerprint(job):
                missed += _settle_old_schedule(connection, state, now)
                save_job_state(connection, _state(job, known_since=at, planned_until=at))
        for job_id in known:
            forget_job(connection, job_id)
    ticked = tick(database, workspace, now, workflow_version)
    return Ticked(ticked.queued, missed + ticked.missed)


def tick(database: Database, workspace: Workspace, now: datetime, workflow_version: int) -> Ticked:
    """Write a fire for every slot up to `now`, queue the runs that their policy allows, and advance.

    One transaction: after a crash either all of it has happened or none of it. Slots that already have
    a row are left alone, so several daemons and a clock that jumps back fire nothing twice.
    """
    at = int(now.timestamp())
    queued: list[str] = []
    missed = 0
    with database.write() as connection:
        for state in due_jobs(connection, at):
            agent, _, name = state.job_id.partition("/")
            job = workspace.agents[agent].jobs.get(name) if agent in workspace.agents else None
            if job is None:
                continue
            job_queued, job_missed = _fire_slots(connection, job, state, now, workflow_version)
            queued += job_queued
            missed += job_missed
            save_job_state(
                connection, _state(job, known_since=state.known_since, planned_until=max(at, state.planned_until))
            )
    return Ticked(tuple(queued), missed)


def next_slot(database: Database) -> datetime | None:
    """Return when the next slot of any job comes."""
    with database.read() as connection:
        due_at = next_due_at(connection)
    return None if due_at is None else datetime.fromtimestamp(due_at, UTC)


def fire_now(
    connection: Connection,
    job: Job,
    now: datetime,
    workflow_version: int,
    *,
    inputs: dict[str, str],
    options: dict[str, object],
) -> str:
    """Put one fire of the job by hand into the ledger, queue its run, and return the run's id.

    Its due time is now, or the next second that is free.
    """
    due_at = int(now.timestamp())
    while taken_slots(connection, job.id, [due_at]):
        due_at += 1
    run_id = run_id_for(FireKind.MANUAL, job.id, due_at)
    _queue(connection, job, FireKind.MANUAL, due_at, now, workflow_version, inputs, options)
    return run_id


def schedule_fingerprint(job: Job) -> str:
    """Return the text that changes exactly when the job's slots change."""
    return f"{job.schedule_text}{_IN_ZONE}{job.zone}"


def _fire_slots(
    connection: Connection, job: Job, state: JobState, now: datetime, workflow_version: int
) -> tuple[list[str], int]:
    queued: list[str] = []
    missed = 0
    after = datetime.fromtimestamp(state.planned_until, UTC)
    slots = slots_between(job.schedules, job.zone, after, now)
    for slot in plan_slots(slots, now, job.if_missed):
        due_at = int(slot.due_at.timestamp())
        if slot.decision == "plan":
            if _queue(connection, job, FireKind.CRON, due_at, now, workflow_version, {}, {}):
                queued.append(run_id_for(FireKind.CRON, job.id, due_at))
            continue
        missed += _miss(connection, job.id, slot.due_at, slot.reason, now)
    return queued, missed


def _settle_old_schedule(connection: Connection, state: JobState, now: datetime) -> int:
    """Record as missed what the schedule that was replaced had due and nobody had fired; return how many."""
    text, _, zone = state.schedule.rpartition(_IN_ZONE)
    try:
        schedules = parse_schedules(text.split(_NEXT_SCHEDULE))
    except ValueError:
        # Written by a version with another grammar: what it had due next is all that is known.
        slots = [datetime.fromtimestamp(state.next_due, UTC)] if state.next_due is not None else []
    else:
        slots = slots_between(schedules, zone, datetime.fromtimestamp(state.planned_until, UTC), now)
    reason = "the schedule was changed before it was fired"
    return sum(_miss(connection, state.job_id, slot, reason, now) for slot in slots if slot <= now)


def _miss(connection: Connection, job_id: str, slot: datetime, reason: str, now: datetime) -> bool:
    is_new = add_fire(
        connection,
        job_id=job_id,
        due_at=int(slot.timestamp()),
        kind=FireKind.CRON,
        state=FireState.MISSED,
        reason=reason,
        run_id=None,
        now=now,
    )
    if is_new:
        open_incident(connection, f"missed {job_id}", f"{job_id} was missed: {reason}", now)
    return is_new


def _queue(
    connection: Connection,
    job: Job,
    kind: FireKind,
    due_at: int,
    now: datetime,
    workflow_version: int,
    inputs: dict[str, str],
    options: dict[str, object],
) -> bool:
    run_id = run_id_for(kind, job.id, due_at)
    is_new = add_fire(
        connection,
        job_id=job.id,
        due_at=due_at,
        kind=kind,
        state=FireState.PLANNED,
        reason="",
        run_id=run_id,
        now=now,
    )
    if is_new:
        new = NewRun(run_id, job.id, job.lane, kind, due_at, workflow_version, inputs, options)
        queue_run(connection, new, now)
    return is_new


def _state(job: Job, *, known_since: int, planned_until: int) -> JobState:
    upcoming = next_due(job.schedules, job.zone, datetime.fromtimestamp(planned_until, UTC))
    return JobState(
        job_id=job.id,
        schedule=schedule_fingerprint(job),
        known_since=known_since,
        planned_until=planned_until,
        next_due=None if upcoming is None else int(upcoming.timestamp()),
    )


def _first_cursor(job: Job, now: datetime) -> int:
    """Return the moment from which a job that is new here is expected.

    A one-shot that passed while nobody was up is not forgotten: it is expected for as long back as
    its catch-up policy reaches.
    """
    is_one_shot = all(isinstance(schedule, Once) for schedule in job.schedules)
    back = timedelta(seconds=job.if_missed.within_s) if is_one_shot else timedelta(0)
    return int((now - back).timestamp())
