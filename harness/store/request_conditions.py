"""What a row of `request` has to be for a query, said once: conditions that follow an index, if it has one for them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_

from harness.domain.request import USER, RequestState
from harness.domain.run import RunState
from harness.store.tables import awaited, request, run, suspension

LONGEST_PAUSE_S = 3600.0
"""A delivery is put off for no longer at a time."""


def a_run_waits_for_it() -> ColumnElement[bool]:
    """A suspended run will be told of the request by going on; not one that was cancelled or closed meanwhile."""
    return (
        exists()
        .where(awaited.c.request_id == request.c.id, suspension.c.run_id == awaited.c.run_id)
        .where(suspension.c.continued_as.is_(None), run.c.id == awaited.c.run_id)
        .where(run.c.state == str(RunState.SUSPENDED))
    )


def waits_for_delivery() -> ColumnElement[bool]:
    """It waits to be given to its receiver. All three are columns of one index, which holds open requests only."""
    return and_(
        request.c.closed_at.is_(None), request.c.state == str(RequestState.REQUESTED), request.c.is_watched == 0
    )


def may_be_tried(now: datetime) -> ColumnElement[bool]:
    """The request is not put off, or not any more; nor was it put off by a clock that was set back since."""
    at = now.timestamp()
    put_off = request.c.deliver_after
    return or_(put_off.is_(None), put_off <= at, put_off > at + LONGEST_PAUSE_S)


def waits_for_person() -> ColumnElement[bool]:
    """Only the person can end it."""
    return and_(request.c.receiver == USER, request.c.closed_at.is_(None), request.c.is_watched == 0)
