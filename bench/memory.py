"""What memory costs: making the index, asking it, keeping up with an edit, and what a run is told."""

from __future__ import annotations

import itertools
import os
import random
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bench.workload import percentile, timed_s
from harness.domain.tokens import estimate_tokens
from harness.memory.chunks import Reader
from harness.memory.index import Look, MemoryIndex
from harness.memory.recall import Question, recall
from harness.memory.sources import Places
from harness.memory.words import match_expression, query_words

_TODAY = date(2026, 11, 21)
_LONG_AGO_S = 1_700_000_000
_WORDS_OF_A_LINE, _LINES_OF_A_NOTE, _WORDS_OF_A_TASK = 20, 25, 12
_FOUND = 10


@dataclass(frozen=True, slots=True)
class Times:
    """The middle and the 99th percentile, in seconds."""

    p50_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Remembering:
    """Beside a bare FTS5 table of one column, with the same lines and questions in the same process.

    `search` is the index alone; `recall` all that a run waits for: the look at the files, the search and the passages.
    `look_s` is the look alone, `edit_s` that with one edited file, which is read anew. `tokens` are those that a run is
    told, most often.
    """

    chunks: int
    build_s: float
    bare_build_s: float
    size_mib: float
    search: Times
    bare: Times
    recall: Times
    look_s: float
    edit_s: float
    tokens: float


def measure_memory(chunks: int, rounds: int) -> Remembering:
    """Write notes of so many lines in all, of words as frequent as in a language, and ask for tasks of such words."""
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnoprstuw", k=chance.randint(3, 9))) for _ in range(20_000)]
    frequency = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(words))))
    lines = [" ".join(chance.choices(words, cum_weights=frequency, k=_WORDS_OF_A_LINE)) for _ in range(chunks)]
    tasks = [" ".join(chance.choices(words, cum_weights=frequency, k=_WORDS_OF_A_TASK)) for _ in range(rounds)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        notes = _write_notes(Path(folder), lines)
        index, look = MemoryIndex(Path(folder, "index.db")), Places(Path(folder)).sources
        build_s, _ = timed_s(lambda: index.refresh(look))
        searches, recalls, tokens = [], [], []
        for task in tasks:
            searches.append(_search_s(index, look, task))
            took_s, told = _recall_s(index, look, task)
            recalls.append(took_s)
            tokens.append(float(told))
        look_s = percentile([timed_s(lambda: index.refresh(look))[0] for _ in range(20)], 0.5)
        edit_s = percentile([_edit_s(index, look, note) for note in notes[:20]], 0.5)
        bare_build_s, bare = _bare(Path(folder, "bare.db"), lines, tasks)
        size_mib = Path(folder, "index.db").stat().st_size / 1024**2
    return Remembering(
        chunks=chunks,
        build_s=build_s,
        bare_build_s=bare_build_s,
        size_mib=size_mib,
        search=_times(searches),
        bare=_times(bare),
        recall=_times(recalls),
        look_s=look_s,
        edit_s=edit_s,
        tokens=percentile(tokens, 0.5),
    )


def _times(taken_s: list[float]) -> Times:
    return Times(percentile(taken_s, 0.5), percentile(taken_s, 0.99))


def _write_notes(root: Path, lines: Sequence[str]) -> list[Path]:
    """Write a note a day, as old as a team's: their times alone tell that they did not change."""
    folder = root / "memory" / "scout"
    folder.mkdir(parents=True)
    notes = []
    for number, at in enumerate(range(0, len(lines), _LINES_OF_A_NOTE)):
        path = folder / f"{_TODAY - timedelta(days=number)}.md"
        path.write_text("".join(f"- {line}\n" for line in lines[at : at + _LINES_OF_A_NOTE]), encoding="utf-8")
        os.utime(path, (_LONG_AGO_S, _LONG_AGO_S))
        notes.append(path)
    return notes


def _search_s(index: MemoryIndex, look: Look, task: str) -> float:
    words = query_words([task])
    return index.ask(look, lambda view: timed_s(lambda: view.search(view.telling(words), Reader("scout"), _FOUND))[0])


def _recall_s(index: MemoryIndex, look: Look, task: str) -> tuple[float, int]:
    question, reader = Question((task,)), Reader("scout")
    took_s, hits = timed_s(lambda: index.ask(look, lambda view: recall(view, question, reader, _TODAY)))
    return took_s, sum(estimate_tokens(f"{hit}\n") for hit in hits)


def _edit_s(index: MemoryIndex, look: Look, note: Path) -> float:
    with note.open("a", encoding="utf-8") as file:
        file.write("- and one more line\n")
    os.utime(note, (_LONG_AGO_S + 1, _LONG_AGO_S + 1))
    return timed_s(lambda: index.refresh(look))[0]


def _bare(path: Path, lines: Sequence[str], tasks: Sequence[str]) -> tuple[float, list[float]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE VIRTUAL TABLE line USING fts5(text, tokenize='porter unicode61')")

        def insert() -> None:
            connection.execute("BEGIN")
            connection.executemany("INSERT INTO line VALUES (?)", ((line,) for line in lines))
            connection.execute("COMMIT")

        build_s, _ = timed_s(insert)
        sql = "SELECT rowid, bm25(line) AS score FROM line WHERE line MATCH ? ORDER BY score LIMIT ?"
        asked = [match_expression(query_words([task])) for task in tasks]

        def search_s(query: str) -> float:
            return timed_s(lambda: connection.execute(sql, (query, _FOUND)).fetchall())[0]

        return build_s, [search_s(query) for query in asked]
