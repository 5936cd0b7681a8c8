"""Queries on `pause`: what is paused, by whom and why; the meaning of a row is in `harness.domain.pause`."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from harness.domain.pause import PauseRow
from harness.store.tables import pause
from harness.store.upsert import upsert


def all_pauses(connection: Connection) -> dict[str, PauseRow]:
    """Return what is paused now, by scope."""
    rows = connection.execute(select(*pause.c).order_by(pause.c.scope))
    return {
        row.scope: PauseRow(row.scope, row.paused_by, row.reason, row.paused_at, bool(row.is_automatic)) for row in rows
    }


def add_pause(connection: Connection, row: PauseRow) -> bool:
    """Pause the scope; False if it was paused already: then whoever was first stays named."""
    statement = upsert(connection, pause).values(
        scope=row.scope,
        paused_by=row.paused_by,
        reason=row.reason,
        paused_at=row.paused_at,
        is_automatic=int(row.is_automatic),
    )
    return connection.execute(statement.on_conflict_do_nothing()).rowcount == 1


def remove_pause(connection: Connection, scope: str) -> PauseRow | None:
    """Resume the scope and return what had paused it; None if nothing had."""
    row = all_pauses(connection).get(scope)
    connection.execute(delete(pause).where(pause.c.scope == scope))
    return row
