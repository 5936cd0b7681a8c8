"""How a request becomes a dead letter: it gets its final, and the person gets the question what to do."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.finals import finish
from harness.bus.log import append
from harness.domain.request import DeadLettered, Final, Situation, Standing


def bury(
    connection: Connection, standing: Standing, final: Final, situation: Situation, *, by: str, now: datetime
) -> Standing:
    """End the request with this final, tell whoever waits for it, and put it among the dead letters."""
    finished = finish(connection, standing, final, by=by, now=now)
    return append(connection, finished, DeadLettered(final.conclusion, situation), by=by, now=now)
