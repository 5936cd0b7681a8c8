"""Queries on `usage` and `reservation`: what model calls have used, and what those in flight may use at most."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy import Connection, Table, and_, delete, func, not_, select

from harness.domain.budget import Amount
from harness.domain.message import Usage
from harness.domain.run import RunState
from harness.store.tables import reservation, run, usage
from harness.store.upsert import insert_new, insert_or_replace


@dataclass(frozen=True, slots=True)
class BookedCall:
    """One model call that was answered; `profile` is the one that answered, `latency_s` how long that took."""

    run_id: str
    call_id: str
    job_id: str
    profile: str
    model: str
    tokens: Usage
    cost_usd: float
    latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class ReservedCall:
    """One model call that is about to be made, and what it may use at most."""

    run_id: str
    call_id: str
    agent: str
    profile: str
    most: Amount


def record_usage(connection: Connection, call: BookedCall, now: datetime) -> None:
    """Book one model call; the same call is booked once. What was reserved for it is given back."""
    insert_new(connection, usage, _row(call, now))
    # Set aside is a call by its idempotency key, in which a slash stands between run and call only.
    give_back(connection, call.run_id, call.call_id.replace("/", "."))


def record_loss(connection: Connection, call: BookedCall, now: datetime) -> None:
    """Book what was paid for a try of the call that came to nothing: each one for itself, as `<call>~1`, `<call>~2`."""
    tries = (replace(call, call_id=f"{call.call_id}~{number}") for number in count(1))
    next(one for one in tries if insert_new(connection, usage, _row(one, now)))


def _row(call: BookedCall, now: datetime) -> dict[str, Any]:
    return {
        "run_id": call.run_id,
        "call_id": call.call_id,
        "agent": call.job_id.partition("/")[0],
        "job_id": call.job_id,
        "profile": call.profile,
        "model": call.model,
        "input_tokens": call.tokens.input_tokens,
        "cached_tokens": call.tokens.cached_tokens,
        "cache_write_tokens": call.tokens.cache_write_tokens,
        "output_tokens": call.tokens.output_tokens,
        "cost_usd": call.cost_usd,
        "latency_s": call.latency_s,
        "at": now.timestamp(),
    }


def spent_since(
    connection: Connection, since: datetime, *, agent: str | None = None, profile: str | None = None
) -> Amount:
    """Return what was booked since then: by one agent, on one profile, or by all."""
    tokens = usage.c.input_tokens + usage.c.output_tokens
    query = select(func.coalesce(func.sum(usage.c.cost_usd), 0.0), func.coalesce(func.sum(tokens), 0))
    query = query.where(usage.c.at >= since.timestamp(), *_of(usage, agent, profile))
    row = connection.execute(query).one()
    return Amount(float(row[0]), int(row[1]))


def spent_in_run(connection: Connection, run_id: str, profile: str) -> Amount:
    """Return what was booked on the profile for the run, and for those whose conversation it goes on with."""
    tokens = usage.c.input_tokens + usage.c.output_tokens
    query = select(usage.c.profile, usage.c.cost_usd, tokens).where(usage.c.run_id.in_(_lineage(connection, run_id)))
    # The few calls of a run are read by their key: asked for by profile, all that it was ever asked would be.
    mine = [Amount(row[1], row[2]) for row in connection.execute(query) if row.profile == profile]
    return sum(mine, Amount())


def _lineage(connection: Connection, run_id: str) -> list[str]:
    """Return the run, and those whose conversation it goes on with, the latest first."""
    runs: list[str] = []
    before: str | None = run_id
    while before is not None and before not in runs:
        runs.append(before)
        options = connection.execute(select(run.c.options).where(run.c.id == before)).scalar()
        before = None if options is None else json.loads(options).get("continues")
    return runs


def usage_of_run(connection: Connection, run_id: str) -> tuple[Usage, float, int]:
    """Return tokens, dollars and number of model calls of one run."""
    row = connection.execute(
        select(
            func.coalesce(func.sum(usage.c.input_tokens), 0),
            func.coalesce(func.sum(usage.c.cached_tokens), 0),
            func.coalesce(func.sum(usage.c.output_tokens), 0),
            func.coalesce(func.sum(usage.c.cache_write_tokens), 0),
            func.coalesce(func.sum(usage.c.cost_usd), 0.0),
            func.count(),
        ).where(usage.c.run_id == run_id)
    ).one()
    return Usage(*(int(tokens) for tokens in row[:4])), float(row[4]), int(row[5])


def reserve(connection: Connection, call: ReservedCall, now: datetime) -> None:
    """Set aside what the call may use at most; for the same call again, in place of what was set aside before."""
    values = {
        "run_id": call.run_id,
        "call_id": call.call_id,
        "agent": call.agent,
        "profile": call.profile,
        "cost_usd": call.most.usd,
        "tokens": call.most.tokens,
        "at": now.timestamp(),
    }
    insert_or_replace(connection, reservation, values, "run_id", "call_id")


def give_back(connection: Connection, run_id: str, call_id: str) -> None:
    """Forget what was set aside for the call; nothing happens if nothing was."""
    connection.execute(delete(reservation).where(reservation.c.run_id == run_id, reservation.c.call_id == call_id))


def give_back_lapsed(connection: Connection) -> int:
    """Forget what was set aside for runs that are not at work any more; return for how many calls."""
    at_work = select(run.c.id).where(run.c.state == str(RunState.RUNNING))
    return connection.execute(delete(reservation).where(reservation.c.run_id.not_in(at_work))).rowcount


def reserved(
    connection: Connection,
    *,
    agent: str | None = None,
    profile: str | None = None,
    but: tuple[str, str] | None = None,
) -> Amount:
    """Return what is set aside for calls in flight, but for one (run, call).

    Only runs at work have any: what one that ended or died had set aside lapses with it.
    """
    conditions = [run.c.state == str(RunState.RUNNING), *_of(reservation, agent, profile)]
    if but is not None:
        conditions.append(not_(and_(reservation.c.run_id == but[0], reservation.c.call_id == but[1])))
    query = (
        select(func.coalesce(func.sum(reservation.c.cost_usd), 0.0), func.coalesce(func.sum(reservation.c.tokens), 0))
        .select_from(reservation.join(run, run.c.id == reservation.c.run_id))
        .where(*conditions)
    )
    row = connection.execute(query).one()
    return Amount(float(row[0]), int(row[1]))


def _of(table: Table, agent: str | None, profile: str | None) -> list[Any]:
    wanted = (("agent", agent), ("profile", profile))
    return [table.c[column] == value for column, value in wanted if value is not None]
