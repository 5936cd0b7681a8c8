"""Passing a request on: the receiver that had it is out of it, and the post office gives it to the next one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.log import append, standing_of
from harness.domain.request import HandedOff, RequestState
from harness.domain.tool import PassOn
from harness.store.runs import RunRow


def pass_on(connection: Connection, run: RunRow, to: PassOn, now: datetime) -> bool:
    """Pass on the request that the run works on; False, with nothing changed, if it is over or another's by now."""
    standing = standing_of(connection, run.options["request"], for_change=True)
    token = int(run.options["token"])
    if standing.state is not RequestState.CONFIRMED or standing.token != token:
        return False
    append(connection, standing, HandedOff(token, to.receiver, to.reason), by=run.agent, now=now)
    return True
