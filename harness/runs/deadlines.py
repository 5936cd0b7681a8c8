"""Runs whose deadline has passed: what has not begun is missed, what is at work is broken off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from harness.domain.run import FireState, Outcome, RunState, Suspended
from harness.ports import Engine
from harness.runs.closing import close
from harness.schedule.catchup import duration_in_words
from harness.store.database import Database
from harness.store.incidents import open_incident
from harness.store.runs import RunRow, overdue_runs, run_by_id


def enforce_deadlines(
    database: Database, engine: Engine, is_ours: Callable[[RunRow], bool], now: datetime
) -> list[str]:
    """Close the fires of runs that are over their deadline; return the runs' ids.

    A run that waits for its channel only is left to the outbox: what it made is worth delivering. `is_ours`
    says whether a running run is this executor's to break off.
    """
    with database.read() as connection:
        overdue = overdue_runs(connection, now)
    closed: list[str] = []
    for run in overdue:
        has_made_it = run.state is RunState.SUSPENDED and run.stop != Suspended.reason
        if has_made_it or (run.state is RunState.RUNNING and not is_ours(run)):
            continue
        if run.state is RunState.RUNNING:
            engine.cancel(run.id)
        # Alone, as whoever begins to wait for what it works on must see its end, or be seen.
        with database.write(alone=True) as connection:
            still = run_by_id(connection, run.id, for_change=True)
            if still is None or (still.state, still.owner) != (run.state, run.owner):
                continue  # begun, made or handed over just now: it is looked at again in the next tick
            outcome = _outcome(run)
            if close(
                connection, run_id=run.id, job_id=run.job_id, outcome=outcome, stop="deadline", owner=None, now=now
            ):
                closed.append(run.id)
                if outcome.state is FireState.MISSED:
                    open_incident(connection, f"missed {run.job_id}", f"{run.job_id} was missed: {outcome.reason}", now)
    return closed


def _outcome(run: RunRow) -> Outcome:
    assert run.deadline_at is not None, "only runs with a deadline are asked for"
    deadline = duration_in_words(run.deadline_at - run.due_at)
    has_begun = run.state is not RunState.QUEUED or "continues" in run.options
    if not has_begun:
        return Outcome(FireState.MISSED, f"its deadline of {deadline} passed before it could begin")
    return Outcome(FireState.FAILED, f"it was not finished within its deadline of {deadline}")
