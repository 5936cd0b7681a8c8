"""Queries on `request`, `event`, `suspension` and `awaited`: who asked what of whom, and who waits for it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, exists, func, not_, or_, select, update

from harness.domain.job import PRIORITIES
from harness.domain.request import Body, Event, Request, Requested, RequestState, Standing, request_job
from harness.domain.run import FireState, RunState
from harness.store.json_codec import from_json, to_json
from harness.store.tables import awaited, event, fire, request, run, suspension
from harness.store.upsert import insert_new

LONGEST_PAUSE_S = 3600.0
"""A delivery is put off for no longer at a time."""

# Statements take longer to build than to carry out, and each event needs these.
_CHANGE = update(request).where(request.c.id == bindparam("changed"), request.c.version == bindparam("version_before"))
_LOG = select(*event.c).where(event.c.request_id == bindparam("asked")).order_by(event.c.number)
_HELD = select(request.c.id).where(request.c.id == bindparam("asked")).with_for_update()


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


def insert_request(connection: Connection, first: Event, standing: Standing) -> bool:
    """Write a request with the first event of its log; False if its sender has used its key before."""
    asked = standing.request
    values = {
        **_row_of(standing, first.at),
        "id": asked.id,
        "sender": asked.sender,
        "priority": PRIORITIES[asked.priority],
        "due_at": asked.due_at.timestamp(),
        "made_at": asked.made_at.timestamp(),
        "is_watched": int(asked.watch is not None),
        "depth": asked.depth,
        "parent": asked.parent,
        "parent_run": asked.parent_run,
        "key": asked.key,
        "task": asked.task,
    }
    if not insert_new(connection, request, values):
        return False
    _insert_event(connection, first)
    return True


def append_event(connection: Connection, new: Event, standing: Standing) -> bool:
    """Write one more event and what the request has come to by it.

    False, with nothing written, if somebody else has written an event of that number meanwhile.
    """
    values = {**_row_of(standing, new.at), "changed": new.request_id, "version_before": new.number - 1}
    if connection.execute(_CHANGE, values).rowcount == 0:
        return False
    _insert_event(connection, new)
    return True


def events_of(connection: Connection, request_id: str) -> list[Event]:
    """Return the request's log; empty if there is no such request."""
    return [event_of_row(row) for row in connection.execute(_LOG, {"asked": request_id})]


def hold_request(connection: Connection, request_id: str) -> None:
    """See to it that no other transaction changes the request meanwhile; see `request_row` for the order."""
    if connection.dialect.name != "sqlite":  # where nobody else writes at all
        connection.execute(_HELD, {"asked": request_id})


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


def asked_in(connection: Connection, request_id: str) -> Request | None:
    """Return what was asked for, as it was asked."""
    query = select(event.c.body).where(event.c.request_id == request_id, event.c.number == 1)
    body = connection.execute(query).scalar()
    return None if body is None else from_json(Requested, json.loads(body)).request


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


def undelivered(connection: Connection, now: datetime, limit: int, receiver: str | None = None) -> list[RequestRow]:
    """Return what may be delivered now, the most urgent first; things that are watched are not delivered."""
    query = select(*request.c).where(_waits(), may_be_tried(now))
    if receiver is not None:
        query = query.where(request.c.receiver == receiver)
    query = query.order_by(request.c.priority, request.c.due_at, request.c.made_at, request.c.id)
    return _requests(connection, query.limit(limit))


def next_delivery_at(connection: Connection, now: datetime) -> float | None:
    """Return when the next delivery that has to wait may be tried, in epoch seconds."""
    query = select(func.min(request.c.deliver_after)).where(
        request.c.state == str(RequestState.REQUESTED), request.c.deliver_after > now.timestamp()
    )
    return connection.execute(query).scalar()


def waiting_receivers(connection: Connection, now: datetime) -> list[str]:
    """Return who has requests that were not delivered yet and may be now."""
    query = select(request.c.receiver).where(_waits(), may_be_tried(now))
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
    waiting = update(request).where(request.c.receiver == receiver, _waits(), may_be_tried(now))
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
    query = select(func.count()).where(request.c.receiver == receiver, _waits())
    return int(connection.execute(query).scalar_one())


def count_between(connection: Connection, sender: str, receiver: str, since: datetime) -> int:
    """Return how many requests the sender made of the receiver since then."""
    query = select(func.count()).where(
        request.c.sender == sender, request.c.receiver == receiver, request.c.made_at >= since.timestamp()
    )
    return int(connection.execute(query).scalar_one())


def count_asked_by_run(connection: Connection, run_id: str) -> int:
    """Return how many requests were made in the run."""
    return int(connection.execute(select(func.count()).where(request.c.parent_run == run_id)).scalar_one())


def overdue_requests(connection: Connection, now: datetime, limit: int) -> list[RequestRow]:
    """Return the open requests whose due time has passed, the longest due first."""
    query = select(*request.c).where(request.c.closed_at.is_(None), request.c.due_at <= now.timestamp())
    return _requests(connection, query.order_by(request.c.due_at, request.c.id).limit(limit))


def next_request_due(connection: Connection) -> float | None:
    """Return when the next open request is due, in epoch seconds."""
    return connection.execute(select(func.min(request.c.due_at)).where(request.c.closed_at.is_(None))).scalar()


def watched_requests(connection: Connection) -> list[RequestRow]:
    """Return the open requests that wait for something to happen, oldest first."""
    query = select(*request.c).where(request.c.closed_at.is_(None), request.c.is_watched == 1)
    return _requests(connection, query.order_by(request.c.made_at, request.c.id))


def unnoticed_requests(connection: Connection, limit: int) -> list[RequestRow]:
    """Return the requests that are final, and whose sender was not told yet, oldest first."""
    query = select(*request.c).where(request.c.closed_at.is_not(None), request.c.noticed_at.is_(None))
    return _requests(connection, query.order_by(request.c.closed_at, request.c.id).limit(limit))


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


# ── Runs that wait ───────────────────────────────────────────────────────────────────────────────


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


def continuation_of(connection: Connection, run_id: str) -> str | None:
    """Return the run that goes on with a suspended one, if there is one."""
    return connection.execute(select(suspension.c.continued_as).where(suspension.c.run_id == run_id)).scalar()


def is_suspended_for(connection: Connection, run_id: str) -> bool:
    """Say whether the run waits for requests, and nothing goes on with it yet."""
    query = select(suspension.c.run_id).where(suspension.c.run_id == run_id, suspension.c.continued_as.is_(None))
    return connection.execute(query).first() is not None


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


# ── Conditions ───────────────────────────────────────────────────────────────────────────────────


def a_run_waits_for_it() -> ColumnElement[bool]:
    """A suspended run will be told of the request by going on; not one that was cancelled or closed meanwhile."""
    return (
        exists()
        .where(awaited.c.request_id == request.c.id, suspension.c.run_id == awaited.c.run_id)
        .where(suspension.c.continued_as.is_(None), run.c.id == awaited.c.run_id)
        .where(run.c.state == str(RunState.SUSPENDED))
    )


def _waits() -> ColumnElement[bool]:
    """It waits to be given to its receiver. All three are columns of one index, which holds open requests only."""
    return and_(
        request.c.closed_at.is_(None), request.c.state == str(RequestState.REQUESTED), request.c.is_watched == 0
    )


def may_be_tried(now: datetime) -> ColumnElement[bool]:
    """The request is not put off, or not any more; nor was it put off by a clock that was set back since."""
    at = now.timestamp()
    put_off = request.c.deliver_after
    return or_(put_off.is_(None), put_off <= at, put_off > at + LONGEST_PAUSE_S)


# ── Rows ─────────────────────────────────────────────────────────────────────────────────────────


def _row_of(standing: Standing, at: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "receiver": standing.receiver,
        "state": str(standing.state),
        "version": standing.version,
        "token": standing.token,
        "run_id": standing.run_id,
        "updated_at": at.timestamp(),
        "news_at": _epoch(standing.news_at),
        "closed_at": _epoch(standing.closed_at),
        "noticed_at": _epoch(standing.noticed_at),
        "result": None if standing.final is None else standing.final.result,
        "is_dead": int(standing.is_dead_letter),
        "note": standing.note,
    }
    if standing.state is not RequestState.REQUESTED:
        values |= {"why_waiting": "", "deliver_after": None}
    return values


def _insert_event(connection: Connection, new: Event) -> None:
    values = {
        "request_id": new.request_id,
        "number": new.number,
        "at": new.at.timestamp(),
        "party": new.by,
        "kind": new.body.kind,
        "body": json.dumps(to_json(Body, new.body), ensure_ascii=False),
    }
    if not insert_new(connection, event, values):
        raise AssertionError(f"the log of request {new.request_id} has an event {new.number} that its row does not")


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def event_of_row(row: Row[Any]) -> Event:
    """Return the event that a row of `event` holds."""
    return Event(
        row.request_id,
        row.number,
        datetime.fromtimestamp(row.at, UTC),
        row.party,
        from_json(Body, json.loads(row.body)),  # type: ignore[arg-type]
    )


def _requests(connection: Connection, query: Select[Any]) -> list[RequestRow]:
    return [_request(row) for row in connection.execute(query)]


def _request(row: Row[Any]) -> RequestRow:
    values = dict(row._mapping)
    values |= {"state": RequestState(row.state), "is_dead": bool(row.is_dead), "is_watched": bool(row.is_watched)}
    return RequestRow(**values)
