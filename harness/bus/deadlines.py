"""Requests whose due time passes without a final: which of four things it means, and the final that they get.

A timeout is never taken for a failure of the work: what the log shows is said, and nothing is done again.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.finals import bury, with_fallback
from harness.domain.moments import utc_time
from harness.domain.request import SYSTEM, Final, Situation, Standing
from harness.store.requests import request_row


def time_out(connection: Connection, standing: Standing, now: datetime) -> Standing:
    """Give an open request that is overdue the final `timed_out`, and put it among the dead letters.

    The caller holds the run that works on it, and the request; it cancels the run.
    """
    row = request_row(connection, standing.request.id)
    conclusion = conclusion_of(standing, "" if row is None else row.why_waiting)
    return bury(connection, standing, Final("timed_out", conclusion), standing.situation, by=SYSTEM, now=now)


def conclusion_of(standing: Standing, why_waiting: str) -> str:
    """Return what a passed due time means for this request, and what its sender said to do then."""
    due = f"no final came by {utc_time(standing.request.due_at)}"
    return with_fallback(standing.request, f"{due}: {_situation(standing, why_waiting)}")


def _situation(standing: Standing, why_waiting: str) -> str:
    because = f" ({why_waiting})" if why_waiting else ""
    receiver = standing.receiver
    if standing.request.watch is not None:
        return f"it waited until {standing.request.watch}, which did not happen{because}"
    match standing.situation:
        case Situation.NEVER_DELIVERED if standing.handed_off_by:
            return f"{standing.handed_off_by[-1]} passed it on to {receiver}, who was never given it{because}"
        case Situation.NEVER_DELIVERED:
            return f"it was never delivered to {receiver}{because}"
        case Situation.NOT_CONFIRMED:
            return f"it was delivered to {receiver}, who did not confirm it"
        case _:
            said = f"; the last news: {standing.note}" if standing.note else ""
            since = "" if standing.confirmed_at is None else f" since {utc_time(standing.confirmed_at)}"
            return f"{receiver} had it{since} and was not done{said}"
