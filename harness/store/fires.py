"""Queries on `job_state` and `fire`: what is planned, what happened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, func, or_, select, update

from harness.domain.run import Fire, FireKind, FireState
from harness.store.tables import fire, job_state
from harness.store.upsert import insert_new, insert_or_replace


@dataclass(frozen=True, slots=True)
class JobState:
    """What the schedule remembers of a job; times in epoch seconds.

    `known_since`: no slot before it was ever expected. `planned_until`: every slot up to it has its row.
    `failures_in_a_row` is counted apart and not written by `save_job_state`.
    """

    job_id: str
    schedule: str
    known_since: int
    planned_until: int
    next_due: int | None
    failures_in_a_row: int = 0


def job_states(connection: Connection) -> dict[str, JobState]:
    """Return what is remembered of every job."""
    return {row.job_id: JobState(*row) for row in connection.execute(select(*job_state.c))}


def save_job_state(connection: Connection, state: JobState) -> None:
    """Remember the job's place in its schedule."""
    values = {
        "job_id": state.job_id,
        "schedule": state.schedule,
        "known_since": state.known_since,
        "planned_until": state.planned_until,
        "next_due": state.next_due,
    }
    insert_or_replace(connection, job_state, values, "job_id")


def due_jobs(connection: Connection, now: int) -> list[JobState]:
    """Return the jobs whose next slot has come, the longest due first."""
    query = select(*job_state.c).where(job_state.c.next_due <= now).order_by(job_state.c.next_due, job_state.c.job_id)
    return [JobState(*row) for row in connection.execute(query)]


def next_due_at(connection: Connection) -> int | None:
    """Return the moment of the next slot of any job."""
    return connection.execute(select(func.min(job_state.c.next_due))).scalar()


def forget_job(connection: Connection, job_id: str) -> None:
    """Stop expecting anything of a job that the person removed; its fires stay."""
    connection.execute(delete(job_state).where(job_state.c.job_id == job_id))


def add_fire(
    connection: Connection,
    *,
    job_id: str,
    due_at: int,
    kind: FireKind,
    state: FireState,
    reason: str,
    run_id: str | None,
    now: datetime,
) -> bool:
    """Write the fire's row; False if this slot already has one, which then stays as it is."""
    values = {
        "job_id": job_id,
        "due_at": due_at,
        "kind": str(kind),
        "state": str(state),
        "reason": reason,
        "run_id": run_id,
        "created_at": now.timestamp(),
        "closed_at": None if state.is_open else now.timestamp(),
    }
    return insert_new(connection, fire, values)


def mark_fire(connection: Connection, run_id: str, state: FireState, owner: str) -> None:
    """Put the run's open fire into another open state, in the hands of `owner`."""
    connection.execute(
        update(fire).where(fire.c.run_id == run_id, fire.c.closed_at.is_(None)).values(state=str(state), owner=owner)
    )


def suspend_fire(connection: Connection, run_id: str, owner: str, *, reason: str = "") -> bool:
    """Let the open fire wait, for this reason; False if it was closed, or is in the hands of another owner."""
    mine = update(fire).where(fire.c.run_id == run_id, fire.c.closed_at.is_(None), fire.c.owner == owner)
    return connection.execute(mine.values(state=str(FireState.SUSPENDED), reason=reason)).rowcount == 1


def hand_over_fire(connection: Connection, run_id: str, new_owner: str) -> None:
    """Give the run's open fire to another owner, in the state that it has."""
    connection.execute(update(fire).where(fire.c.run_id == run_id, fire.c.closed_at.is_(None)).values(owner=new_owner))


def replan_fire(connection: Connection, run_id: str, owner: str, *, new_run_id: str, reason: str) -> bool:
    """Give the open fire another run; False if it was closed, or is in the hands of another owner."""
    mine = update(fire).where(fire.c.run_id == run_id, fire.c.closed_at.is_(None), fire.c.owner == owner)
    values = {"run_id": new_run_id, "state": str(FireState.PLANNED), "reason": reason, "owner": None}
    return connection.execute(mine.values(values)).rowcount == 1


def open_runs_of(connection: Connection, job_id: str) -> list[str]:
    """Return the ids of the runs of the job's fires that have not ended, oldest first."""
    query = select(fire.c.run_id).where(fire.c.job_id == job_id, fire.c.closed_at.is_(None), fire.c.run_id.is_not(None))
    return list(connection.execute(query.order_by(fire.c.due_at)).scalars())


def close_fire(
    connection: Connection,
    run_id: str,
    *,
    state: FireState,
    reason: str,
    now: datetime,
    owner: str | None = None,
    artifact: str | None = None,
    items: int | None = None,
    gaps: int | None = None,
) -> bool:
    """Close the run's fire, once: False if it was closed before, or is in the hands of another owner.

    With `owner` None the fire is closed whoever holds it (the reconciler does that).
    """
    statement = update(fire).where(fire.c.run_id == run_id, fire.c.closed_at.is_(None))
    if owner is not None:
        statement = statement.where(fire.c.owner == owner)
    values = {
        "state": str(state),
        "reason": reason,
        "closed_at": now.timestamp(),
        "artifact": artifact,
        "items": items,
        "gaps": gaps,
    }
    return connection.execute(statement.values(values)).rowcount == 1


def fires_between(connection: Connection, start: datetime, end: datetime) -> list[Fire]:
    """Return the fires due in [start, end), in order of time and job."""
    query = (
        select(*fire.c)
        # Slots are whole seconds; PostgreSQL would round a part of one, in place of comparing with it.
        .where(fire.c.due_at >= math.ceil(start.timestamp()), fire.c.due_at < math.ceil(end.timestamp()))
        .order_by(fire.c.due_at, fire.c.job_id)
    )
    return [_fire(row) for row in connection.execute(query)]


def last_fires(connection: Connection, job_id: str, limit: int, *, begun_only: bool = False) -> list[Fire]:
    """Return the job's newest fires, newest first; with `begun_only`, no slots that were skipped without a run."""
    query = select(*fire.c).where(fire.c.job_id == job_id)
    if begun_only:
        query = query.where(or_(fire.c.state != str(FireState.SKIPPED), fire.c.run_id.is_not(None)))
    return [_fire(row) for row in connection.execute(query.order_by(fire.c.due_at.desc()).limit(limit))]


def fires_closed_since(connection: Connection, job_id: str, since: datetime, limit: int) -> list[Fire]:
    """Return the job's fires that had a run and were closed since then, the first to be closed first."""
    query = select(*fire.c).where(
        fire.c.job_id == job_id, fire.c.closed_at >= since.timestamp(), fire.c.run_id.is_not(None)
    )
    return [_fire(row) for row in connection.execute(query.order_by(fire.c.closed_at, fire.c.due_at).limit(limit))]


def fire_of_run(connection: Connection, run_id: str) -> Fire | None:
    """Return the fire that the run belongs to."""
    row = connection.execute(select(*fire.c).where(fire.c.run_id == run_id)).first()
    return None if row is None else _fire(row)


def fire_at(connection: Connection, job_id: str, due_at: int) -> Fire | None:
    """Return the job's fire of that moment, whichever run it has now."""
    row = connection.execute(select(*fire.c).where(fire.c.job_id == job_id, fire.c.due_at == due_at)).first()
    return None if row is None else _fire(row)


def open_fires(connection: Connection) -> list[Fire]:
    """Return all fires that have not ended, oldest first."""
    query = select(*fire.c).where(fire.c.closed_at.is_(None)).order_by(fire.c.due_at, fire.c.job_id)
    return [_fire(row) for row in connection.execute(query)]


def first_free_slot(connection: Connection, job_id: str, at: int) -> int:
    """Return the first second from `at` on for which the job has no fire."""
    query = select(fire.c.due_at).where(fire.c.job_id == job_id, fire.c.due_at >= at).order_by(fire.c.due_at)
    for taken in connection.execute(query).scalars():
        if taken != at:
            break
        at += 1
    return at


def taken_slots(connection: Connection, job_id: str, due_at: Sequence[int]) -> set[int]:
    """Return those of the given slots that already have a row."""
    query = select(fire.c.due_at).where(fire.c.job_id == job_id, fire.c.due_at.in_(due_at))
    return set(connection.execute(query).scalars())


def _fire(row: Row[Any]) -> Fire:
    return Fire(
        job_id=row.job_id,
        due_at=datetime.fromtimestamp(row.due_at, UTC),
        kind=FireKind(row.kind),
        state=FireState(row.state),
        run_id=row.run_id,
        reason=row.reason,
        closed_at=None if row.closed_at is None else datetime.fromtimestamp(row.closed_at, UTC),
        artifact=row.artifact,
        items=row.items,
        gaps=row.gaps,
    )
