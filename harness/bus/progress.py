"""News of work that says nothing itself: before a promised time passes, the harness looks and writes down what it sees.

The first note is due when three quarters of the time have passed in which nothing was heard, the next when three
quarters of what was left then have: three notes at most, however long the work is, and none where the worker speaks.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.log import append, standing_of
from harness.domain.moments import utc_time
from harness.domain.request import SYSTEM, USER, Progressed, RequestState, Standing
from harness.store.request_duties import Quiet

MOST_NOTES = 3
LEAST_LEFT_S = 5.0
"""Closer to the due time than that no note is of use any more."""


def is_due_for_note(quiet: Quiet, now: datetime) -> bool:
    """Say whether one of the moments at which news is due has passed, and nothing was heard since."""
    at = now.timestamp()
    passed = [moment for moment in note_moments(quiet.confirmed_at, quiet.due_at) if moment <= at < quiet.due_at]
    return bool(passed) and quiet.news_at < passed[-1]


def note_moments(confirmed_at: float, due_at: float) -> tuple[float, ...]:
    """Return when news is due at the latest, in epoch seconds: each when a quarter of what was left is left."""
    left = [(due_at - confirmed_at) / 4**count for count in range(1, MOST_NOTES + 1)]
    return tuple(due_at - left_s for left_s in left if left_s >= LEAST_LEFT_S)


def note_progress(connection: Connection, quiet: Quiet, seen: str, now: datetime) -> Standing | None:
    """Write down what is seen of the work; None if news has come meanwhile, or the request has moved on.

    A request to the person is their own to speak of: they get a reminder in its log, and no message.
    """
    standing = standing_of(connection, quiet.id, for_change=True)
    if standing.state is not RequestState.CONFIRMED or standing.confirmed_at is None or standing.news_at is None:
        return None
    latest = Quiet(quiet.id, standing.confirmed_at.timestamp(), standing.news_at.timestamp(), quiet.due_at)
    if not is_due_for_note(latest, now):
        return None
    note = f"reminder: {_due(standing)}" if standing.receiver == USER else f"{seen}; {_due(standing)}"
    return append(connection, standing, Progressed(standing.token, note, by_harness=True), by=SYSTEM, now=now)


def _due(standing: Standing) -> str:
    return f"due {utc_time(standing.request.due_at)}"
