"""Queries on `request` for what follows its log from outside: which requests changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select

from harness.store.tables import request

_AT_ONCE = 500


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
    connection: Connection,
    *,
    ended_after: datetime,
    changed_since: float | None = None,
    made_within: tuple[float, float] | None = None,
) -> Iterator[RequestVersion]:
    """Yield the requests that are open, ended after that moment, or wait for the person as dead letters.

    With `changed_since` (epoch seconds) only those with an event from then on, with `made_within` those made
    between these two moments. They are read as they are asked for, so that very many take up no room.
    """
    query = select(request.c.id, request.c.version, request.c.updated_at, request.c.made_at).where(
        or_(request.c.closed_at.is_(None), request.c.closed_at >= ended_after.timestamp(), request.c.is_dead == 1)
    )
    if changed_since is not None:
        query = query.where(request.c.updated_at >= changed_since)
    if made_within is not None:
        query = query.where(request.c.made_at.between(*made_within))
    for row in connection.execute(query, execution_options={"yield_per": _AT_ONCE}):
        yield RequestVersion(*row)
