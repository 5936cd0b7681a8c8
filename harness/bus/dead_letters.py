"""Dead letters: requests that ended without having been worked to their end, until the person decides."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.finals import finish
from harness.bus.log import append, standing_of
from harness.domain.request import DeadLettered, Final, Situation, Standing


def bury(
    connection: Connection, standing: Standing, final: Final, situation: Situation, *, by: str, now: datetime
) -> Standing:
    """End the request with this final, tell whoever waits for it, and put it among the dead letters."""
    finish(connection, standing, final, by=by, now=now)
    finished = standing_of(connection, standing.request.id)
    return append(connection, finished, DeadLettered(final.conclusion, situation), by=by, now=now)
