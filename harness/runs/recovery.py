"""The reconciler: closes what can no longer finish, so that no fire stays open for ever."""

from __future__ import annotations

from datetime import datetime

from harness.domain.run import FireState, RunState
from harness.ports import Engine, Incidents
from harness.store.database import Database
from harness.store.fires import close_fire, open_fires
from harness.store.outbox import deliveries_of_run
from harness.store.runs import end_run, run_by_id

_REASONS = {
    "ended": "the run ended without closing its fire",
    "failed": "the run broke off with an error",
    "cancelled": "the run was cancelled",
    "stranded": "the run belongs to another version of the harness, or was recovered too often",
}


def reconcile(database: Database, engine: Engine, incidents: Incidents, now: datetime) -> list[str]:
    """Close every open fire whose run is gone, terminal or stranded; return the ids of the runs closed.

    Each one but the cancelled is closed as `failed` and opens an incident.
    """
    closed: list[str] = []
    with database.read() as connection:
        fires = open_fires(connection)
    for fire in fires:
        run_id = fire.run_id or ""
        reason = _why_hopeless(database, engine, run_id)
        if reason is None:
            continue
        state = FireState.CANCELLED if reason == _REASONS["cancelled"] else FireState.FAILED
        with database.write() as connection:
            did_close = close_fire(connection, run_id, state=state, reason=reason, now=now)
            end_run(connection, run_id, now)
        if did_close:
            closed.append(run_id)
            if state is FireState.FAILED:
                incidents.open(f"job {fire.job_id}", f"{fire.job_id}: {reason}", run_id=run_id)
    return closed


def _why_hopeless(database: Database, engine: Engine, run_id: str) -> str | None:
    with database.read() as connection:
        run = run_by_id(connection, run_id)
        if run is None:
            return "its run is gone"
        deliveries = deliveries_of_run(connection, run_id)
    match run.state:
        case RunState.QUEUED:
            return None
        case RunState.SUSPENDED:
            # It waits for a channel's acknowledgement; the outbox closes it, as long as it has it.
            return None if any(row.state != "dead" for row in deliveries) else "its delivery is gone"
        case RunState.ENDED:
            return _REASONS["ended"]
        case RunState.RUNNING:
            state = engine.state(run_id)
            # None: claimed, not started yet; the dispatcher starts it.
            return None if state in (None, "running") else _REASONS[state]
