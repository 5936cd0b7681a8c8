"""Which queued runs belong to a piece of work that one process does: what it asked of others, and they of others."""

from __future__ import annotations

from collections.abc import Callable

from harness.domain.request import request_of_job
from harness.domain.run import RunState, Suspended
from harness.store.database import Database
from harness.store.requests import RequestRow, request_row
from harness.store.runs import run_by_id, runs_in

IsRoot = Callable[[RequestRow], bool]


def request_itself(request_id: str) -> IsRoot:
    """Say of a request whether it is this one."""
    return lambda row: row.id == request_id


def asked_by_run(run_id: str) -> IsRoot:
    """Say of a request whether it was made in this run, in another attempt at it, or in one that goes on with it."""
    later = (f"{run_id}~", f"{run_id}.")
    return lambda row: row.parent_run == run_id or (row.parent_run or "").startswith(later)


def queued_for(database: Database, is_root: IsRoot) -> list[str]:
    """Return the ids of the queued runs that work on such a request, or on one that was made for it."""
    with database.read() as connection:

        def belongs(job_id: str) -> bool:
            request_id = request_of_job(job_id)
            while request_id is not None:
                row = request_row(connection, request_id)
                if row is None or is_root(row):
                    return row is not None
                request_id = row.parent
            return False

        return [run.id for run in runs_in(connection, RunState.QUEUED) if belongs(run.job_id)]


def waits_for_answers(database: Database, run_id: str | None) -> bool:
    """Say whether a suspended run waits for requests, or did so a moment ago.

    Otherwise what it was to make is made, and waits for its delivery.
    """
    if run_id is None:
        return False
    with database.read() as connection:
        run = run_by_id(connection, run_id)
    return run is not None and run.stop == Suspended.reason
