"""Queries on `request` for the seats of roundtables, which stand in the idempotency keys of their requests."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select, union_all

from harness.domain.roundtable import KEY_BEGINS
from harness.store.tables import request


def requests_at(connection: Connection, chair: str, keys: Collection[str]) -> list[str]:
    """Return the ids of the requests that the chair has made with any of these keys."""
    query = select(request.c.id).where(request.c.sender == chair, request.c.key.in_(keys))
    return sorted(connection.execute(query).scalars())


def keys_of_run(connection: Connection, parent_run: str) -> list[str]:
    """Return the keys of all seats that were called by this run."""
    query = select(request.c.key).where(request.c.parent_run == parent_run, request.c.key.like(f"{KEY_BEGINS}%"))
    return sorted(connection.execute(query).scalars())


def seats_not_heard(connection: Connection) -> list[str]:
    """Return the ids of the seats of whose ends nobody was told: their rounds are open, or were given up."""
    is_seat = request.c.key.like(f"{KEY_BEGINS}%")
    # Each half follows an index of such rows alone, however long the history is.
    still_open = select(request.c.id).where(request.c.closed_at.is_(None), is_seat)
    untold = select(request.c.id).where(request.c.closed_at.is_not(None), request.c.noticed_at.is_(None), is_seat)
    return sorted(connection.execute(union_all(still_open, untold)).scalars())
