"""Deliveries that outlive their run: tried again by the tick, and what follows when they are settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from harness.delivery.channels import Channel
from harness.delivery.outbox import Attempt, deliver_due
from harness.domain.cause import channel_cause
from harness.domain.run import FireState, Outcome, RunState
from harness.domain.settings import Settings
from harness.runs.closing import close
from harness.runs.received import as_received
from harness.store.database import Database
from harness.store.json_codec import from_json
from harness.store.outbox import deliveries_of_run, promise
from harness.store.runs import run_by_id, runs_awaiting_delivery


def deliver_run(
    database: Database,
    channels: Mapping[str, Channel],
    settings: Settings,
    *,
    run_id: str,
    names: Sequence[str],
    digest: str,
    now: datetime,
    owner: str | None = None,
) -> list[Attempt]:
    """Promise the digest (JSON) to the named channels, then try each of them once.

    The promises are on disk before the first try: whatever happens then, nothing is forgotten. A run that
    somebody wants cancelled, or whose fire was closed for its deadline, promises nothing any more. `owner` is
    who delivers: once another executor holds the run, nothing more is sent.
    """
    with database.write(alone=True) as connection:
        run = run_by_id(connection, run_id, for_change=True)
        if run is not None and (run.cancel_reason is not None or run.state is RunState.ENDED):
            return []
        if owner is not None and run is not None and run.owner != owner:
            return []
        for name in names:
            promise(connection, run_id=run_id, channel=name, digest=digest, now=now)
    return deliver_due(database, channels, settings, now, run_id=run_id, holder=owner)


def settle_deliveries(
    database: Database, channels: Mapping[str, Channel], settings: Settings, now: datetime
) -> list[str]:
    """Try what suspended runs still owe, and close those whose last channel has answered; return their ids.

    A delivery that was given up closes its fire as `failed` with the channel and its last error. A channel that has
    just failed is left alone until the next look: a server that takes its time to say nothing holds up no other.
    """
    with database.read() as connection:
        waiting = runs_awaiting_delivery(connection)
    closed: list[str] = []
    ailing: set[str] = set()
    for run_id in waiting:
        tried = deliver_due(database, channels, settings, now, run_id=run_id, is_shared_work=True, but=ailing)
        ailing |= {attempt.channel for attempt in tried if attempt.has_failed}
        with database.write() as connection:
            if _settle(connection, run_id, now):
                closed.append(run_id)
    return closed


def _settle(connection: Connection, run_id: str, now: datetime) -> bool:
    run = run_by_id(connection, run_id, for_change=True)
    deliveries = deliveries_of_run(connection, run_id)
    if run is None or run.state is not RunState.SUSPENDED or any(row.state == "pending" for row in deliveries):
        return False
    outcome = from_json(Outcome, run.outcome)
    dead = [f"{row.channel}: {row.last_error}" for row in deliveries if row.state == "dead"]
    if dead:
        channels = sorted({row.channel for row in deliveries if row.state == "dead"})
        cause = channel_cause(channels[0]) if len(channels) == 1 else None
        reason = f"made, but not delivered: {'; '.join(dead)}"
        outcome = Outcome(FireState.FAILED, reason, outcome.artifact, cause=cause)
    outcome = as_received(outcome, deliveries)
    return (
        close(connection, run_id=run_id, job_id=run.job_id, outcome=outcome, stop=None, owner=None, now=now) is not None
    )
