"""Queries for the tick: what is to be done for requests now, and when the next thing is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, exists, func, not_, or_, select

from harness.domain.request import RequestState
from harness.domain.run import RunState
from harness.store.request_conditions import a_run_waits_for_it, may_be_tried, waits_for_delivery
from harness.store.tables import event, request, run


@dataclass(frozen=True, slots=True)
class Pending:
    """Whether there is anything of each kind to look at."""

    overdue: bool
    waiting: bool
    watched: bool


@dataclass(frozen=True, slots=True)
class Quiet:
    """A request that is being worked on, and when something was last heard of it; times in epoch seconds."""

    id: str
    confirmed_at: float
    news_at: float
    due_at: float


def pending(connection: Connection, now: datetime) -> Pending:
    """Return what there is to look at; one statement, each part of it answered by an index."""
    is_open = request.c.closed_at.is_(None)
    overdue = exists().where(is_open, request.c.due_at <= now.timestamp())
    waiting = exists().where(waits_for_delivery(), may_be_tried(now))
    watched = exists().where(is_open, request.c.is_watched == 1)
    row = connection.execute(select(overdue, waiting, watched)).one()
    return Pending(*(bool(value) for value in row))


def next_moment(connection: Connection, now: datetime) -> datetime | None:
    """Return when something is to be done for a request at the latest: one is due, or may be delivered."""
    due = select(func.min(request.c.due_at)).where(request.c.closed_at.is_(None)).scalar_subquery()
    deliverable = (
        select(func.min(request.c.deliver_after))
        .where(request.c.state == str(RequestState.REQUESTED), request.c.deliver_after > now.timestamp())
        .scalar_subquery()
    )
    moments = [moment for moment in connection.execute(select(due, deliverable)).one() if moment is not None]
    return datetime.fromtimestamp(min(moments), UTC) if moments else None


def quiet_requests(connection: Connection, now: datetime) -> list[Quiet]:
    """Return the requests that are being worked on and near their due time, the next due first."""
    at = now.timestamp()
    confirmed = select(func.max(event.c.at)).where(event.c.request_id == request.c.id, event.c.kind == "confirmed")
    query = select(request.c.id, confirmed.scalar_subquery(), request.c.news_at, request.c.due_at).where(
        request.c.closed_at.is_(None),
        request.c.state == str(RequestState.CONFIRMED),
        request.c.due_at > at,
        # It was confirmed no earlier than it was made: what is left now is at most a quarter.
        (request.c.due_at - at) * 4 <= request.c.due_at - request.c.made_at,
    )
    return [Quiet(*row) for row in connection.execute(query.order_by(request.c.due_at, request.c.id))]


def untold(connection: Connection, known: Sequence[str], before: datetime, limit: int) -> list[str]:
    """Return the ids of what is final and untold: since before then, or asked by a sender that is not known.

    What a suspended run waits for is left out: the run is told by going on.
    """
    query = select(request.c.id).where(
        request.c.closed_at.is_not(None),
        request.c.noticed_at.is_(None),
        or_(request.c.closed_at <= before.timestamp(), request.c.sender.not_in(known)),
        not_(a_run_waits_for_it()),
    )
    return list(connection.execute(query.order_by(request.c.closed_at, request.c.id).limit(limit)).scalars())


def open_runs_ahead(connection: Connection, agent: str, run_id: str) -> tuple[str | None, float | None, int]:
    """Return the job that the agent is at work on, since when, and how many of its queued runs come before this one."""
    mine = select(run.c.priority, run.c.due_at, run.c.created_at).where(run.c.id == run_id)
    own = connection.execute(mine).one()
    at_work = select(run.c.job_id, run.c.started_at).where(
        run.c.agent == agent, run.c.state == str(RunState.RUNNING), run.c.lane == "agent"
    )
    busy = connection.execute(at_work).first()
    before = select(func.count()).where(
        run.c.agent == agent,
        run.c.state == str(RunState.QUEUED),
        run.c.id != run_id,
        or_(
            run.c.priority < own.priority,
            (run.c.priority == own.priority) & (run.c.due_at < own.due_at),
            (run.c.priority == own.priority) & (run.c.due_at == own.due_at) & (run.c.created_at < own.created_at),
        ),
    )
    count = int(connection.execute(before).scalar_one())
    return (None, None, count) if busy is None else (busy.job_id, busy.started_at, count)
