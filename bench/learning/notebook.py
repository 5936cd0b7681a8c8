"""What the agent remembers, in files of a workspace, written and read by the harness's own code."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import get_args

from bench.learning.family import Task
from bench.learning.policy import Told
from bench.learning.recording import AGENT
from harness.domain.learning import Kind, Learning
from harness.domain.tokens import estimate_tokens
from harness.gate.outside import RECALLED_OUTSIDE, RECALLED_OWN, fence
from harness.memory.capture import Showing, kind_of
from harness.memory.casebook import facts_of, with_showings
from harness.memory.chunks import Reader
from harness.memory.index import MemoryIndex
from harness.memory.known_mistakes import KnownMistakes
from harness.memory.learnings import FILES, learnings_path, parse_learnings
from harness.memory.learnings_writer import with_learning
from harness.memory.notes import note_path
from harness.memory.promotion import judge_all, promote, words_of
from harness.memory.recall import Hit, Question, recall
from harness.memory.records import parse_memory
from harness.memory.sources import Places
from harness.prompt.memory import memory_section, question_for

_LONG_AGO_S = 1_577_836_800
"""The first day of 2020."""

MeaningOf = Callable[[Learning], Told]
"""Says of a record what it means: which family it is about, and whether it was planted."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """What stands in the prompt of a task from memory: texts, the same as one text, and its tokens."""

    told: tuple[Told, ...]
    text: str
    tokens: int


class Notebook:
    """The memory of one agent below a folder. `meaning_of` tells the benchmark what a record is about."""

    def __init__(self, root: Path, meaning_of: MeaningOf) -> None:
        self._root = root / "workspace"
        self._places = Places(self._root, root / "artifacts")
        self._index = MemoryIndex(root / "index.db")
        self._meaning_of = meaning_of
        self._records: dict[str, Learning] | None = None
        self._reminders: dict[tuple[str, str, date], Reminder] = {}
        self._written = 0

    # ── What happens to it ───────────────────────────────────────────────────────────────────────

    def examine(self, showings: Sequence[Showing]) -> None:
        """Learn from runs that have ended, as the daemon does after each."""
        texts = []
        for kind in get_args(Kind):
            text = self._text_of(kind)
            changed = with_showings(text, kind, showings)
            texts.append(changed)
            if changed != text:
                self._write(learnings_path(AGENT, kind), changed)
        for showing, fact in facts_of(texts, showings):
            self.note(showing.day, fact)

    def correct(self, learning: Learning) -> None:
        """Write down what the person says."""
        self._write(learnings_path(AGENT, "LRN"), with_learning(self._text_of("LRN"), learning))

    def note(self, day: date, fact: str) -> None:
        """Add a line to the notes of the day."""
        path = note_path(AGENT, day)
        self._write(path, f"{self._read(path)}- {fact}\n")

    def keep_digest(self, job: str, day: date, text: str) -> None:
        """Keep what a job delivered."""
        due = int(datetime.combine(day, time(8), UTC).timestamp())
        path = self._places.artifacts / AGENT / job / f"{due}-cron" / "digest.json"  # type: ignore[operator]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def reflect(self, today: date, approve: Callable[[Learning], bool]) -> None:
        """Promote what has proven itself; the person approves what waits for them if they find it right."""
        learnings = self.records()
        _, waiting = judge_all(learnings.values())
        for each in waiting:
            if each.for_person and approve(each.learning):
                learnings[each.learning.id] = replace(each.learning, is_approved=True)
        due, _ = judge_all(learnings.values())
        memory = self.memory()
        promoted = promote(memory, due, learnings, today)
        if promoted.text != memory:
            self._write(Path("agents", AGENT, "MEMORY.md"), promoted.text)
        learnings |= {each.id: each for each in promoted.learnings}
        known = self.records()
        for learning in learnings.values():
            if learning != known[learning.id]:
                kind = kind_of(learning)
                self._write(learnings_path(AGENT, kind), with_learning(self._text_of(kind), learning))

    # ── What it says ─────────────────────────────────────────────────────────────────────────────

    def records(self) -> dict[str, Learning]:
        """Return all records by id."""
        if self._records is None:
            found = [each for kind in get_args(Kind) for each in parse_learnings(self._text_of(kind)).found]
            self._records = {each.learning.id: each.learning for each in found}
        return dict(self._records)

    def memory(self) -> str:
        """Return MEMORY.md."""
        return self._read(Path("agents", AGENT, "MEMORY.md"))

    def remind(self, task: Task, today: date) -> Reminder:
        """Return what a run with this task is told: all of MEMORY.md, and what is recalled for it."""
        asked = (task.text, repr(task.contract), today)
        if asked not in self._reminders:
            self._reminders[asked] = self._remind(task, today)
        return self._reminders[asked]

    def _remind(self, task: Task, today: date) -> Reminder:
        bullets = parse_memory(self.memory())
        hits = self._ask(question_for(task.text, (), (), memory_section(bullets), task.contract), today)
        own = "\n".join(str(hit) for hit in hits if hit.trust)
        outside = "\n".join(str(hit) for hit in hits if not hit.trust)
        parts = [
            self.memory(),
            fence(own, RECALLED_OWN) if own else "",
            fence(outside, RECALLED_OUTSIDE) if outside else "",
        ]
        text = "\n".join(filter(None, parts))
        told = [self._meant(each.id or "", each.text) for each in bullets]
        told += [self._meant(hit.id, hit.passage, is_outside=not hit.trust) for hit in hits]
        return Reminder(tuple(told), text, estimate_tokens(text) if text else 0)

    def everything(self) -> Reminder:
        """Return all lessons and notes, pasted."""
        records = self.records()
        lessons = [
            Told(words_of(each), self._meaning_of(each).means, self._meaning_of(each).is_planted)
            for each in records.values()
        ]
        notes = [self._read(path.relative_to(self._root)) for path in sorted((self._root / "memory").rglob("*.md"))]
        text = "\n".join([*(f"- {each.text}" for each in lessons), *notes])
        told = tuple(Told(f"- {each.text}", each.means, each.is_planted) for each in lessons)
        return Reminder(told, text, estimate_tokens(text))

    def found(self, task: Task, k: int, today: date) -> tuple[str, ...]:
        """Return the ids of what is found for the task, best first, whatever stands in MEMORY.md already."""
        question = question_for(task.text, (), (), memory_section(()), task.contract)
        hits = self._ask(Question(question.asked, k, 1_000_000), today)
        return tuple(hit.id for hit in hits)

    def warnings(self, today: date) -> KnownMistakes:
        """Return what warns before a call that failed before."""
        return KnownMistakes(self._root, lambda: [AGENT], lambda: today)

    def meaning(self, record: str) -> Told:
        """Return what the record of that id means."""
        return self._meant(record, "")

    def _meant(self, record: str, text: str, *, is_outside: bool = False) -> Told:
        learning = self.records().get(record)
        if learning is None:
            return self._meaning_of_text(text, is_outside)
        meant = self._meaning_of(learning)
        return Told(text, meant.means, meant.is_planted, is_outside)

    @staticmethod
    def _meaning_of_text(text: str, is_outside: bool) -> Told:
        """What was planted as mere text names what it is about by the value that it forges."""
        _, mark, rest = text.partition("forged-")
        name = rest.split('"')[0].split()[0].strip(".,") if mark and rest.split() else ""
        return Told(text, name, bool(name), is_outside)

    def _ask(self, question: Question, today: date) -> tuple[Hit, ...]:
        reader = Reader(AGENT)
        return self._index.ask(self._places.sources, lambda view: recall(view, question, reader, today))

    def _text_of(self, kind: Kind) -> str:
        return self._read(Path("agents", AGENT, ".learnings", FILES[kind]))

    def _read(self, path: os.PathLike[str]) -> str:
        file = self._root / path
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def _write(self, path: os.PathLike[str], text: str) -> None:
        file = self._root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        self._written += 1
        # Each at a time of its own, long ago: the index looks again and again at what was written a moment ago.
        os.utime(file, (_LONG_AGO_S + self._written, _LONG_AGO_S + self._written))
        self._records = None
        self._reminders.clear()
