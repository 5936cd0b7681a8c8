"""Queries on `breaker`: which endpoints are left alone for a while. Only those that have failed have a row."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, delete, select

from harness.domain.breaker import Breaker
from harness.store.tables import breaker
from harness.store.upsert import upsert


def load_breaker(connection: Connection, endpoint: str, *, for_change: bool = False) -> Breaker:
    """Return what is known of the endpoint; with `for_change`, no other transaction changes it meanwhile."""
    query = select(*breaker.c).where(breaker.c.endpoint == endpoint)
    row = connection.execute(query.with_for_update() if for_change else query).first()
    if row is None:
        return Breaker(endpoint)
    return Breaker(
        row.endpoint, row.state, row.failures_in_a_row, _moment(row.opened_at), _moment(row.retry_at), row.problem
    )


def save_breaker(connection: Connection, changed: Breaker) -> None:
    """Remember the endpoint's state; of one that works there is nothing to remember."""
    if changed.is_new:
        connection.execute(delete(breaker).where(breaker.c.endpoint == changed.endpoint))
        return
    values = {
        "endpoint": changed.endpoint,
        "state": changed.state,
        "failures_in_a_row": changed.failures_in_a_row,
        "opened_at": None if changed.opened_at is None else changed.opened_at.timestamp(),
        "retry_at": None if changed.retry_at is None else changed.retry_at.timestamp(),
        "problem": changed.problem,
    }
    connection.execute(
        upsert(connection, breaker).values(values).on_conflict_do_update(index_elements=["endpoint"], set_=values)
    )


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
