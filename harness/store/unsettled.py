"""Whether anything between the parties wants a look: one statement, for what asks every few minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, literal_column, select

from harness.store.tables import incident, request


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What there is: open requests, dead letters, requests of the keys that were asked for, open incidents of them."""

    open: bool
    dead: bool
    changed: bool
    told: bool

    @property
    def is_nothing(self) -> bool:
        return not (self.open or self.dead or self.changed or self.told)


def look_for_unsettled(connection: Connection, *, prefix: str, since: datetime, cause: str) -> Unsettled:
    """Return what there is; each part is answered by an index.

    `changed` are requests whose idempotency key begins with `prefix` and that changed since then, `told` open
    incidents whose cause begins with `cause`.
    """
    is_open = exists().where(request.c.closed_at.is_(None))
    # Not as a parameter: the index is of these rows only, and the planner has to see that.
    is_dead = exists().where(request.c.is_dead == literal_column("1"))
    changed = exists().where(
        request.c.updated_at >= since.timestamp(), request.c.key.startswith(prefix, autoescape=True)
    )
    told = exists().where(incident.c.resolved_at.is_(None), incident.c.cause.startswith(cause, autoescape=True))
    row = connection.execute(select(is_open, is_dead, changed, told)).one()
    return Unsettled(*(bool(value) for value in row))
