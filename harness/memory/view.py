"""The index as those see it who search: chunks with where they stand, for readers who may see them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from harness.memory.chunking import Gap
from harness.memory.chunks import Audience, Chunk, Reader
from harness.memory.full_text import best_rows, group_of, telling_words

_COLUMNS = (
    "chunk.id, file.path, chunk.name, chunk.file, chunk.flow, chunk.place, chunk.text, chunk.headings, chunk.origin,"
    " chunk.day, chunk.record, chunk.last_verified, chunk.verifications, chunk.line"
)
_FROM = "FROM chunk JOIN file ON file.id = chunk.file"


@dataclass(frozen=True, slots=True)
class Standing:
    """A chunk and where it stands: `flow` are the chunks of its file that follow each other, `place` which it is."""

    row: int
    path: str
    name: str
    file: int
    flow: int
    place: int
    chunk: Chunk


class View:
    """What an index holds at this moment."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._audiences: dict[int, Audience] = {
            number: Audience(scope, kind, trust, bool(is_withheld))
            for number, scope, kind, trust, is_withheld in connection.execute(
                "SELECT id, scope, kind, trust, is_withheld FROM audience"
            )
        }

    def search(self, words: Sequence[str], reader: Reader, limit: int) -> list[tuple[int, float]]:
        """Return the rows that the words mean, of those that the reader may see, best first, with their scores."""
        groups = {number for number, audience in self._audiences.items() if reader.may_see(audience)}
        return best_rows(self._connection, words, limit, groups)

    def telling(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the words that a search here is to go by."""
        return telling_words(self._connection, words, self.count_chunks())

    def standing(self, rows: Iterable[int]) -> dict[int, Standing]:
        """Return the chunks of these rows."""
        sql = f"SELECT {_COLUMNS} {_FROM} WHERE chunk.id IN (SELECT value FROM json_each(?))"  # noqa: S608
        found = self._connection.execute(sql, (json.dumps([*rows]),))
        return {values[0]: self._standing(values) for values in found}

    def beside(self, one: Standing, reach: int) -> list[Standing]:
        """Return the chunks around this one, in their order, without it. They are of its audience."""
        sql = f"SELECT {_COLUMNS} {_FROM} WHERE chunk.file = ? AND chunk.flow = ? AND place BETWEEN ? AND ?"
        values = (one.file, one.flow, one.place - reach, one.place + reach)
        found = [self._standing(row) for row in self._connection.execute(f"{sql} ORDER BY place", values)]
        return [each for each in found if each.place != one.place]

    def learning(self, record: str, scopes: Collection[str]) -> Chunk | None:
        """Return the record of that id as it stands in `.learnings/`, of one of these scopes."""
        for values in self._connection.execute(f"SELECT {_COLUMNS} {_FROM} WHERE chunk.record = ?", (record,)):
            chunk = self._standing(values).chunk
            if chunk.audience.kind == "learning" and chunk.audience.scope in scopes:
                return chunk
        return None

    def count_chunks(self) -> int:
        """Return how many chunks there are."""
        return int(self._connection.execute("SELECT count(*) FROM chunk").fetchone()[0])

    def count_files(self) -> int:
        """Return how many files were taken in, whether anything was found in them or not."""
        return int(self._connection.execute("SELECT count(*) FROM file").fetchone()[0])

    def gaps(self) -> tuple[Gap, ...]:
        """Return what is not searched, and why, by file and line."""
        rows = self._connection.execute("SELECT path, gaps FROM file WHERE gaps <> '[]' ORDER BY path")
        return tuple(Gap(path, line, problem) for path, gaps in rows for line, problem in json.loads(gaps))

    def _standing(self, values: tuple[Any, ...]) -> Standing:
        row, path, name, file, flow, place, text, headings, origin, day, record, verified, count, line = values
        chunk = Chunk(
            text=text,
            audience=self._audiences[group_of(row)],
            origin=origin,
            headings=tuple(json.loads(headings)),
            day=None if day is None else date.fromisoformat(day),
            record=record,
            last_verified=None if verified is None else date.fromisoformat(verified),
            verifications=count,
            line=line,
        )
        return Standing(row, path, name, file, flow, place, chunk)
