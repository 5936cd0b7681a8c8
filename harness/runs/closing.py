"""How a fire is closed: once, by whoever holds it, together with its run, its incident and what was seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from harness.bus.finals import finish_for_run
from harness.domain.cause import is_of_a_budget, job_cause
from harness.domain.request import Final, kind_of_work
from harness.domain.run import FireKind, FireState, Outcome
from harness.runs.received import as_received
from harness.store.conditions import save_condition
from harness.store.fires import close_fire, suspend_fire
from harness.store.incidents import open_incident, resolve_incidents_of
from harness.store.json_codec import to_json
from harness.store.outbox import deliveries_of_run, drop_deliveries
from harness.store.runs import end_run, run_by_id, suspend_run
from harness.store.sources import mark_seen
from harness.store.streaks import count_failure, reset_failures

_COUNTED = (FireKind.CRON, FireKind.BUS)


def close_or_suspend(
    connection: Connection,
    *,
    run_id: str,
    job_id: str,
    outcome: Outcome,
    stop: str,
    owner: str,
    now: datetime,
    final: Final | None = None,
) -> FireState | None:
    """Close the run's fire with its outcome, or suspend it until the last channel has acknowledged.

    Returns the state the fire has now; None if it was closed before, or is held by another owner: then
    nothing is changed.
    """
    run_by_id(connection, run_id, for_change=True)
    deliveries = deliveries_of_run(connection, run_id)
    if any(row.state == "pending" for row in deliveries):
        if not suspend_fire(connection, run_id, owner):
            return None
        suspend_run(connection, run_id, stop=stop, outcome=to_json(Outcome, outcome))
        return FireState.SUSPENDED
    return close(
        connection,
        run_id=run_id,
        job_id=job_id,
        outcome=as_received(outcome, deliveries),
        stop=stop,
        owner=owner,
        now=now,
        final=final,
    )


def close(
    connection: Connection,
    *,
    run_id: str,
    job_id: str,
    outcome: Outcome,
    stop: str | None,
    owner: str | None,
    now: datetime,
    final: Final | None = None,
) -> FireState | None:
    """Close the run's fire; None if it was closed before, or is held by another owner than `owner`.

    What the run still owed a channel is not sent any more: nobody would try it, or say what became of it. If it
    worked on a request, that gets its one final here: `final`, or what the outcome means.
    """
    run_by_id(connection, run_id, for_change=True)
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
    drop_deliveries(connection, run_id, outcome.reason)
    # What a condition remembers has its own row, and may be long.
    end_run(connection, run_id, now, stop=stop, outcome=to_json(Outcome, replace(outcome, condition_state=None)))
    run = run_by_id(connection, run_id)
    if run is None or not run.options.get("preview"):
        _tell(connection, run_id, job_id, outcome, None if run is None else run.kind, now)
    if outcome.state.is_success:
        mark_seen(connection, job_id, outcome.delivered_urls, now)
        if outcome.condition_state is not None and run is not None:
            state = outcome.condition_state
            save_condition(connection, job_id=job_id, state=state, run_id=run_id, due_at=run.due_at, now=now)
    finish_for_run(connection, job_id=job_id, run_id=run_id, outcome=outcome, final=final, now=now)
    return outcome.state


def _tell(
    connection: Connection, run_id: str, job_id: str, outcome: Outcome, kind: FireKind | None, now: datetime
) -> None:
    """Keep the incidents and the count of failures in step with what became of the fire.

    One that was cancelled or skipped says nothing about the job. What the person started by hand, and sees
    fail, does not bring the job nearer to being paused, and neither does a budget that others have spent.
    """
    has_failed = outcome.state is FireState.FAILED
    is_of_others = outcome.cause is not None and (outcome.state.is_success or outcome.state is FireState.SKIPPED)
    job_id = kind_of_work(job_id)
    if has_failed or is_of_others:
        cause = outcome.cause or job_cause(job_id)
        message = outcome.reason if outcome.cause else f"{job_id}: {outcome.reason}"
        open_incident(connection, cause, message, now, run_id, job_id=job_id)
    if has_failed and kind in _COUNTED and not is_of_a_budget(outcome.cause or ""):
        count_failure(connection, job_id)
    if outcome.state.is_success:
        resolve_incidents_of(connection, job_id, now, but=outcome.cause)
        reset_failures(connection, job_id)
