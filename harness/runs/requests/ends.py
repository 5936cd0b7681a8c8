"""Ending a request together with the run that works on it, in one transaction.

Locks are taken in one order by all: the run, its fire, the request, then the run that waits for it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.deadlines import time_out
from harness.bus.ending import cancel
from harness.bus.log import standing_of
from harness.domain.request import SYSTEM, Standing, request_job
from harness.runs.cancelling import request_cancel
from harness.store.database import Database
from harness.store.fires import open_runs_of
from harness.store.requests import open_below, request_row
from harness.store.runs import run_by_id


def cancel_request(connection: Connection, request_id: str, reason: str, *, by: str, now: datetime) -> Standing:
    """Give the request the final `cancelled`, and cancel the run that works on it, and what was asked for its sake.

    Raises as `cancel` does. The transaction should be alone.
    """
    runs = _hold_runs(connection, request_id)
    standing = cancel(connection, request_id, reason, by=by, now=now)
    _stop(connection, runs, standing, now)
    _cancel_below(connection, request_id, now)
    return standing


def time_out_request(database: Database, request_id: str, now: datetime) -> bool:
    """Give the request the final `timed_out`, stop the run that works on it, and cancel what was asked for its sake.

    False if it is not overdue.
    """
    with database.write(alone=True) as connection:
        runs = _hold_runs(connection, request_id)
        standing = standing_of(connection, request_id, for_change=True)
        if not standing.is_open or standing.request.due_at > now:
            return False
        _stop(connection, runs, time_out(connection, standing, now), now)
        _cancel_below(connection, request_id, now)
    return True


def _cancel_below(connection: Connection, request_id: str, now: datetime) -> None:
    """Cancel what was asked by the work on a request that is over: nobody would hear the answer."""
    for below in open_below(connection, request_id):
        cancel_request(connection, below.id, f"{request_id}, for which it was asked, is over", by=SYSTEM, now=now)


def _hold_runs(connection: Connection, request_id: str) -> list[str]:
    """Lock the open runs of the request's receiver; nobody passes the request on meanwhile, as that is done alone."""
    row = request_row(connection, request_id)
    runs = [] if row is None else open_runs_of(connection, request_job(row.receiver, request_id))
    for run_id in runs:
        run_by_id(connection, run_id, for_change=True)
    return runs


def _stop(connection: Connection, runs: list[str], standing: Standing, now: datetime) -> None:
    assert standing.final is not None, "only the runs of what is final are stopped"
    for run_id in runs:
        reason = f"request {standing.request.id} of {standing.request.sender} is over: {standing.final.conclusion}"
        request_cancel(connection, run_id, reason, now)
