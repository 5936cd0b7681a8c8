"""Queries on what one agent did in a span of time: what a night looks back on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from harness.domain.run import FireState
from harness.store.tables import fire, incident, request, run, usage

_QUIET = tuple(map(str, (FireState.DELIVERED, FireState.SILENT, FireState.PLANNED, FireState.RUNNING)))


@dataclass(frozen=True, slots=True)
class Trouble:
    """A fire that did not simply go well; `details` are the gaps that its reason only counts."""

    job_id: str
    state: str
    reason: str
    run_id: str | None
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """A failure by its cause; times in epoch seconds."""

    cause: str
    message: str
    occurrences: int
    first_at: float
    is_open: bool
    jobs: str = ""


def count_fires(connection: Connection, agent: str, start: datetime, end: datetime) -> Counter[str]:
    """Return how many fires of the agent's jobs are in each state that were due in [start, end)."""
    query = select(fire.c.state, func.count()).where(_of(agent, start, end)).group_by(fire.c.state)
    return Counter({str(state): int(count) for state, count in connection.execute(query)})


def troubles(connection: Connection, agent: str, start: datetime, end: datetime, limit: int) -> tuple[Trouble, ...]:
    """Return the latest fires of [start, end) that did not go well, at most `limit`, the latest first."""
    query = (
        select(fire.c.job_id, fire.c.state, fire.c.reason, fire.c.run_id, run.c.outcome)
        .select_from(fire.outerjoin(run, run.c.id == fire.c.run_id))
        .where(_of(agent, start, end), fire.c.state.not_in(_QUIET))
        .order_by(fire.c.due_at.desc(), fire.c.job_id)
        .limit(limit)
    )
    return tuple(
        Trouble(row.job_id, row.state, row.reason, row.run_id, _details(row.outcome))
        for row in connection.execute(query)
    )


def incidents_of(connection: Connection, agent: str | None, since: datetime, limit: int) -> tuple[Incident, ...]:
    """Return the incidents that are open, or were seen since then, of the agent's jobs or of all, the latest first."""
    query = select(incident).where(or_(incident.c.resolved_at.is_(None), incident.c.last_at >= since.timestamp()))
    if agent is not None:
        named = (incident.c.cause.contains(f" {agent}/", autoescape=True), incident.c.jobs.contains(f'"{agent}/'))
        query = query.where(or_(*named))
    query = query.order_by(incident.c.last_at.desc(), incident.c.cause).limit(limit)
    return tuple(
        Incident(row.cause, row.message, row.occurrences, row.first_at, row.resolved_at is None, row.jobs)
        for row in connection.execute(query)
    )


def count_requests(connection: Connection, agent: str, start: datetime, end: datetime) -> tuple[int, int, int]:
    """Return how many requests the agent made in [start, end), how many it was asked, and how many of those ended."""
    made_then = and_(request.c.made_at >= start.timestamp(), request.c.made_at < end.timestamp())
    ended_then = and_(request.c.closed_at >= start.timestamp(), request.c.closed_at < end.timestamp())
    conditions = (
        and_(request.c.sender == agent, made_then),
        and_(request.c.receiver == agent, made_then),
        and_(request.c.receiver == agent, ended_then),
    )
    made, asked, ended = (
        int(connection.execute(select(func.count()).select_from(request).where(each)).scalar_one())
        for each in conditions
    )
    return made, asked, ended


def used_by(connection: Connection, agent: str, start: datetime, end: datetime) -> tuple[int, int, float]:
    """Return the model calls of the agent in [start, end): how many, their tokens, and their dollars."""
    tokens = usage.c.input_tokens + usage.c.output_tokens
    row = connection.execute(
        select(func.count(), func.coalesce(func.sum(tokens), 0), func.coalesce(func.sum(usage.c.cost_usd), 0.0)).where(
            usage.c.agent == agent, usage.c.at >= start.timestamp(), usage.c.at < end.timestamp()
        )
    ).one()
    return int(row[0]), int(row[1]), float(row[2])


def _of(agent: str, start: datetime, end: datetime) -> ColumnElement[bool]:
    is_of_agent = fire.c.job_id.startswith(f"{agent}/", autoescape=True)
    return and_(is_of_agent, fire.c.due_at >= int(start.timestamp()), fire.c.due_at < int(end.timestamp()))


def _details(outcome: str | None) -> tuple[str, ...]:
    said = None if outcome is None else json.loads(outcome)
    return tuple(map(str, said.get("details") or ())) if isinstance(said, dict) else ()
