"""A dead letter for tests: a request that timed out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.finals import bury
from harness.bus.sending import send
from harness.bus.team import Team
from harness.domain.request import Final
from tests.bus.team_of import ask


def dead_letter(
    connection: Connection,
    team: Team,
    now: datetime,
    task: str = "lost",
    *,
    sender: str = "zoe",
    receiver: str = "scout",
) -> str:
    """Ask, and end it as timed out; return the request's id."""
    standing = send(connection, ask(sender, receiver, task), team, now).standing
    bury(connection, standing, Final("timed_out", "nothing came"), standing.situation, by="system", now=now)
    return standing.request.id
