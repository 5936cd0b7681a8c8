"""Queries on `run`: who does what, since when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Float,
    Row,
    Select,
    String,
    Update,
    and_,
    bindparam,
    case,
    func,
    not_,
    or_,
    select,
    update,
)

from harness.domain.job import LONGEST_BACKOFF_S
from harness.domain.run import FireKind, FireState, RunState, Suspended
from harness.store.tables import run
from harness.store.upsert import insert_new


@dataclass(frozen=True, slots=True)
class RunRow:
    """One durable run; times in epoch seconds. `outcome` is JSON of what was decided, also while it
    waits for its delivery to be acknowledged.

    A queued run is not begun before `not_before`, and not finished after `deadline_at`. `node` is the name
    of the node it is bound to. `attempt` counts the runs of one fire from 1; `source_run` is the run that
    this one repeats. `cancel_reason` is set as soon as somebody wants it cancelled. `forgotten_at`: retention
    deleted its recorded steps, its manifest and its transcript; `artifacts_deleted_at`: what it made.
    `revision` is the git revision of the workspace when its prompt was made, with `+` where files differed from it;
    empty where the workspace is no repository.
    """

    id: str
    job_id: str
    agent: str
    lane: str
    kind: FireKind
    due_at: int
    state: RunState
    inputs: Mapping[str, str]
    options: Mapping[str, Any]
    workflow_version: int
    owner: str | None
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    stop: str | None = None
    prompt_sha256: str | None = None
    manifest: Any = None
    outcome: Any = None
    attempt: int = 1
    priority: int = 1
    not_before: float | None = None
    deadline_at: float | None = None
    node: str | None = None
    source_run: str | None = None
    cancel_reason: str | None = None
    forgotten_at: float | None = None
    artifacts_deleted_at: float | None = None
    revision: str = ""


@dataclass(frozen=True, slots=True)
class NewRun:
    """What is known of a run when it is queued; see RunRow.

    `inputs` replace what the job would read; `options` are `profile` and `preview` of `harness run`, and what
    a fork needs.
    """

    id: str
    job_id: str
    lane: str
    kind: FireKind
    due_at: int
    workflow_version: int
    inputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 1
    priority: int = 1
    not_before: float | None = None
    deadline_at: float | None = None
    node: str | None = None
    source_run: str | None = None


def queue_run(connection: Connection, new: NewRun, now: datetime) -> bool:
    """Queue a run; False if it exists."""
    values = {
        "id": new.id,
        "job_id": new.job_id,
        "agent": new.job_id.partition("/")[0],
        "lane": new.lane,
        "kind": str(new.kind),
        "due_at": new.due_at,
        "state": str(RunState.QUEUED),
        "inputs": json.dumps(dict(new.inputs)),
        "options": json.dumps(dict(new.options)),
        "workflow_version": new.workflow_version,
        "created_at": now.timestamp(),
        "attempt": new.attempt,
        "priority": new.priority,
        "not_before": new.not_before,
        "deadline_at": new.deadline_at,
        "node": new.node,
        "source_run": new.source_run,
    }
    return insert_new(connection, run, values)


def claim_runs(
    connection: Connection,
    owner: str,
    max_running: int,
    now: datetime,
    *,
    only: str | None = None,
    node: str | None = None,
    workflow_version: int | None = None,
) -> list[RunRow]:
    """Claim queued runs whose time has come: at most one running per agent and `max_running` in all.

    The most urgent first, then the oldest due. Runs of the lane `system` need no model: neither limit holds
    them back. Runs bound to another node than `node` stay queued; with `only`, every other run does. A
    claimed run is begun by this version, whichever had queued it.
    """
    busy = set(
        connection.execute(
            select(run.c.agent).where(run.c.state == str(RunState.RUNNING), run.c.lane == "agent")
        ).scalars()
    )
    claimed: list[RunRow] = []
    wanted = {"now": now.timestamp(), "node": node, "only": only}
    for row in connection.execute(_claimable(one=only is not None), wanted).all():
        if row.lane == "agent" and (row.agent in busy or len(busy) >= max_running):
            continue
        claim = {
            "run_id": row.id,
            "by": owner,
            "now": now.timestamp(),
            "version": row.workflow_version if workflow_version is None else workflow_version,
        }
        if connection.execute(_claim(), claim).rowcount == 0:
            continue  # its deadline passed, or somebody cancelled it, since it was read
        if row.lane == "agent":
            busy.add(row.agent)
        claimed.append(replace(_run(row), state=RunState.RUNNING, owner=owner, started_at=now.timestamp()))
    return claimed


@lru_cache(maxsize=1)
def _claim() -> Update:
    return (
        update(run)
        .where(run.c.id == bindparam("run_id"), run.c.state == str(RunState.QUEUED))
        .values(
            state=str(RunState.RUNNING),
            owner=bindparam("by"),
            started_at=bindparam("now"),
            workflow_version=bindparam("version"),
        )
    )


@lru_cache(maxsize=2)
def _claimable(*, one: bool) -> Select[Any]:
    """Return the query for what may be claimed: of each agent's own jobs the first, and all that need no model.

    It takes `now` and `node`, and with `one` the id of the `only` run. Putting it together costs more than
    asking it does, so it is put together once.
    """
    order = (run.c.priority, run.c.due_at, run.c.created_at, run.c.id)
    conditions = [
        run.c.state == str(RunState.QUEUED),
        _is_time(bindparam("now", type_=Float)),
        or_(run.c.node.is_(None), run.c.node == bindparam("node", type_=String)),
    ]
    if one:
        conditions.append(run.c.id == bindparam("only"))
    # A herd of thousands may be queued: only those that can be claimed at all are read.
    place = func.row_number().over(partition_by=(run.c.agent, run.c.lane), order_by=order).label("place")
    ranked = select(run.c.id, place).where(*conditions).subquery()
    first = select(ranked.c.id).where(ranked.c.place == 1)
    return select(*run.c).where(*conditions, or_(run.c.lane != "agent", run.c.id.in_(first))).order_by(*order)


def has_claimable(connection: Connection, now: datetime) -> bool:
    """Say whether any run waits in the queue whose time has come."""
    return connection.execute(_any_claimable(), {"now": now.timestamp()}).first() is not None


@lru_cache(maxsize=1)
def _any_claimable() -> Select[Any]:
    is_time = _is_time(bindparam("now", type_=Float))
    return select(run.c.id).where(run.c.state == str(RunState.QUEUED), is_time).limit(1)


def _is_time(now: Any) -> ColumnElement[bool]:
    """The run need not wait, or not any more; nor was it made to wait by a clock that was set back since."""
    wait = run.c.not_before
    return or_(wait.is_(None), wait <= now, wait > now + LONGEST_BACKOFF_S)


def next_not_before(connection: Connection, now: datetime) -> float | None:
    """Return when the next queued run that has to wait may begin, in epoch seconds."""
    query = select(func.min(run.c.not_before)).where(
        run.c.state == str(RunState.QUEUED), not_(_is_time(now.timestamp()))
    )
    return connection.execute(query).scalar()


def hand_over(connection: Connection, run_id: str, old_owner: str, new_owner: str) -> bool:
    """Give a running run of an executor that is gone to another one; False if it has moved on meanwhile."""
    mine = update(run).where(run.c.id == run_id, run.c.owner == old_owner, run.c.state == str(RunState.RUNNING))
    return connection.execute(mine.values(owner=new_owner)).rowcount == 1


def want_cancelled(connection: Connection, run_id: str, reason: str) -> bool:
    """Mark a run that has not ended as one to be cancelled; False if it has ended, or was marked before."""
    open_one = update(run).where(run.c.id == run_id, run.c.ended_at.is_(None), run.c.cancel_reason.is_(None))
    return connection.execute(open_one.values(cancel_reason=reason)).rowcount == 1


def runs_to_cancel(connection: Connection) -> list[RunRow]:
    """Return the runs at work that somebody wants cancelled, oldest first."""
    query = select(*run.c).where(
        run.c.ended_at.is_(None), run.c.cancel_reason.is_not(None), run.c.state == str(RunState.RUNNING)
    )
    return [_run(row) for row in connection.execute(query.order_by(run.c.due_at, run.c.id))]


def overdue_runs(connection: Connection, now: datetime) -> list[RunRow]:
    """Return the runs that have not ended and whose deadline has passed, oldest first."""
    query = select(*run.c).where(run.c.ended_at.is_(None), run.c.deadline_at <= now.timestamp())
    return [_run(row) for row in connection.execute(query.order_by(run.c.deadline_at, run.c.id))]


def count_open(connection: Connection, now: datetime) -> int:
    """Return how many runs are running, or queued and not made to wait until later."""
    is_queued = and_(run.c.state == str(RunState.QUEUED), _is_time(now.timestamp()))
    query = select(func.count()).select_from(run).where(or_(run.c.state == str(RunState.RUNNING), is_queued))
    return int(connection.execute(query).scalar_one())


def runs_in(connection: Connection, *states: RunState) -> list[RunRow]:
    """Return the runs in the given states, oldest first."""
    query = select(*run.c).where(run.c.state.in_([str(s) for s in states])).order_by(run.c.due_at, run.c.id)
    return [_run(row) for row in connection.execute(query)]


def queued_runs(connection: Connection) -> set[str]:
    """Return the ids of the runs that wait in the queue."""
    return set(connection.execute(select(run.c.id).where(run.c.state == str(RunState.QUEUED))).scalars())


def runs_awaiting_delivery(connection: Connection) -> list[str]:
    """Return the ids of the suspended runs whose result a channel has not taken yet, oldest first."""
    made = select(run.c.id).where(run.c.state == str(RunState.SUSPENDED), run.c.stop.is_distinct_from(Suspended.reason))
    return list(connection.execute(made.order_by(run.c.due_at, run.c.id)).scalars())


def runs_of_job(connection: Connection, job_id: str) -> list[RunRow]:
    """Return all runs of the job's fires, in the order in which they were queued."""
    query = select(*run.c).where(run.c.job_id == job_id).order_by(run.c.due_at, run.c.created_at, run.c.id)
    return [_run(row) for row in connection.execute(query)]


def run_by_id(connection: Connection, run_id: str, *, for_change: bool = False) -> RunRow | None:
    """Return one run; with `for_change`, no other transaction changes it meanwhile.

    Whoever changes a run and its fire asks for the run first, so that no two wait for each other.
    """
    row = connection.execute(_by_id(for_change=for_change), {"run_id": run_id}).first()
    return None if row is None else _run(row)


@lru_cache(maxsize=2)
def _by_id(*, for_change: bool) -> Select[Any]:
    """Return the query for one run, put together once: a run asks for itself eight times."""
    query = select(*run.c).where(run.c.id == bindparam("run_id"))
    return query.with_for_update() if for_change else query


def record_prompt(connection: Connection, run_id: str, sha256: str, manifest: Any, revision: str = "") -> None:
    """Store what the run's prompt was made of, and of which revision of the workspace."""
    values = {"prompt_sha256": sha256, "manifest": json.dumps(manifest), "revision": revision}
    connection.execute(update(run).where(run.c.id == run_id).values(values))


def suspend_run(connection: Connection, run_id: str, *, stop: str, outcome: Any) -> None:
    """Keep what the run decided until its delivery is acknowledged; its agent is free meanwhile."""
    connection.execute(
        update(run)
        .where(run.c.id == run_id, run.c.ended_at.is_(None))
        .values(state=str(RunState.SUSPENDED), stop=stop, outcome=json.dumps(outcome))
    )


def end_run(
    connection: Connection, run_id: str, now: datetime, *, stop: str | None = None, outcome: Any = None
) -> bool:
    """End the run; False if it had ended. What an agent did, and what failed, is to be examined then."""
    has_failed = isinstance(outcome, dict) and outcome.get("state") == str(FireState.FAILED)
    is_worth_a_look = 1 if has_failed else case((run.c.lane == "agent", 1), else_=0)
    values: dict[str, Any] = {
        "state": str(RunState.ENDED),
        "ended_at": now.timestamp(),
        "is_unexamined": is_worth_a_look,
    }
    if stop is not None:
        values["stop"] = stop
    if outcome is not None:
        values["outcome"] = json.dumps(outcome)
    return (
        connection.execute(update(run).where(run.c.id == run_id, run.c.ended_at.is_(None)).values(values)).rowcount == 1
    )


def _run(row: Row[Any]) -> RunRow:
    return RunRow(
        id=row.id,
        job_id=row.job_id,
        agent=row.agent,
        lane=row.lane,
        kind=FireKind(row.kind),
        due_at=row.due_at,
        state=RunState(row.state),
        inputs=json.loads(row.inputs),
        options=json.loads(row.options),
        workflow_version=row.workflow_version,
        owner=row.owner,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        stop=row.stop,
        prompt_sha256=row.prompt_sha256,
        manifest=None if row.manifest is None else json.loads(row.manifest),
        outcome=None if row.outcome is None else json.loads(row.outcome),
        attempt=row.attempt,
        priority=row.priority,
        not_before=row.not_before,
        deadline_at=row.deadline_at,
        node=row.node,
        source_run=row.source_run,
        cancel_reason=row.cancel_reason,
        forgotten_at=row.forgotten_at,
        artifacts_deleted_at=row.artifacts_deleted_at,
        revision=row.revision,
    )
