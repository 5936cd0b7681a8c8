"""Queries on `restoration`: when this database was put back from a backup, and what was open in it then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, inspect, select, text, update

from harness.domain.cause import job_cause
from harness.domain.request import kind_of_work
from harness.domain.run import FireState, RunState
from harness.store.fires import open_fires
from harness.store.incidents import open_incident
from harness.store.tables import fire, identity, node, outbox, restoration, run

_STEPS_TABLE = "workflow_status"


@dataclass(frozen=True, slots=True)
class Restoration:
    """Times in epoch seconds: what happened after `backup_made_at` and before `restored_at` is not known here."""

    restored_at: float
    backup_made_at: float
    fires_closed: int

    def has_forgotten(self, due_at: datetime) -> bool:
        """Say whether what was due then may have been done by the team that was restored."""
        return self.backup_made_at < due_at.timestamp() <= self.restored_at

    def __str__(self) -> str:
        made_at = datetime.fromtimestamp(self.backup_made_at, UTC)
        return f"The team was restored from a backup of {made_at:%Y-%m-%d %H:%M} UTC: you may have read this before."


def record_restoration(connection: Connection, made_at: datetime, now: datetime) -> int:
    """Make the database one that was restored now; return how many fires were closed for it.

    Whatever was open when the backup was made may have gone on after that, and been delivered: it is closed
    as failed with an incident, and never gone on with.
    """
    reason = f"restored from a backup of {made_at:%Y-%m-%d %H:%M} UTC; it is not known whether this was finished"
    at = now.timestamp()
    fires = open_fires(connection)
    for each in fires:
        # Under the name under which a later success closes it.
        kind = kind_of_work(each.job_id)
        open_incident(connection, job_cause(kind), f"{each.job_id}: {reason}", now, each.run_id, job_id=kind)
    closed_fire = {"state": str(FireState.FAILED), "reason": reason, "closed_at": at}
    connection.execute(update(fire).where(fire.c.closed_at.is_(None)).values(closed_fire))
    ended_run = {"state": str(RunState.ENDED), "ended_at": at, "stop": "error"}
    connection.execute(update(run).where(run.c.ended_at.is_(None)).values(ended_run))
    connection.execute(update(outbox).where(outbox.c.state == "pending").values(state="dead", last_error=reason))
    connection.execute(update(node).where(node.c.left_at.is_(None)).values(state="left", left_at=at, left_why=reason))
    _cancel_steps(connection)
    if connection.dialect.name == "sqlite":
        # The file is a new one, and perhaps elsewhere: it is whoever's who uses it first.
        connection.execute(delete(identity))
    row = {"restored_at": at, "backup_made_at": made_at.timestamp(), "fires_closed": len(fires)}
    connection.execute(insert(restoration).values(row))
    return len(fires)


def last_restoration(connection: Connection) -> Restoration | None:
    """Return the last time that the database was restored."""
    query = select(*restoration.c).order_by(restoration.c.restored_at.desc()).limit(1)
    row = connection.execute(query).first()
    return None if row is None else Restoration(*row)


def _cancel_steps(connection: Connection) -> None:
    """Keep the engine from going on with what it had not finished, which it does as soon as it is launched."""
    schema = "dbos" if connection.dialect.name == "postgresql" else None
    if not inspect(connection).has_table(_STEPS_TABLE, schema=schema):
        return
    table = f"{schema}.{_STEPS_TABLE}" if schema else _STEPS_TABLE
    connection.execute(
        text(f"UPDATE {table} SET status = 'CANCELLED' WHERE status IN ('PENDING', 'ENQUEUED', 'DELAYED')")  # noqa: S608
    )
