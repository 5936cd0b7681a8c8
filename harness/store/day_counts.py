"""Queries that add a day up: what became of its planned fires, and what its model calls cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from harness.domain.run import FireKind, FireState
from harness.store.tables import fire, usage


@dataclass(frozen=True, slots=True)
class Became:
    """What became of a planned fire, and why."""

    state: FireState
    reason: str


def planned_fires(connection: Connection, start: datetime, end: datetime) -> list[Became]:
    """Return what became of every fire that the schedule had due in [start, end), by time and job."""
    query = (
        select(fire.c.state, fire.c.reason)
        .where(*_due_in(start, end), fire.c.kind == str(FireKind.CRON))
        .order_by(fire.c.due_at, fire.c.job_id)
    )
    return [Became(FireState(row.state), row.reason) for row in connection.execute(query)]


def states_between(connection: Connection, start: datetime, end: datetime) -> Mapping[FireState, int]:
    """Return how many of the schedule's fires that were due in [start, end) are in each state."""
    query = (
        select(fire.c.state, func.count())
        .where(*_due_in(start, end), fire.c.kind == str(FireKind.CRON))
        .group_by(fire.c.state)
    )
    return {FireState(state): int(count) for state, count in connection.execute(query)}


def cost_between(connection: Connection, start: datetime, end: datetime) -> float:
    """Return what the model calls of [start, end) cost, in dollars."""
    query = select(func.coalesce(func.sum(usage.c.cost_usd), 0.0)).where(
        usage.c.at >= start.timestamp(), usage.c.at < end.timestamp()
    )
    return float(connection.execute(query).scalar_one())


def _due_in(start: datetime, end: datetime) -> tuple[ColumnElement[bool], ...]:
    # Slots are whole seconds; PostgreSQL would round a part of one, in place of comparing with it.
    return fire.c.due_at >= math.ceil(start.timestamp()), fire.c.due_at < math.ceil(end.timestamp())
