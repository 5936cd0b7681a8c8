"""Queries on `incident`: failures by cause, told once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from harness.store.tables import incident


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One cause of failure; times in epoch seconds, `resolved_at` is None while it is open.

    `alerts` is how often the person was told, last at `alerted_at`, when it had occurred
    `alerted_occurrences` times; `over_told_at` is when they were told that it is over.
    """

    cause: str
    first_at: float
    last_at: float
    message: str
    occurrences: int
    run_id: str | None
    resolved_at: float | None
    alerts: int = 0
    alerted_at: float | None = None
    alerted_occurrences: int = 0
    over_told_at: float | None = None


def open_incident(connection: Connection, cause: str, message: str, now: datetime, run_id: str | None = None) -> bool:
    """Record a failure; False if its cause was known and is now counted once more."""
    again = connection.execute(
        update(incident)
        .where(incident.c.cause == cause, incident.c.resolved_at.is_(None))
        .values(occurrences=incident.c.occurrences + 1, last_at=now.timestamp(), message=message, run_id=run_id)
    )
    if again.rowcount:
        return False
    connection.execute(
        insert(incident).values(
            cause=cause,
            first_at=now.timestamp(),
            last_at=now.timestamp(),
            message=message,
            occurrences=1,
            run_id=run_id,
        )
    )
    return True


def resolve_incident(connection: Connection, cause: str, now: datetime) -> bool:
    """Close the cause's open incident; False if there is none."""
    done = connection.execute(
        update(incident)
        .where(incident.c.cause == cause, incident.c.resolved_at.is_(None))
        .values(resolved_at=now.timestamp())
    )
    return done.rowcount > 0


def open_incidents(connection: Connection) -> list[IncidentRow]:
    """Return what is broken now, oldest first."""
    query = select(*incident.c).where(incident.c.resolved_at.is_(None)).order_by(incident.c.first_at)
    return [IncidentRow(*row) for row in connection.execute(query)]
