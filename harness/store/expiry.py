"""Queries for retention: what may go, marked before it does. Each changes few rows, as others wait meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Table, and_, delete, func, literal_column, select, tuple_, union, update

from harness.domain.run import PREVIEW_REASON, FireState, begun_as
from harness.store.tables import (
    awaited,
    fire,
    incident,
    outbox,
    run,
    seen_item,
    source_cache,
    source_host,
    suspension,
    told,
)

_PER_QUESTION = 500
_SUCCESSES = [str(state) for state in FireState if state.is_success]


@dataclass(frozen=True, slots=True)
class Marks:
    """What retention has said of a run: its steps and transcript are deleted, what it made is deleted."""

    is_forgotten: bool
    is_deleted: bool


def runs_to_forget(connection: Connection, before: datetime, limit: int, *, but: Sequence[str] = ()) -> list[str]:
    """Return runs that ended before then and whose steps are still kept, the oldest first.

    Those that somebody waits for are not among them: a delivery that is pending, a run that repeats them or goes
    on with them. Nor are those of `but`.
    """
    earlier = run.alias()
    is_its_fire = and_(fire.c.job_id == earlier.c.job_id, fire.c.due_at == earlier.c.due_at)
    waiting = union(
        select(outbox.c.run_id).where(outbox.c.state == "pending"),
        select(run.c.source_run).where(run.c.ended_at.is_(None), run.c.source_run.is_not(None)),
        select(earlier.c.id).join(fire, is_its_fire).where(fire.c.closed_at.is_(None)),
    )
    query = select(run.c.id).where(
        # Not as a parameter: the index is of these rows only, and the planner has to see that.
        run.c.is_forgotten == literal_column("0"),
        run.c.ended_at < before.timestamp(),
        run.c.id.not_in(waiting),
    )
    if but:
        query = query.where(run.c.id.not_in(but))
    return list(connection.execute(query.order_by(run.c.ended_at).limit(limit)).scalars())


def announce_forgotten(connection: Connection, run_ids: Sequence[str], now: datetime) -> None:
    """Say that what is kept of these runs is gone from now on; the manifests of their prompts go at once."""
    these = update(run).where(run.c.id.in_(run_ids))
    connection.execute(these.where(run.c.forgotten_at.is_(None)).values(forgotten_at=now.timestamp()))
    connection.execute(these.values(manifest=None))
    connection.execute(delete(outbox).where(outbox.c.run_id.in_(run_ids), outbox.c.state != "pending"))
    connection.execute(delete(awaited).where(awaited.c.run_id.in_(run_ids)))
    connection.execute(delete(suspension).where(suspension.c.run_id.in_(run_ids)))


def record_forgotten(connection: Connection, run_ids: Sequence[str]) -> None:
    """Record that the engine has deleted the steps of these runs."""
    connection.execute(update(run).where(run.c.id.in_(run_ids)).values(is_forgotten=1))


def announce_deleted(connection: Connection, run_ids: Sequence[str], now: datetime) -> None:
    """Say that what these runs made is gone from now on."""
    these = update(run).where(run.c.id.in_(run_ids), run.c.artifacts_deleted_at.is_(None))
    connection.execute(these.values(artifacts_deleted_at=now.timestamp()))


def marks_of(connection: Connection, run_ids: Sequence[str]) -> dict[str, Marks]:
    """Return what retention has said of these runs; one that has no row is left out."""
    found: dict[str, Marks] = {}
    for some in _in_parts(run_ids):
        query = select(run.c.id, run.c.forgotten_at, run.c.artifacts_deleted_at).where(run.c.id.in_(some))
        for row in connection.execute(query):
            found[row.id] = Marks(row.forgotten_at is not None, row.artifacts_deleted_at is not None)
    return found


def needed_runs(connection: Connection) -> set[str]:
    """Return the runs whose artifacts somebody still needs, each as the one that began in its folder.

    Those of open fires and pending deliveries, those that have not ended, and of each job the newest that
    made something: other jobs read it.
    """
    made = fire.c.artifact.is_not(None) & fire.c.state.in_(_SUCCESSES) & (fire.c.reason != PREVIEW_REASON)
    newest = select(fire.c.job_id, func.max(fire.c.due_at)).where(made).group_by(fire.c.job_id)
    queries = (
        select(fire.c.run_id).where(fire.c.closed_at.is_(None)),
        select(outbox.c.run_id).where(outbox.c.state == "pending"),
        select(run.c.id).where(run.c.ended_at.is_(None)),
        select(fire.c.run_id).where(tuple_(fire.c.job_id, fire.c.due_at).in_(newest)),
    )
    found = (run_id for query in queries for run_id in connection.execute(query).scalars() if run_id is not None)
    return {begun_as(run_id) for run_id in found}


def delete_seen_items(connection: Connection, before: datetime, limit: int) -> int:
    """Delete items that were delivered before then; return how many."""
    return _delete_some(connection, seen_item, seen_item.c.delivered_at < before.timestamp(), limit)


def delete_told(connection: Connection, before: datetime, limit: int) -> int:
    """Delete what channels were given before then, at most `limit` at a time; return how many."""
    return _delete_some(connection, told, told.c.delivered_at < before.timestamp(), limit)


def delete_cached_sources(connection: Connection, before: datetime, limit: int) -> int:
    """Delete answers of sources that were fetched before then; return how many."""
    return _delete_some(connection, source_cache, source_cache.c.fetched_at < before.timestamp(), limit)


def delete_hosts(connection: Connection, before: datetime, limit: int) -> int:
    """Delete what is remembered of hosts whose rules were read before then; return how many."""
    return _delete_some(connection, source_host, source_host.c.robots_read_at < before.timestamp(), limit)


def delete_incidents(connection: Connection, before: datetime, limit: int) -> int:
    """Delete incidents that were over before then; return how many."""
    return _delete_some(connection, incident, incident.c.resolved_at < before.timestamp(), limit)


def _delete_some(connection: Connection, table: Table, condition: Any, limit: int) -> int:
    key: list[Column[Any]] = list(table.primary_key.columns)
    rows = connection.execute(select(*key).where(condition).limit(limit)).all()
    for row in rows:
        same = (column == value for column, value in zip(key, row, strict=True))
        connection.execute(delete(table).where(and_(*same)))
    return len(rows)


def _in_parts(run_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(run_ids), _PER_QUESTION):
        yield run_ids[start : start + _PER_QUESTION]
