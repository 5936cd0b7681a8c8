"""Queries on `told`: what each channel was given, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from harness.store.tables import told
from harness.store.upsert import insert_or_replace

_AT_A_TIME = 500


def told_since(connection: Connection, channel: str, contents: Sequence[str], since: datetime) -> frozenset[str]:
    """Return those of the contents that the channel was given since then."""
    found: set[str] = set()
    for start in range(0, len(contents), _AT_A_TIME):
        some = contents[start : start + _AT_A_TIME]
        query = select(told.c.content).where(
            told.c.channel == channel, told.c.content.in_(some), told.c.delivered_at >= since.timestamp()
        )
        found.update(connection.execute(query).scalars())
    return frozenset(found)


def note_told(connection: Connection, channel: str, contents: Iterable[str], at: datetime) -> None:
    """Record that the channel was given these contents."""
    for content in contents:
        values = {"channel": channel, "content": content, "delivered_at": at.timestamp()}
        insert_or_replace(connection, told, values, "channel", "content")
