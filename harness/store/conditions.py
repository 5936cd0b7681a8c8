"""Queries on `condition_state`: what a job's last run that succeeded saw, and what conditions ask of the schedule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from harness.store.tables import condition_state, fire, job_state
from harness.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """What was kept of one run; `state` is JSON, `due_at` the slot of its fire, times are epoch seconds."""

    job_id: str
    state: str
    run_id: str
    due_at: int
    committed_at: float


def load_condition(connection: Connection, job_id: str) -> ConditionRow | None:
    """Return what the job's last run that succeeded saw; None if none ever did."""
    row = connection.execute(select(*condition_state.c).where(condition_state.c.job_id == job_id)).first()
    return None if row is None else ConditionRow(*row)


def save_condition(connection: Connection, *, job_id: str, state: str, run_id: str, due_at: int, now: datetime) -> None:
    """Keep what the run saw, in place of what runs of earlier slots did.

    A delivery that is acknowledged late never sets the memory back behind a newer run.
    """
    values = {"state": state, "run_id": run_id, "due_at": due_at, "committed_at": now.timestamp()}
    statement = upsert(connection, condition_state).values(job_id=job_id, **values)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["job_id"], set_=values, where=condition_state.c.due_at <= due_at
        )
    )


def next_due_of(connection: Connection, job_id: str) -> int | None:
    """Return the job's first slot that has no row in the ledger yet, in epoch seconds."""
    return connection.execute(select(job_state.c.next_due).where(job_state.c.job_id == job_id)).scalar()


def planned_at(connection: Connection, run_id: str) -> float | None:
    """Return when the run's fire was written into the ledger, in epoch seconds."""
    return connection.execute(select(fire.c.created_at).where(fire.c.run_id == run_id)).scalar()
