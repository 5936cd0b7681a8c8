"""Queries on `event`: the log of each request, and the row of `request` that follows it in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any, get_args

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from harness.domain.errors import HarnessError
from harness.domain.job import PRIORITIES
from harness.domain.request import Body, Event, Request, Requested, RequestState, Standing
from harness.store.json_codec import from_json, to_json
from harness.store.prepared_statement import PreparedStatement
from harness.store.tables import event, request
from harness.store.upsert import insert_new

_KINDS: Mapping[str, type[Body]] = {
    str(field.default): kind for kind in get_args(Body) for field in fields(kind) if field.name == "kind"
}

_LOG = PreparedStatement(select(*event.c).where(event.c.request_id == bindparam("asked")).order_by(event.c.number))
_HELD = select(request.c.id, request.c.version).where(request.c.id == bindparam("asked")).with_for_update().cte("held")
_HELD_LOG = PreparedStatement(
    select(*event.c, _HELD.c.version).join_from(_HELD, event, event.c.request_id == _HELD.c.id).order_by(event.c.number)
)
_NEW_EVENT = PreparedStatement(insert(event).values({column.name: bindparam(column.name) for column in event.c}))
_KEPT_CHARS = 2000
"""How long the text of an event may be to be kept in memory with what it says: an idle daemon is small."""


class UnreadableEvent(HarnessError):
    """An event of a request's log cannot be read: a newer harness wrote it, or it is damaged."""

    def __init__(self, request_id: str, number: int) -> None:
        super().__init__(
            f"request {request_id}: event {number} of its log cannot be read; it is damaged, or of a newer harness"
        )


def insert_request(connection: Connection, first: Event, standing: Standing) -> bool:
    """Write a request with the first event of its log; False if its sender has used its key before."""
    asked = standing.request
    values = {
        **_row_of(standing),
        "updated_at": first.at.timestamp(),
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
    return _is_written(connection, _NEW_EVENT, _values_of(first))


def append_event(connection: Connection, new: Event, before: Standing, after: Standing) -> bool:
    """Write one more event, and into the row what the request has come to by it.

    False, with nothing written, if somebody else has written an event of that number meanwhile.
    """
    # A column that is written costs each index that it stands in, also where it says the same as before.
    known = _row_of(before)
    changes = {name: value for name, value in _row_of(after).items() if name not in known or known[name] != value}
    changes["updated_at"] = new.at.timestamp()
    values = {**changes, **_values_of(new), "known": before.version}
    statements = _appending(connection.dialect.name, tuple(changes))
    return all(_is_written(connection, statement, values) for statement in statements)


def events_of(connection: Connection, request_id: str) -> list[Event]:
    """Return the request's log; empty if there is no such request."""
    return [event_of_row(row) for row in _LOG.execute(connection, {"asked": request_id})]


def held_events_of(connection: Connection, request_id: str) -> list[Event]:
    """Return the request's log, which no other transaction changes from here on; see `request_row` for the order."""
    rows = _HELD_LOG.execute(connection, {"asked": request_id}).all()
    if rows and rows[-1].number != rows[-1].version:
        # Another transaction had it, and this one waited: the row is what that one left, the log is from before.
        return events_of(connection, request_id)
    return [event_of_row(row, _kept_body) for row in rows]


def asked_in(connection: Connection, request_id: str) -> Request | None:
    """Return what was asked for, as it was asked."""
    query = select(event.c.body).where(event.c.request_id == request_id, event.c.number == 1)
    body = connection.execute(query).scalar()
    return None if body is None else from_json(Requested, json.loads(body)).request


def logs_of(connection: Connection, request_ids: Sequence[str]) -> dict[str, list[Event]]:
    """Return the log of each of these requests that there is; at most a few hundred at a time."""
    query = select(*event.c).where(event.c.request_id.in_(request_ids)).order_by(event.c.request_id, event.c.number)
    logs: dict[str, list[Event]] = {}
    for row in connection.execute(query):
        logs.setdefault(row.request_id, []).append(event_of_row(row))
    return logs


def _row_of(standing: Standing) -> dict[str, Any]:
    values: dict[str, Any] = {
        "receiver": standing.receiver,
        "state": str(standing.state),
        "version": standing.version,
        "token": standing.token,
        "run_id": standing.run_id,
        "news_at": _epoch(standing.news_at),
        "closed_at": _epoch(standing.closed_at),
        "noticed_at": _epoch(standing.noticed_at),
        "result": None if standing.final is None else standing.final.result,
        "verdict": None if standing.final is None else standing.final.verdict,
        "is_dead": int(standing.is_dead_letter),
        "note": standing.note,
    }
    if standing.state is not RequestState.REQUESTED:
        values |= {"why_waiting": "", "deliver_after": None}
    return values


@cache
def _appending(dialect: str, columns: tuple[str, ...]) -> tuple[PreparedStatement, ...]:
    """Return what writes these columns of a request's row and then, if the row is as it is known, one more event."""
    is_known = (request.c.id == bindparam("request_id"), request.c.version == bindparam("known"))
    changed = update(request).where(*is_known).values({name: bindparam(name) for name in columns})
    if dialect == "sqlite":
        return PreparedStatement(changed), _NEW_EVENT
    # To a server each statement is a journey; SQLite, where it is none, has no such statement.
    row = changed.returning(request.c.id).cte("changed")
    new = select(*[bindparam(column.name, type_=column.type) for column in event.c]).select_from(row)
    return (PreparedStatement(insert(event).from_select(event.c.keys(), new)),)


def _is_written(connection: Connection, statement: PreparedStatement, values: Mapping[str, Any]) -> bool:
    try:
        return statement.execute(connection, values).rowcount == 1
    except IntegrityError as error:
        at_odds = f"the log of request {values['request_id']} has an event {values['number']} that its row does not"
        raise AssertionError(at_odds) from error


def _values_of(new: Event) -> dict[str, Any]:
    return {
        "request_id": new.request_id,
        "number": new.number,
        "at": new.at.timestamp(),
        "party": new.by,
        "kind": new.body.kind,
        "body": json.dumps(to_json(type(new.body), new.body), ensure_ascii=False),
    }


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _body(kind: str, text: str) -> Body:
    # Its kind says which of them it is: nothing else is tried.
    return from_json(_KINDS[kind], json.loads(text))


_last_bodies = lru_cache(maxsize=256)(_body)
"""A log is read anew for each event that is added to it; what an event says is all in its kind and its text."""


def _kept_body(kind: str, text: str) -> Body:
    return _last_bodies(kind, text) if len(text) <= _KEPT_CHARS else _body(kind, text)


def event_of_row(row: Sequence[Any], body_of: Callable[[str, str], Body] = _body) -> Event:
    """Return the event that a row holds which begins with the columns of `event`.

    Raises UnreadableEvent.
    """
    request_id, number, at, party, kind, text, *_ = row
    try:
        body = body_of(kind, text)
    except (KeyError, ValueError) as error:
        raise UnreadableEvent(request_id, number) from error
    return Event(request_id, number, datetime.fromtimestamp(at, UTC), party, body)
