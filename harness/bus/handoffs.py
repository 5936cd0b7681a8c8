"""Passing a request on: the receiver that had it is out of it, and the post office gives it to the next one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.log import append, standing_of
from harness.domain.request import HandedOff
from harness.domain.tool import PassOn
from harness.store.runs import RunRow


def pass_on(connection: Connection, run: RunRow, to: PassOn, now: datetime) -> None:
    """Pass on the request that the run works on. Raises Superseded if it is not the run's any more."""
    standing = standing_of(connection, run.options["request"], for_change=True)
    event = HandedOff(int(run.options["token"]), to.receiver, to.reason)
    append(connection, standing, event, by=run.agent, now=now)
