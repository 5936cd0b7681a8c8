"""The tables of the index, and what a file is in them. All of a file goes in, and comes out, in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence

from harness.memory.chunking import by_audience
from harness.memory.chunks import Audience, Chunk, chunk_ids
from harness.memory.full_text import Row, add_rows, create_table, group_of, remove_rows, row_id, with_neighbours

_TABLES = """
CREATE TABLE file (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL, is_settled INTEGER NOT NULL, sha256 TEXT NOT NULL, gaps TEXT NOT NULL);
CREATE TABLE audience (
  id INTEGER PRIMARY KEY, scope TEXT NOT NULL, kind TEXT NOT NULL, trust INTEGER NOT NULL,
  is_withheld INTEGER NOT NULL, UNIQUE (scope, kind, trust, is_withheld));
CREATE TABLE chunk (
  id INTEGER PRIMARY KEY, file INTEGER NOT NULL, name TEXT NOT NULL, flow INTEGER NOT NULL, place INTEGER NOT NULL,
  text TEXT NOT NULL, headings TEXT NOT NULL, origin TEXT NOT NULL, day TEXT, record TEXT NOT NULL,
  last_verified TEXT, verifications INTEGER NOT NULL, line INTEGER NOT NULL);
CREATE INDEX chunk_place ON chunk (file, flow, place);
CREATE INDEX chunk_record ON chunk (record) WHERE record <> '';
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables, empty."""
    for statement in _TABLES.split(";"):
        connection.execute(statement)
    create_table(connection)


def drop_tables(connection: sqlite3.Connection) -> None:
    """Remove all tables, of whatever format they are."""
    for kind in ("CREATE VIRTUAL TABLE%", "CREATE TABLE%"):  # the former take tables of their own along
        names = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE ?", (kind,)).fetchall()
        for (name,) in names:
            connection.execute(f'DROP TABLE IF EXISTS "{name}"')


def add_chunks(connection: sqlite3.Connection, file: int, path: str, chunks: Sequence[Chunk]) -> None:
    """Make the chunks of the file findable, each beside those that follow it."""
    names = chunk_ids(path, chunks)
    groups = {audience: _group(connection, audience) for audience in dict.fromkeys(c.audience for c in chunks)}
    numbers = {group: _next_number(connection, group) for group in groups.values()}
    for flow, positions in enumerate(by_audience(chunks)):
        rows: list[tuple[str | int | None, ...]] = []
        ids: list[int] = []
        for place, position in enumerate(positions):
            chunk = chunks[position]
            group = groups[chunk.audience]
            ids.append(row_id(group, numbers[group]))
            numbers[group] += 1
            rows.append((ids[-1], file, names[position], flow, place, *_columns(chunk)))
        connection.executemany("INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        add_rows(connection, _findable(ids, [chunks[position].said for position in positions]))


def _columns(chunk: Chunk) -> tuple[str | int | None, ...]:
    days = [None if day is None else day.isoformat() for day in (chunk.day, chunk.last_verified)]
    headings = json.dumps(chunk.headings, ensure_ascii=False)
    return (chunk.text, headings, chunk.origin, days[0], chunk.record, days[1], chunk.verifications, chunk.line)


def _findable(rows: Sequence[int], said: Sequence[str]) -> Iterator[Row]:
    for row, (text, near) in zip(rows, with_neighbours(said), strict=True):
        yield row, text, near


def remove_file(connection: sqlite3.Connection, path: str) -> bool:
    """Take the file out, if it is there: its chunks say which words stand in the table for them."""
    known = connection.execute("SELECT id FROM file WHERE path = ?", (path,)).fetchone()
    if known is None:
        return False
    (file,) = known
    sql = "SELECT flow, id, text, headings FROM chunk WHERE file = ? ORDER BY flow, place"
    flows: dict[int, tuple[list[int], list[str]]] = {}
    for flow, row, text, headings in connection.execute(sql, (file,)):
        rows, said = flows.setdefault(flow, ([], []))
        rows.append(row)
        said.append("\n".join((*json.loads(headings), text)))
    for rows, said in flows.values():
        remove_rows(connection, _findable(rows, said))
    connection.execute("DELETE FROM chunk WHERE file = ?", (file,))
    connection.execute("DELETE FROM file WHERE id = ?", (file,))
    return True


def _group(connection: sqlite3.Connection, audience: Audience) -> int:
    values = (audience.scope, audience.kind, audience.trust, audience.is_withheld)
    connection.execute("INSERT OR IGNORE INTO audience (scope, kind, trust, is_withheld) VALUES (?, ?, ?, ?)", values)
    sql = "SELECT id FROM audience WHERE (scope, kind, trust, is_withheld) = (?, ?, ?, ?)"
    return int(connection.execute(sql, values).fetchone()[0])


def _next_number(connection: sqlite3.Connection, group: int) -> int:
    sql = "SELECT max(id) FROM chunk WHERE id >= ? AND id < ?"
    (last,) = connection.execute(sql, (row_id(group, 0), row_id(group + 1, 0))).fetchone()
    return 1 if last is None else (last - row_id(group_of(last), 0)) + 1
