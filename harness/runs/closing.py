"""How a fire is closed: once, by whoever holds it, together with its run, its incident and what was seen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.domain.run import FireState, Outcome
from harness.store.fires import close_fire, mark_fire
from harness.store.incidents import open_incident, resolve_incident
from harness.store.json_codec import to_json
from harness.store.outbox import deliveries_of_run
from harness.store.runs import end_run, run_by_id, suspend_run
from harness.store.sources import mark_seen


def close_or_suspend(
    connection: Connection, *, run_id: str, job_id: str, outcome: Outcome, stop: str, owner: str, now: datetime
) -> FireState | None:
    """Close the run's fire with its outcome, or suspend it until the last channel has acknowledged.

    Returns the state the fire has now; None if it was closed before, or is held by another owner: then
    nothing is changed.
    """
    if any(row.state == "pending" for row in deliveries_of_run(connection, run_id)):
        mark_fire(connection, run_id, FireState.SUSPENDED, owner)
        suspend_run(connection, run_id, stop=stop, outcome=to_json(Outcome, outcome))
        return FireState.SUSPENDED
    return close(connection, run_id=run_id, job_id=job_id, outcome=outcome, stop=stop, owner=owner, now=now)


def close(
    connection: Connection,
    *,
    run_id: str,
    job_id: str,
    outcome: Outcome,
    stop: str | None,
    owner: str | None,
    now: datetime,
) -> FireState | None:
    """Close the run's fire; None if it was closed before, or is held by another owner than `owner`."""
    did_close = close_fire(
        connection,
        run_id,
        state=outcome.state,
        reason=outcome.reason,
        now=now,
        owner=owner,
        artifact=outcome.artifact,
        items=outcome.items,
        gaps=outcome.gaps,
    )
    if not did_close:
        return None
    end_run(connection, run_id, now, stop=stop, outcome=to_json(Outcome, outcome))
    run = run_by_id(connection, run_id)
    is_preview = run is not None and bool(run.options.get("preview"))
    if outcome.state is FireState.FAILED and not is_preview:
        open_incident(connection, f"job {job_id}", f"{job_id}: {outcome.reason}", now, run_id)
    elif outcome.state.is_success and not is_preview:
        resolve_incident(connection, f"job {job_id}", now)
        resolve_incident(connection, f"missed {job_id}", now)
    if outcome.state.is_success:
        mark_seen(connection, job_id, outcome.delivered_urls, now)
    return outcome.state
