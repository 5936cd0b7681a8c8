"""How a request becomes a dead letter: it gets its final, and the person gets the question what to do."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.finals import finish
from harness.bus.log import append
from harness.domain.request import DeadLettered, Final, Request, Situation, Standing


def bury(
    connection: Connection, standing: Standing, final: Final, situation: Situation, *, by: str, now: datetime
) -> Standing:
    """End the request with this final, tell whoever waits for it, and put it among the dead letters."""
    finished = finish(connection, standing, final, by=by, now=now)
    return append(connection, finished, DeadLettered(final.conclusion, situation), by=by, now=now)


def in_words(request: Request, what_happened: str) -> str:
    """Return the conclusion of a request that was not worked to its end, with what its sender does then."""
    fallback = request.fallback.strip()
    return f"{what_happened}; for this case it was said: {fallback}" if fallback else what_happened
