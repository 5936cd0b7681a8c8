"""Queries on `source_host`: what the hosts of sources ask of their readers."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from harness.store.tables import source_host
from harness.store.upsert import insert_or_replace


@dataclass(frozen=True, slots=True)
class SourceHostRow:
    """One host; moments are epoch seconds, None where nothing is known."""

    origin: str
    robots: str
    robots_read_at: float | None
    leave_until: float | None


def load_host(connection: Connection, origin: str) -> SourceHostRow | None:
    """Return what is known of the host."""
    row = connection.execute(select(*source_host.c).where(source_host.c.origin == origin)).first()
    return None if row is None else SourceHostRow(*row)


def save_robots(connection: Connection, origin: str, robots: str, read_at: float) -> None:
    """Keep the rules that the host has for robots."""
    values = {"origin": origin, "robots": robots, "robots_read_at": read_at}
    insert_or_replace(connection, source_host, values, "origin")


def save_leave_until(connection: Connection, origin: str, leave_until: float) -> None:
    """Keep until when the host wants to be left alone."""
    insert_or_replace(connection, source_host, {"origin": origin, "leave_until": leave_until}, "origin")
