"""Queries on `outbox`: deliveries that are promised, and those that a channel acknowledged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from harness.store.tables import outbox
from harness.store.upsert import insert_new

REPEATED = "repeated"
"""The state of a delivery of which the channel was given everything before; beside it there are `pending`,
`acknowledged`, `dead` and `dropped`."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One delivery; `digest` is the JSON of the domain Digest, times are epoch seconds."""

    id: str
    run_id: str
    channel: str
    digest: str
    state: str
    attempts: int
    next_try_at: float
    created_at: float
    acknowledged_at: float | None
    receipt: str | None
    last_error: str | None
    progress: str = ""


def promise(connection: Connection, *, run_id: str, channel: str, digest: str, now: datetime) -> str:
    """Promise a delivery and return its id, which is its idempotency key; the second time changes nothing."""
    delivery_id = f"{run_id}>{channel}"
    values = {
        "id": delivery_id,
        "run_id": run_id,
        "channel": channel,
        "digest": digest,
        "state": "pending",
        "attempts": 0,
        "next_try_at": now.timestamp(),
        "created_at": now.timestamp(),
    }
    insert_new(connection, outbox, values)
    return delivery_id


def due_deliveries(connection: Connection, now: datetime, run_id: str) -> list[OutboxRow]:
    """Return the run's pending deliveries whose next try has come, oldest first."""
    query = select(*outbox.c).where(
        outbox.c.run_id == run_id, outbox.c.state == "pending", outbox.c.next_try_at <= now.timestamp()
    )
    return [OutboxRow(*row) for row in connection.execute(query.order_by(outbox.c.created_at, outbox.c.id))]


def claim_delivery(connection: Connection, row: OutboxRow, until: datetime) -> bool:
    """Take a delivery in hand for one try; False if somebody else has, or it was settled meanwhile.

    Whoever dies in the try leaves it to be tried again after `until`.
    """
    as_read = (outbox.c.id == row.id, outbox.c.state == "pending", outbox.c.next_try_at == row.next_try_at)
    return connection.execute(update(outbox).where(*as_read).values(next_try_at=until.timestamp())).rowcount == 1


def pending_runs(connection: Connection, now: datetime, prefix: str) -> list[str]:
    """Return the run ids beginning with `prefix` that have a pending delivery whose next try has come."""
    query = select(outbox.c.run_id).where(
        outbox.c.state == "pending",
        outbox.c.next_try_at <= now.timestamp(),
        outbox.c.run_id.startswith(prefix, autoescape=True),
    )
    return sorted(set(connection.execute(query).scalars()))


def deliveries_of_run(connection: Connection, run_id: str) -> list[OutboxRow]:
    """Return all deliveries of one run."""
    query = select(*outbox.c).where(outbox.c.run_id == run_id).order_by(outbox.c.id)
    return [OutboxRow(*row) for row in connection.execute(query)]


def is_undelivered(connection: Connection, prefix: str, promised_at: float) -> bool:
    """Say whether a run whose id begins so was promised at that moment and has reached no channel yet, or never will.

    What was delivered long ago and is no longer kept counts as delivered.
    """
    query = select(outbox.c.state).where(outbox.c.run_id.startswith(prefix), outbox.c.created_at == promised_at)
    states = set(connection.execute(query).scalars())
    return bool(states) and not states & {"acknowledged", REPEATED}


def count_pending(connection: Connection) -> int:
    """Return how many deliveries no channel has acknowledged yet."""
    query = select(func.count()).select_from(outbox).where(outbox.c.state == "pending")
    return int(connection.execute(query).scalar_one())


def acknowledge(connection: Connection, delivery_id: str, receipt: str, now: datetime) -> None:
    """Record that the channel has it, also if it was dropped while the channel had it in hand."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id == delivery_id, outbox.c.state.in_(("pending", "dropped")))
        .values(state="acknowledged", attempts=outbox.c.attempts + 1, acknowledged_at=now.timestamp(), receipt=receipt)
    )


def note_progress(connection: Connection, delivery_id: str, progress: str, *, more_s: float = 0.0) -> None:
    """Record how far a delivery of several messages got, for the next try to go on from.

    Whoever has it in hand keeps it for `more_s` seconds longer.
    """
    values = {"progress": progress, "next_try_at": outbox.c.next_try_at + more_s}
    connection.execute(update(outbox).where(outbox.c.id == delivery_id).values(values))


def leave_out(connection: Connection, delivery_id: str, reason: str, now: datetime) -> None:
    """Record that there is nothing in it that the channel has not been given already."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id == delivery_id, outbox.c.state == "pending")
        .values(state=REPEATED, acknowledged_at=now.timestamp(), receipt=reason)
    )


def postpone(connection: Connection, delivery_id: str, error: str, next_try: datetime) -> None:
    """Record a failed try and when the next one is."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id == delivery_id, outbox.c.state == "pending")
        .values(attempts=outbox.c.attempts + 1, last_error=error, next_try_at=next_try.timestamp())
    )


def give_up(connection: Connection, delivery_id: str, error: str) -> None:
    """Record that the delivery will not be tried again."""
    connection.execute(
        update(outbox)
        .where(outbox.c.id == delivery_id, outbox.c.state == "pending")
        .values(state="dead", attempts=outbox.c.attempts + 1, last_error=error)
    )


def drop_deliveries(connection: Connection, run_id: str, reason: str) -> int:
    """Send no more of what is pending of a run that is cancelled; return how many deliveries that were.

    They are `dropped`, not `dead`: somebody wanted it so, and there is nothing to fix.
    """
    pending = update(outbox).where(outbox.c.run_id == run_id, outbox.c.state == "pending")
    return connection.execute(pending.values(state="dropped", last_error=reason)).rowcount
