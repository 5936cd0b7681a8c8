"""Queries on `incident`: failures by cause, told once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from harness.domain.cause import is_over_with_success, job_named_by
from harness.store.tables import incident
from harness.store.upsert import upsert

_BELIEVED = (incident.c.alerts > 0, incident.c.over_told_at.is_(None))
"""The person was told that it is broken, and not that it is over."""


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One cause of failure; times in epoch seconds, `resolved_at` is None while it is open.

    `jobs` are those that have failed for it. `alerts` is how often the person was told, last at
    `alerted_at`, when it had occurred `alerted_occurrences` times; `over_told_at` is when they were told
    that it is over.
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
    jobs: tuple[str, ...] = ()


def open_incident(
    connection: Connection, cause: str, message: str, now: datetime, run_id: str | None = None, *, job_id: str = ""
) -> bool:
    """Record a failure; False if its cause was known and is now counted once more.

    The same run counts once, however often it says so. `job_id` is the job that failed, where the key of
    the cause does not name it.
    """
    at = now.timestamp()
    job = job_id or job_named_by(cause)
    new = {
        "cause": cause,
        "first_at": at,
        "last_at": at,
        "message": message,
        "occurrences": 1,
        "run_id": run_id,
        "alerts": 0,
        "alerted_occurrences": 0,
        "jobs": json.dumps([job] if job else []),
    }
    if connection.execute(upsert(connection, incident).values(new).on_conflict_do_nothing()).rowcount == 1:
        return True
    # Known, or over since this very moment: a virtual clock stands still while much happens. The one that is
    # open is not always the latest to begin: clocks are set back, and those of several machines differ.
    open_first = (incident.c.resolved_at.is_not(None), incident.c.first_at.desc())
    newest = select(*incident.c).where(incident.c.cause == cause).order_by(*open_first).limit(1)
    known = _incident(connection.execute(newest.with_for_update()).one())
    is_same_run = run_id is not None and known.run_id == run_id
    connection.execute(
        update(incident)
        .where(incident.c.cause == cause, incident.c.first_at == known.first_at)
        .values(
            occurrences=known.occurrences + (0 if is_same_run else 1),
            last_at=at,
            message=message,
            run_id=run_id,
            resolved_at=None,
            over_told_at=None,
            jobs=json.dumps(list(known.jobs) if not job or job in known.jobs else [*known.jobs, job]),
        )
    )
    return known.resolved_at is not None


def resolve_incident(connection: Connection, cause: str, now: datetime, *, is_told: bool = False) -> bool:
    """Close the cause's open incident; False if there is none.

    With `is_told`, the person knows that it is over and is not told again.
    """
    done = connection.execute(
        update(incident)
        .where(incident.c.cause == cause, incident.c.resolved_at.is_(None))
        .values(resolved_at=now.timestamp())
    )
    if is_told:
        mark_over_told(connection, cause, now)
    return done.rowcount > 0


def resolve_incidents_of(connection: Connection, job_id: str, now: datetime, *, but: str | None = None) -> list[str]:
    """Close what a success of the job shows to be over, but for one cause; return the causes.

    That is every open incident that the job failed for.
    """
    over = [
        row.cause
        for row in open_incidents(connection)
        if job_id in (*row.jobs, job_named_by(row.cause)) and row.cause != but and is_over_with_success(row.cause)
    ]
    return [cause for cause in over if resolve_incident(connection, cause, now)]


def open_incidents(connection: Connection) -> list[IncidentRow]:
    """Return what is broken now, oldest first."""
    query = select(*incident.c).where(incident.c.resolved_at.is_(None)).order_by(incident.c.first_at, incident.c.cause)
    return [_incident(row) for row in connection.execute(query)]


def incidents_since(connection: Connection, since: datetime) -> list[IncidentRow]:
    """Return what is broken now, and what was until some time since then, oldest first."""
    still = or_(incident.c.resolved_at.is_(None), incident.c.resolved_at >= since.timestamp())
    query = select(*incident.c).where(still).order_by(incident.c.first_at, incident.c.cause)
    return [_incident(row) for row in connection.execute(query)]


def over_and_untold(connection: Connection) -> list[IncidentRow]:
    """Return the incidents that are over and that the person still believes to go on, oldest first.

    Those of the same cause that came and went since then, untold, are among them.
    """
    began = select(incident.c.cause, func.min(incident.c.first_at).label("at")).where(*_BELIEVED)
    since = began.where(incident.c.resolved_at.is_not(None)).group_by(incident.c.cause).subquery()
    query = select(*incident.c).join(since, and_(incident.c.cause == since.c.cause, incident.c.first_at >= since.c.at))
    ended = query.where(incident.c.resolved_at.is_not(None)).order_by(incident.c.first_at, incident.c.cause)
    return [_incident(row) for row in connection.execute(ended)]


def last_told(connection: Connection) -> dict[str, float]:
    """Return when the person was last told of each cause that they believe to hold."""
    query = select(incident.c.cause, func.max(incident.c.alerted_at)).where(*_BELIEVED).group_by(incident.c.cause)
    return {row[0]: row[1] for row in connection.execute(query)}


def mark_alerted(connection: Connection, row: IncidentRow, now: datetime) -> None:
    """Record that the person is told of the incident as it stands."""
    connection.execute(
        update(incident)
        .where(incident.c.cause == row.cause, incident.c.first_at == row.first_at)
        .values(alerts=row.alerts + 1, alerted_at=now.timestamp(), alerted_occurrences=row.occurrences)
    )


def mark_over_told(connection: Connection, cause: str, now: datetime) -> None:
    """Record that the person knows that the cause is gone."""
    connection.execute(
        update(incident)
        .where(incident.c.cause == cause, incident.c.resolved_at.is_not(None), *_BELIEVED)
        .values(over_told_at=now.timestamp())
    )


def _incident(row: Row[Any]) -> IncidentRow:
    return IncidentRow(**{**row._mapping, "jobs": tuple(json.loads(row.jobs))})
