"""Queries on `suspension` and `awaited`: which runs wait for which requests, and what they go on with."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from harness.domain.run import RunState
from harness.store.tables import awaited, request, run, suspension
from harness.store.upsert import insert_new


@dataclass(frozen=True, slots=True)
class Awaited:
    """A request that a suspended run waits for, with the tool call of the run that asked for it."""

    request_id: str
    call_id: str


def suspend_for(
    connection: Connection, run_id: str, waits_for: Sequence[Awaited], conversation: str, now: datetime
) -> bool:
    """Keep a run's conversation (JSON) until all that it waits for is final; False if it is kept already."""
    values = {"run_id": run_id, "conversation": conversation, "suspended_at": now.timestamp()}
    if not insert_new(connection, suspension, values):
        return False
    for one in waits_for:
        insert_new(connection, awaited, {"run_id": run_id, "request_id": one.request_id, "call_id": one.call_id})
    return True


def conversation_of(connection: Connection, run_id: str) -> str | None:
    """Return the kept conversation (JSON) of a run that was suspended."""
    return connection.execute(select(suspension.c.conversation).where(suspension.c.run_id == run_id)).scalar()


def is_suspended_for(connection: Connection, run_id: str) -> bool:
    """Say whether the run waits for requests, and nothing goes on with it yet."""
    query = select(suspension.c.run_id).where(suspension.c.run_id == run_id, suspension.c.continued_as.is_(None))
    return connection.execute(query).first() is not None


def waiting_runs(connection: Connection) -> set[str]:
    """Return all runs that wait for requests, and with which nothing goes on yet."""
    query = (
        select(suspension.c.run_id)
        .join(run, run.c.id == suspension.c.run_id)
        .where(suspension.c.continued_as.is_(None), run.c.state == str(RunState.SUSPENDED))
    )
    return set(connection.execute(query).scalars())


def mark_continued(connection: Connection, run_id: str, continued_as: str) -> bool:
    """Say which run goes on; False if another does already."""
    waiting = update(suspension).where(suspension.c.run_id == run_id, suspension.c.continued_as.is_(None))
    return connection.execute(waiting.values(continued_as=continued_as)).rowcount == 1


def awaited_by(connection: Connection, run_id: str) -> list[Awaited]:
    """Return what the suspended run waits for."""
    query = select(awaited.c.request_id, awaited.c.call_id).where(awaited.c.run_id == run_id)
    return [Awaited(*row) for row in connection.execute(query.order_by(awaited.c.call_id))]


def runs_awaiting(connection: Connection, request_id: str) -> list[str]:
    """Return the suspended runs that wait for the request and that nothing goes on with yet."""
    query = (
        select(awaited.c.run_id)
        .join(suspension, suspension.c.run_id == awaited.c.run_id)
        .where(awaited.c.request_id == request_id, suspension.c.continued_as.is_(None))
    )
    return sorted(connection.execute(query).scalars())


def all_final(connection: Connection, request_ids: Collection[str]) -> bool:
    """Say whether all these requests are final."""
    query = select(func.count()).where(request.c.id.in_(request_ids), request.c.closed_at.is_(None))
    return connection.execute(query).scalar_one() == 0


def answered_runs(connection: Connection) -> list[str]:
    """Return the runs that are suspended for requests which are all final, and with which nothing goes on."""
    still_waits = select(awaited.c.run_id).join(request, request.c.id == awaited.c.request_id)
    query = (
        select(suspension.c.run_id)
        .join(run, run.c.id == suspension.c.run_id)
        .where(
            suspension.c.continued_as.is_(None),
            run.c.state == str(RunState.SUSPENDED),
            # Not as a correlated subquery: PostgreSQL would look through all requests for each of the runs.
            suspension.c.run_id.not_in(still_waits.where(request.c.closed_at.is_(None))),
        )
    )
    return sorted(connection.execute(query).scalars())


def awaited_and_open(connection: Connection, run_id: str) -> list[str]:
    """Return the requests that the suspended run still waits for."""
    query = (
        select(request.c.id)
        .join(awaited, awaited.c.request_id == request.c.id)
        .where(awaited.c.run_id == run_id, request.c.closed_at.is_(None))
    )
    return sorted(connection.execute(query).scalars())
