"""Full-text search over chunks in two columns: a chunk itself, and at half its weight what stands around it.

A question and its answer rarely share a line. Measured against every other lexical index and against embeddings of
the usual size, this finds most: see docs/memory.md. The table keeps no texts, only where each word stands.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing

from harness.memory.words import match_expression, searchable

REACH = 2
"""How many neighbours on each side count for a chunk."""
MANY_CHUNKS = 100_000
"""From so many on, words that stand almost everywhere cost more than they find."""
_COMMON_SHARE = 0.1
_ROW_BITS = 32
"""Row ids are made of a group and a number in it: a search in some groups looks at no row of the others."""

_TOKENIZER = "porter unicode61 remove_diacritics 2"
_BEST = """
    SELECT rowid, -bm25(words, 1.0, 0.5) AS score FROM words WHERE words MATCH ?
    ORDER BY score DESC, rowid LIMIT ?"""
_BEST_AMONG = """
    SELECT rowid, -bm25(words, 1.0, 0.5) AS score FROM words
    WHERE words MATCH ? AND rowid >> 32 IN (SELECT value FROM json_each(?))
    ORDER BY score DESC, rowid LIMIT ?"""

Row = tuple[int, str, str]
"""A row id, a chunk's text, and the texts around it."""


def create_table(connection: sqlite3.Connection) -> None:
    """Make the table, empty."""
    connection.execute(f"CREATE VIRTUAL TABLE words USING fts5(text, near, content='', tokenize='{_TOKENIZER}')")


def row_id(group: int, number: int) -> int:
    """Return the id of a row of the group."""
    return group << _ROW_BITS | number


def group_of(row: int) -> int:
    """Return the group of the row."""
    return row >> _ROW_BITS


def with_neighbours(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each of the texts, which follow each other, with those around it."""
    ready = [searchable(text) for text in texts]
    for at, text in enumerate(ready):
        yield text, "\n".join((*ready[max(0, at - REACH) : at], *ready[at + 1 : at + 1 + REACH]))


def add_rows(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Make the rows findable."""
    connection.executemany("INSERT INTO words(rowid, text, near) VALUES (?, ?, ?)", rows)


def remove_rows(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Take the rows out, which have to be exactly as they were added."""
    connection.executemany("INSERT INTO words(words, rowid, text, near) VALUES ('delete', ?, ?, ?)", rows)


def best_rows(
    connection: sqlite3.Connection, words: Sequence[str], limit: int, groups: Collection[int] | None = None
) -> list[tuple[int, float]]:
    """Return the rows in which any of the words stands, best first, each with its score, which is above 0.

    With `groups`, those of these groups alone are ranked.
    """
    if not words:
        return []
    asked = match_expression(words)
    if groups is None:
        return connection.execute(_BEST, (asked, limit)).fetchall()
    return connection.execute(_BEST_AMONG, (asked, json.dumps(sorted(groups)), limit)).fetchall()


def telling_words(connection: sqlite3.Connection, words: Sequence[str], chunks: int) -> tuple[str, ...]:
    """Return the words to go by in so many chunks: where these are many, those that stand in at most a tenth."""
    if chunks < MANY_CHUNKS:
        return tuple(words)
    most = int(chunks * _COMMON_SHARE)
    sql = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
    counts = {word: connection.execute(sql, (f'text : "{word}"', most + 1)).fetchone()[0] for word in words}
    return tuple(word for word in words if counts[word] <= most)


def count_shared(words: Sequence[str], texts: Sequence[str]) -> tuple[int, list[int]]:
    """Return how many words these are, as the index tells words apart, and how many of them stand in each text."""
    shared = [0] * len(texts)
    with closing(sqlite3.connect(":memory:")) as connection:
        create_table(connection)
        connection.execute("CREATE VIRTUAL TABLE stem USING fts5vocab(words, 'instance')")
        add_rows(connection, [(1, searchable(" ".join(words)), "")])
        stems = connection.execute("SELECT DISTINCT term FROM stem").fetchall()
        add_rows(connection, ((number, searchable(text), "") for number, text in enumerate(texts, start=2)))
        for stem in stems:
            for (number,) in connection.execute("SELECT DISTINCT doc FROM stem WHERE term = ? AND doc > 1", stem):
                shared[number - 2] += 1
    return len(stems), shared
