"""When anything was last written into the ledger, by the clocks of those who wrote it.

Standard library only: fast commands ask as well.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

LAST_WRITTEN = (
    # Each of them is answered from the end of an index, however long the ledger is. A fire by hand may
    # stand a little in the future, a planned one never does.
    "SELECT MAX(due_at) FROM fire WHERE kind = 'cron'",
    "SELECT MAX(at) FROM usage",
    "SELECT MAX(heartbeat_at) FROM node",
)
"""Queries in the words of both kinds of database; the latest of their answers is the moment, in epoch seconds."""


def last_written(connection: Connection) -> datetime | None:
    """Return the moment of the newest slot, model call or heartbeat; None if there is none."""
    return latest([connection.exec_driver_sql(query).scalar() for query in LAST_WRITTEN])


def latest(answers: list[float | None]) -> datetime | None:
    """Return the latest answer to the queries as a moment, aware UTC."""
    known = [answer for answer in answers if answer is not None]
    return datetime.fromtimestamp(max(known), UTC) if known else None
