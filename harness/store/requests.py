"""Queries on `request`: who asked what of whom, and where it stands."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, literal_column, not_, select, update

from harness.domain.request import RequestState, request_job
from harness.domain.run import FireState
from harness.store.request_conditions import a_run_waits_for_it, may_be_tried, waits_for_delivery
from harness.store.tables import fire, request


@dataclass(frozen=True, slots=True)
class RequestRow:
    """What a request has come to, as its row says it without its log; times in epoch seconds.

    `deliver_after`: no delivery is tried before. `why_waiting`: why it is not delivered yet, in words.
    """

    id: str
    sender: str
    receiver: str
    state: RequestState
    version: int
    token: int
    run_id: str | None
    priority: int
    due_at: float
    made_at: float
    updated_at: float
    news_at: float | None
    closed_at: float | None
    noticed_at: float | None
    result: str | None
    verdict: str | None
    is_dead: bool
    is_watched: bool
    depth: int
    parent: str | None
    parent_run: str | None
    key: str
    task: str
    note: str
    deliveries_failed: int
    deliver_after: float | None
    why_waiting: str

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


def request_row(connection: Connection, request_id: str, *, for_change: bool = False) -> RequestRow | None:
    """Return the row of one request; with `for_change`, no other transaction changes it meanwhile.

    Whoever changes a run and the request that it works on asks for the run first; whoever changes a request
    and the run that waits for it, for the request.
    """
    query = select(*request.c).where(request.c.id == request_id)
    row = connection.execute(query.with_for_update() if for_change else query).first()
    return None if row is None else _request(row)


def request_with_key(connection: Connection, sender: str, key: str) -> RequestRow | None:
    """Return what the sender asked for with this idempotency key."""
    row = connection.execute(select(*request.c).where(request.c.sender == sender, request.c.key == key)).first()
    return None if row is None else _request(row)


def requests_in(
    connection: Connection,
    *,
    states: Collection[RequestState] | None = None,
    sender: str | None = None,
    receiver: str | None = None,
    parent_run: str | None = None,
    dead: bool | None = None,
    since: datetime | None = None,
    limit: int | None = None,
) -> list[RequestRow]:
    """Return the requests that are all of this, newest first."""
    query = select(*request.c).order_by(request.c.made_at.desc(), request.c.id)
    if states is not None:
        query = query.where(request.c.state.in_([str(state) for state in states]))
    if dead is not None:
        query = query.where(request.c.is_dead == int(dead))
    if since is not None:
        query = query.where(request.c.updated_at >= since.timestamp())
    for column, wanted in (
        (request.c.sender, sender),
        (request.c.receiver, receiver),
        (request.c.parent_run, parent_run),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    return _requests(connection, query if limit is None else query.limit(limit))


def requests_with_keys(connection: Connection, prefix: str, *, since: datetime) -> list[RequestRow]:
    """Return the requests that changed since then and whose idempotency key begins so, oldest first."""
    query = select(*request.c).where(
        request.c.updated_at >= since.timestamp(), request.c.key.startswith(prefix, autoescape=True)
    )
    return _requests(connection, query.order_by(request.c.made_at, request.c.id))


def unsettled_requests(connection: Connection, limit: int) -> list[RequestRow]:
    """Return the open requests, the next due first, then the dead letters that nobody has settled."""
    is_open = select(*request.c).where(request.c.closed_at.is_(None)).order_by(request.c.due_at, request.c.id)
    # Not as a parameter: the index is of these rows only, and the planner has to see that.
    is_dead = select(*request.c).where(request.c.is_dead == literal_column("1")).order_by(request.c.closed_at)
    return [*_requests(connection, is_open.limit(limit)), *_requests(connection, is_dead.limit(limit))]


def undelivered(connection: Connection, now: datetime, limit: int, receiver: str | None = None) -> list[RequestRow]:
    """Return what may be delivered now, the most urgent first; things that are watched are not delivered."""
    query = select(*request.c).where(waits_for_delivery(), may_be_tried(now))
    if receiver is not None:
        query = query.where(request.c.receiver == receiver)
    query = query.order_by(request.c.priority, request.c.due_at, request.c.made_at, request.c.id)
    return _requests(connection, query.limit(limit))


def waiting_receivers(connection: Connection, now: datetime) -> list[str]:
    """Return who has requests that were not delivered yet and may be now."""
    query = select(request.c.receiver).where(waits_for_delivery(), may_be_tried(now))
    return sorted(connection.execute(query.distinct()).scalars())


def postpone_delivery(
    connection: Connection, request_id: str, why: str, *, until: datetime | None, failed: bool
) -> None:
    """Remember why the request was not delivered, and until when it is not tried again. No event: nothing happened."""
    values: dict[str, Any] = {"why_waiting": why, "deliver_after": None if until is None else until.timestamp()}
    if failed:
        values["deliveries_failed"] = request.c.deliveries_failed + 1
    here = update(request).where(request.c.id == request_id, request.c.state == str(RequestState.REQUESTED))
    connection.execute(here.values(values))


def postpone_all(connection: Connection, receiver: str, why: str, now: datetime, *, until: datetime) -> None:
    """Let everything wait that might be delivered to the receiver now: it is the receiver that cannot have it."""
    waiting = update(request).where(request.c.receiver == receiver, waits_for_delivery(), may_be_tried(now))
    connection.execute(waiting.values(why_waiting=why, deliver_after=until.timestamp()))


def count_at_work(connection: Connection, receiver: str) -> int:
    """Return how many requests the receiver has been given, has not finished, and does not only wait in.

    Whoever waits for others holds no place: agents that are full and wait for one another would do so for ever.
    """
    work = request.c.receiver.concat(request_job("", "")).concat(request.c.id)
    waits = exists().where(fire.c.job_id == work, fire.c.state == str(FireState.SUSPENDED))
    query = select(func.count()).where(
        request.c.receiver == receiver,
        request.c.closed_at.is_(None),
        request.c.state.in_((str(RequestState.DELIVERED), str(RequestState.CONFIRMED))),
        request.c.is_watched == 0,
        not_(waits),
    )
    return int(connection.execute(query).scalar_one())


def count_waiting(connection: Connection, receiver: str) -> int:
    """Return how many requests wait to be given to the receiver."""
    query = select(func.count()).where(request.c.receiver == receiver, waits_for_delivery())
    return int(connection.execute(query).scalar_one())


def count_between(connection: Connection, sender: str, receiver: str, since: datetime, until: datetime) -> int:
    """Return how many requests the sender made of the receiver in that time.

    Not those from the future: they were made before the clock was set back.
    """
    query = select(func.count()).where(
        request.c.sender == sender,
        request.c.receiver == receiver,
        request.c.made_at.between(since.timestamp(), until.timestamp()),
    )
    return int(connection.execute(query).scalar_one())


def open_between(connection: Connection, sender: str, receiver: str) -> list[RequestRow]:
    """Return the open requests of the sender that the receiver has or is to have, oldest first; no watches."""
    query = select(*request.c).where(
        request.c.receiver == receiver,
        request.c.sender == sender,
        request.c.closed_at.is_(None),
        request.c.is_watched == 0,
    )
    return _requests(connection, query.order_by(request.c.made_at, request.c.id))


def count_asked_by_run(connection: Connection, run_id: str) -> int:
    """Return how many requests were made in the run."""
    return int(connection.execute(select(func.count()).where(request.c.parent_run == run_id)).scalar_one())


def overdue_requests(connection: Connection, now: datetime, limit: int) -> list[RequestRow]:
    """Return the open requests whose due time has passed, the longest due first.

    Of those due together the ones above come first: their end takes what was asked for their sake with it.
    """
    query = select(*request.c).where(request.c.closed_at.is_(None), request.c.due_at <= now.timestamp())
    return _requests(connection, query.order_by(request.c.due_at, request.c.depth, request.c.id).limit(limit))


def open_below(connection: Connection, request_id: str) -> list[RequestRow]:
    """Return the open requests that were made by the work on this one, oldest first."""
    query = select(*request.c).where(request.c.parent == request_id, request.c.closed_at.is_(None))
    return _requests(connection, query.order_by(request.c.made_at, request.c.id))


def watched_requests(connection: Connection) -> list[RequestRow]:
    """Return the open requests that wait for something to happen, oldest first."""
    query = select(*request.c).where(request.c.closed_at.is_(None), request.c.is_watched == 1)
    return _requests(connection, query.order_by(request.c.made_at, request.c.id))


def unnoticed_of(connection: Connection, sender: str, limit: int) -> list[RequestRow]:
    """Return the sender's requests that are final and of which it was not told, the longest final first.

    Those that a suspended run waits for are left out: it is told by going on.
    """
    query = select(*request.c).where(
        request.c.sender == sender,
        request.c.closed_at.is_not(None),
        request.c.noticed_at.is_(None),
        not_(a_run_waits_for_it()),
    )
    return _requests(connection, query.order_by(request.c.closed_at, request.c.id).limit(limit))


def _requests(connection: Connection, query: Select[Any]) -> list[RequestRow]:
    return [_request(row) for row in connection.execute(query)]


def _request(row: Row[Any]) -> RequestRow:
    values = dict(row._mapping)
    values |= {"state": RequestState(row.state), "is_dead": bool(row.is_dead), "is_watched": bool(row.is_watched)}
    return RequestRow(**values)
