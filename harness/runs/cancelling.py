"""A run that somebody wants no more: asked for durably, carried out by whoever holds the run.

The wish is a column of the run, so it survives every crash: a run that was asked to be cancelled is never
resumed, and promises no delivery any more. What has not begun, or only waits, is closed in the same
transaction; what is at work is interrupted by its own executor.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from harness.domain.run import Cancelled, FireState, Outcome, RunState
from harness.ports import Engine
from harness.runs.closing import close
from harness.store.database import Database
from harness.store.fires import fire_at
from harness.store.json_codec import from_json
from harness.store.nodes import all_nodes
from harness.store.outbox import deliveries_of_run, drop_deliveries
from harness.store.runs import RunRow, run_by_id, runs_to_cancel, want_cancelled
from harness.store.sources import mark_seen


class CancelRequest(StrEnum):
    """What became of the wish: `closed` at once, `asked` of the executor that is at work on the run, or
    nothing, because the run had `ended` or is `unknown`."""

    CLOSED = "closed"
    ASKED = "asked"
    ENDED = "ended"
    UNKNOWN = "unknown"


def cancel_reason(who: str, reason: str = "") -> str:
    """Return what stands in the ledger: `cancelled by Sam: it reads the wrong feeds`."""
    said = str(Cancelled(who))
    return f"{said}: {reason}" if reason else said


def request_cancel(connection: Connection, run_id: str, reason: str, now: datetime) -> CancelRequest:
    """Ask for the run to be cancelled; the first reason stays.

    One that was begun anew meanwhile goes on under another id, and it is that one which nobody wants.
    The transaction should be alone: whoever claims runs at the same moment must not claim this one.
    """
    want_cancelled(connection, run_id, reason)
    run = run_by_id(connection, run_id, for_change=True)
    if run is None:
        return CancelRequest.UNKNOWN
    if run.state is RunState.ENDED:
        fire = fire_at(connection, run.job_id, run.due_at)
        if fire is not None and fire.state.is_open and fire.run_id not in (None, run_id):
            return request_cancel(connection, fire.run_id, reason, now)
        return CancelRequest.ENDED
    if run.state is RunState.RUNNING:
        return CancelRequest.ASKED
    return CancelRequest.CLOSED if _close(connection, run, now) else CancelRequest.ENDED


def cancel_run(
    database: Database, engine: Engine, owner: str, run_id: str, reason: str, now: datetime
) -> CancelRequest:
    """Ask for the run to be cancelled, and interrupt it at once if this executor is at work on it."""
    with database.write(alone=True) as connection:
        request = request_cancel(connection, run_id, reason, now)
    if request is CancelRequest.ASKED and run_id in carry_out_cancels(database, engine, owner, now):
        return CancelRequest.CLOSED
    return request


def carry_out_cancels(database: Database, engine: Engine, owner: str, now: datetime) -> list[str]:
    """Interrupt the runs that were asked to be cancelled and close their fires; return the runs' ids.

    Those of this executor, and those of executors that are gone. Cheap when there is nothing to do.
    """
    with database.read() as connection:
        wanted = runs_to_cancel(connection)
        alive = {node.executor_id for node in all_nodes(connection) if node.is_here} if wanted else set()
    closed: list[str] = []
    for run in wanted:
        if run.owner != owner and run.owner in alive:
            continue
        # The engine first: if this process dies in between, the wish is still there to be carried out.
        engine.cancel(run.id)
        # Alone, as whoever begins to wait for what it works on must see its end, or be seen.
        with database.write(alone=True) as connection:
            still = run_by_id(connection, run.id, for_change=True)
            if still is not None and _close(connection, still, now):
                closed.append(run.id)
    return closed


def close_if_cancelled(connection: Connection, run: RunRow, now: datetime) -> str | None:
    """Close the fire of a run that was asked to be cancelled; return the reason, or None if nobody asked.

    For the run itself, when it begins, is resumed, or comes to its end before it was interrupted.
    """
    if run.cancel_reason is None:
        return None
    if run.state is not RunState.ENDED:
        _close(connection, run, now)
    return run.cancel_reason


def _close(connection: Connection, run: RunRow, now: datetime) -> bool:
    assert run.cancel_reason is not None, "only what somebody wants cancelled is closed here"
    drop_deliveries(connection, run.id, run.cancel_reason)
    sent_to = [row.channel for row in deliveries_of_run(connection, run.id) if row.state == "acknowledged"]
    reason = "; ".join(
        filter(None, (run.cancel_reason, f"delivered before that to {', '.join(sent_to)}" if sent_to else ""))
    )
    made = from_json(Outcome, run.outcome) if run.state is RunState.SUSPENDED else Outcome(FireState.CANCELLED)
    outcome = replace(made, state=FireState.CANCELLED, reason=reason)
    stop = Cancelled.reason
    if not close(connection, run_id=run.id, job_id=run.job_id, outcome=outcome, stop=stop, owner=None, now=now):
        return False
    if sent_to:
        # What the person has read already must not come again as news.
        mark_seen(connection, run.job_id, made.delivered_urls, now)
    return True
