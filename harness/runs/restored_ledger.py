"""What a restored team must not go on with: everything that was open when the backup was made, requests included."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from harness.bus.finals import bury, with_fallback
from harness.bus.log import standing_of
from harness.domain.request import SYSTEM, USER, Final, RequestState
from harness.store.requests import requests_in
from harness.store.restorations import record_restoration

_OPEN = (RequestState.REQUESTED, RequestState.DELIVERED, RequestState.CONFIRMED)


def restore_ledger(connection: Connection, made_at: datetime, now: datetime) -> int:
    """Make the database one that was restored now; return how many fires were closed for it.

    What an agent was asked, and had not finished, may have been worked on after the backup was made: it is a dead
    letter, for the person to decide. What the person was asked stays open, and what only waits for something does.
    """
    closed = record_restoration(connection, made_at, now)
    reason = (
        f"restored from a backup of {made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC; it is not known whether this was done"
    )
    for row in requests_in(connection, states=_OPEN):
        if row.receiver == USER or row.is_watched:
            continue
        standing = standing_of(connection, row.id, for_change=True)
        final = Final("failed", with_fallback(standing.request, reason))
        bury(connection, standing, final, standing.situation, by=SYSTEM, now=now)
    return closed
