"""A search over texts that somebody hands in, as the index does it: for measuring it from outside."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from harness.memory.full_text import add_rows, best_rows, create_table, telling_words, with_neighbours
from harness.memory.words import query_words


class Corpus:
    """Finds the ids of texts. Kept in memory; any thread may ask, one at a time."""

    def __init__(self, docs: Sequence[str] | Mapping[Any, str]) -> None:
        is_named = isinstance(docs, Mapping)
        self._ids: list[Hashable] = list(docs) if is_named else list(range(len(docs)))
        texts: list[str] = list(docs.values()) if isinstance(docs, Mapping) else list(docs)
        self._asking = threading.Lock()
        self._connection = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        weakref.finalize(self, self._connection.close)
        create_table(self._connection)
        self._connection.execute("BEGIN")
        rows = ((row, text, near) for row, (text, near) in enumerate(with_neighbours(texts), start=1))
        add_rows(self._connection, rows)
        self._connection.execute("COMMIT")

    def __call__(self, query: str, k: int = 10) -> list[Any]:
        """Return the ids of the at most k texts that the query means, best first; empty if none has a word of it."""
        with self._asking:
            words = telling_words(self._connection, query_words([query]), len(self._ids))
            return [self._ids[row - 1] for row, _ in best_rows(self._connection, words, max(k, 0))]
