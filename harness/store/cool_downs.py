"""Queries on `cool_down`: which profiles are left alone for a while. Only those that could not answer have a row."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, delete, select

from harness.domain.cool_down import CoolDown
from harness.store.tables import cool_down
from harness.store.upsert import insert_or_replace


def cool_downs(connection: Connection) -> dict[str, CoolDown]:
    """Return the latest cool-down of each profile that has not answered since, whether it is over or not."""
    rows = connection.execute(select(*cool_down.c).order_by(cool_down.c.profile))
    return {
        row.profile: CoolDown(
            row.profile, _moment(row.begun_at), _moment(row.until_at), row.cause, row.problem, row.fingerprint
        )
        for row in rows
    }


def save_cool_down(connection: Connection, begun: CoolDown) -> None:
    """Leave the profile alone, in place of what was known of it."""
    values = {
        "profile": begun.profile,
        "begun_at": begun.since.timestamp(),
        "until_at": begun.until.timestamp(),
        "cause": begun.cause,
        "problem": begun.problem,
        "fingerprint": begun.fingerprint,
    }
    insert_or_replace(connection, cool_down, values, "profile")


def end_cool_down(connection: Connection, profile: str) -> None:
    """Forget that the profile could not answer."""
    connection.execute(delete(cool_down).where(cool_down.c.profile == profile))


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
