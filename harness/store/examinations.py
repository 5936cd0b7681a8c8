"""Queries on `run` for learning from it: which runs have ended and were not examined yet."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, literal_column, or_, select, update

from harness.store.tables import run


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that nobody has learned from yet; `ended_at` in epoch seconds, `outcome` as it was decided."""

    id: str
    job_id: str
    agent: str
    lane: str
    ended_at: float
    options: Mapping[str, Any]
    outcome: Any


@dataclass(frozen=True, slots=True)
class Home:
    """Whose files are written here: those of the agents `here`, and none of `elsewhere`.

    Those of others are written where their run was: by an installation whose executors begin with `executors`, or
    here if the executor is among those that are `gone`.
    """

    here: Collection[str]
    elsewhere: Collection[str]
    executors: str
    gone: Collection[str]


def unexamined_runs(connection: Connection, home: Home, limit: int, *, but: Collection[str] = ()) -> list[EndedRun]:
    """Return runs that have ended and were not examined, the earliest first; none of the agents of `but`."""
    columns = (run.c.id, run.c.job_id, run.c.agent, run.c.lane, run.c.ended_at, run.c.options, run.c.outcome)
    query = select(*columns).where(
        # Not as a parameter: the index is of these rows only, and the planner has to see that.
        run.c.is_unexamined == literal_column("1"),
        run.c.agent.not_in([*home.elsewhere, *but]),
        or_(
            run.c.agent.in_(home.here),
            run.c.owner.is_(None),
            run.c.owner.startswith(home.executors, autoescape=True),
            run.c.owner.in_(home.gone),
        ),
    )
    rows = connection.execute(query.order_by(run.c.ended_at, run.c.id).limit(limit))
    return [
        EndedRun(
            id=row.id,
            job_id=row.job_id,
            agent=row.agent,
            lane=row.lane,
            ended_at=row.ended_at,
            options=json.loads(row.options),
            outcome=None if row.outcome is None else json.loads(row.outcome),
        )
        for row in rows
    ]


def record_examined(connection: Connection, run_ids: Sequence[str]) -> None:
    """Record that what these runs showed is in the files."""
    connection.execute(update(run).where(run.c.id.in_(run_ids)).values(is_unexamined=0))
