"""Writing to a request's log: every change of a request is one event, and the row follows from it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from harness.domain.errors import HarnessError, TransientError
from harness.domain.request import Body, Event, Request, Requested, Standing, begin, fold, follow
from harness.store.request_log import append_event, events_of, held_events_of, insert_request


class UnknownRequest(HarnessError):
    """There is no request of this id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"there is no request {request_id}")


def open_log(connection: Connection, request: Request, by: str, now: datetime) -> Standing | None:
    """Write the first event of a new request; None if its sender has used its key before."""
    first = Event(request.id, 1, now.astimezone(UTC), by, Requested(request))
    standing = begin(first)
    return standing if insert_request(connection, first, standing) else None


def standing_of(connection: Connection, request_id: str, *, for_change: bool = False) -> Standing:
    """Return what the request has come to; with `for_change`, nobody else changes it meanwhile.

    Raises UnknownRequest.
    """
    events = held_events_of(connection, request_id) if for_change else events_of(connection, request_id)
    if not events:
        raise UnknownRequest(request_id)
    return fold(events)


def append(connection: Connection, standing: Standing, body: Body, *, by: str, now: datetime) -> Standing:
    """Write one more event of the request and return what it has come to by it.

    Raises IllegalTransition or Superseded if the event does not follow, TransientError if somebody else wrote
    one meanwhile.
    """
    new = Event(standing.request.id, standing.version + 1, now.astimezone(UTC), by, body)
    after = follow(standing, new)
    if not append_event(connection, new, standing, after):
        raise TransientError(f"request {standing.request.id} was changed at the same moment; try again")
    return after
