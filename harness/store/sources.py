"""Queries on `source_health`, `source_cache` and `seen_item`: what the collectors remember."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from harness.store.tables import seen_item, source_cache, source_health
from harness.store.upsert import upsert


@dataclass(frozen=True, slots=True)
class CachedSourceRow:
    """The last good answer of a source; `items` is JSON, `fetched_at` epoch seconds."""

    url: str
    etag: str | None
    last_modified: str | None
    items: str
    fetched_at: float


def load_source(connection: Connection, url: str) -> CachedSourceRow | None:
    """Return the last good answer of the URL."""
    row = connection.execute(select(*source_cache.c).where(source_cache.c.url == url)).first()
    return None if row is None else CachedSourceRow(*row)


def save_source(connection: Connection, cached: CachedSourceRow) -> None:
    """Keep the URL's answer for the next conditional GET."""
    values = {
        "url": cached.url,
        "etag": cached.etag,
        "last_modified": cached.last_modified,
        "items": cached.items,
        "fetched_at": cached.fetched_at,
    }
    connection.execute(
        upsert(connection, source_cache).values(values).on_conflict_do_update(index_elements=["url"], set_=values)
    )


def record_source(connection: Connection, source: str, *, ok: bool, problem: str, at: datetime) -> int:
    """Count a success or a failure of the source; return how often it has failed in a row."""
    moment = at.timestamp()
    if ok:
        values = {"last_ok_at": moment, "failures_in_a_row": 0, "problem": ""}
        statement = upsert(connection, source_health).values(source=source, **values)
        connection.execute(statement.on_conflict_do_update(index_elements=["source"], set_=values))
        return 0
    statement = upsert(connection, source_health).values(
        source=source, last_failed_at=moment, failures_in_a_row=1, problem=problem
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["source"],
            set_={
                "last_failed_at": moment,
                "failures_in_a_row": source_health.c.failures_in_a_row + 1,
                "problem": problem,
            },
        )
    )
    query = select(source_health.c.failures_in_a_row).where(source_health.c.source == source)
    return int(connection.execute(query).scalar_one())


def seen_urls(connection: Connection, job_id: str, urls: Sequence[str], since: datetime) -> set[str]:
    """Return those of the canonical URLs that the job has delivered since then."""
    query = select(seen_item.c.url).where(
        seen_item.c.job_id == job_id, seen_item.c.delivered_at >= since.timestamp(), seen_item.c.url.in_(urls)
    )
    return set(connection.execute(query).scalars())


def mark_seen(connection: Connection, job_id: str, urls: Iterable[str], at: datetime) -> None:
    """Remember that the job delivered these canonical URLs."""
    for url in urls:
        values = {"job_id": job_id, "url": url, "delivered_at": at.timestamp()}
        connection.execute(
            upsert(connection, seen_item)
            .values(values)
            .on_conflict_do_update(index_elements=["job_id", "url"], set_=values)
        )
