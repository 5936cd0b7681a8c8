"""Queries on `event`: the log of each request, and the row of `request` that follows it in the same transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args

from sqlalchemy import Connection, Row, bindparam, select, update

from harness.domain.errors import HarnessError
from harness.domain.job import PRIORITIES
from harness.domain.request import Body, Event, Request, Requested, RequestState, Standing
from harness.store.json_codec import from_json, to_json
from harness.store.tables import event, request
from harness.store.upsert import insert_new

_KINDS: Mapping[str, type[Body]] = {
    str(field.default): kind for kind in get_args(Body) for field in fields(kind) if field.name == "kind"
}

# Statements take longer to build than to carry out, and each event needs these.
_CHANGE = update(request).where(request.c.id == bindparam("changed"), request.c.version == bindparam("version_before"))
_LOG = select(*event.c).where(event.c.request_id == bindparam("asked")).order_by(event.c.number)
_HELD = select(request.c.id).where(request.c.id == bindparam("asked")).with_for_update()


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
        "verdict": None if standing.final is None else standing.final.verdict,
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
        "body": json.dumps(to_json(type(new.body), new.body), ensure_ascii=False),
    }
    if not insert_new(connection, event, values):
        raise AssertionError(f"the log of request {new.request_id} has an event {new.number} that its row does not")


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def event_of_row(row: Row[Any]) -> Event:
    """Return the event that a row of `event` holds.

    Raises UnreadableEvent.
    """
    try:
        # Its kind says which of them it is: nothing else is tried.
        body = from_json(_KINDS[row.kind], json.loads(row.body))
    except (KeyError, ValueError) as error:
        raise UnreadableEvent(row.request_id, row.number) from error
    return Event(row.request_id, row.number, datetime.fromtimestamp(row.at, UTC), row.party, body)
