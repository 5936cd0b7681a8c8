"""Queries on `request` for what follows its log from outside: which requests changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select

from harness.store.tables import request


@dataclass(frozen=True, slots=True)
class RequestVersion:
    """How far a request's log has come; `updated_at` tells logs of one length apart, as after a restore.

    Times in epoch seconds.
    """

    id: str
    version: int
    updated_at: float
    made_at: float


def request_versions(
    connection: Connection, *, ended_after: datetime, changed_since: float | None = None
) -> list[RequestVersion]:
    """Return the requests that are open, ended after that moment, or wait for the person as dead letters.

    With `changed_since` (epoch seconds) only those with an event from then on.
    """
    query = select(request.c.id, request.c.version, request.c.updated_at, request.c.made_at).where(
        or_(request.c.closed_at.is_(None), request.c.closed_at >= ended_after.timestamp(), request.c.is_dead == 1)
    )
    if changed_since is not None:
        query = query.where(request.c.updated_at >= changed_since)
    return [RequestVersion(*row) for row in connection.execute(query)]
