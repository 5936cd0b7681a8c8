"""Queries on what was said to the person, and on what they said: for reminders."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, func, or_, select

from harness.domain.request import USER
from harness.store.tables import event, request, seen_item

_WORDS = ("requested", "progress", "final")
"""Kinds of events that a party makes by saying something."""


def marks_since(connection: Connection, agent: str, beginning: str, since: datetime) -> dict[str, float]:
    """Return the marks with this beginning that the agent's jobs delivered since then, with the last time of each."""
    rows = connection.execute(
        select(seen_item.c.url, seen_item.c.delivered_at)
        .where(
            seen_item.c.job_id.startswith(f"{agent}/", autoescape=True),
            seen_item.c.url.startswith(beginning, autoescape=True),
            seen_item.c.delivered_at >= since.timestamp(),
        )
        .order_by(seen_item.c.delivered_at)
    )
    return {row.url: float(row.delivered_at) for row in rows}


def last_word_of_person(connection: Connection, agent: str) -> float:
    """Return when the person last said something to the agent over the bus, in epoch seconds; 0 if they never did.

    That is whatever they asked of it, and their answers to what it asked of them.
    """
    query = (
        select(func.max(event.c.at))
        .join(request, request.c.id == event.c.request_id)
        .where(
            event.c.party == USER,
            event.c.kind.in_(_WORDS),
            or_(request.c.sender == agent, request.c.receiver == agent),
        )
    )
    return float(connection.execute(query).scalar() or 0.0)
