"""What is found: pieces of files that are told whole, each with whose it is and how far it can be believed. Pure."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from harness.domain.learning import SHARED, Origin

Kind = Literal["memory", "learning", "note", "archive", "digest", "shared"]
"""From where: MEMORY.md, `.learnings/`, daily notes, the archive, past digests, `shared-context/`."""

PERSON = "person"
"""The scope of what no agent is told of."""
MOST_CHARS = 1_600
"""A piece of more than these is split, but for a record, which is whole or not there."""

_ENDS = ("\n\n", "\n", ". ", " ")


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may be told of a chunk, and what decides it: all chunks of one audience are ranked or none.

    `scope` is `agent/<name>`, `shared`, `job/<agent>/<job>` (what a job made: for its agent and for those whose jobs
    read it), or `person`. What `is_withheld` waits for the person's approval.
    """

    scope: str
    kind: Kind
    trust: int
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a file, told whole or not at all.

    `record` is the id of the learning that it is, if it is one. `day` is when it was written, found or made, and
    `last_verified` when it last held. `line` counts from 1. What `stands_alone` has no neighbours: the records beside
    it are about something else.
    """

    text: str
    audience: Audience
    origin: Origin
    headings: tuple[str, ...] = ()
    day: date | None = None
    record: str = ""
    last_verified: date | None = None
    verifications: int = 0
    line: int = 1
    stands_alone: bool = False

    @property
    def said(self) -> str:
        """What it is found by: its words and the headings above it."""
        return "\n".join((*self.headings, self.text))


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom something is looked up: an agent, which sees what is its own, what is shared, and what the jobs made
    that its own jobs read. `reads` are those jobs' ids. Without an agent it is the person, who sees all."""

    agent: str | None = None
    reads: frozenset[str] = field(default_factory=frozenset)
    least_trust: int = 0

    def may_see(self, audience: Audience) -> bool:
        """Say whether chunks of that audience are looked at for this reader."""
        if audience.trust < self.least_trust:
            return False
        if self.agent is None:
            return True
        if audience.is_withheld:
            return False
        kind, _, name = audience.scope.partition("/")
        match kind:
            case "agent":
                return name == self.agent
            case "job":
                return name.partition("/")[0] == self.agent or name in self.reads
            case _:
                return audience.scope == SHARED


def chunk_ids(path: str, chunks: Sequence[Chunk]) -> list[str]:
    """Return what the chunks of a file are called: the same as long as path and words are the same.

    A learning has its own id. Of equal texts each has one of its own.
    """
    seen: Counter[str] = Counter()
    ids = []
    for chunk in chunks:
        digest = hashlib.sha256(f"{path}\0{seen[chunk.said]}\0{chunk.said}".encode()).hexdigest()
        seen[chunk.said] += 1
        ids.append(f"m-{digest[:12]}")
    return ids


def split_long(chunk: Chunk) -> Iterator[Chunk]:
    """Yield the chunk, in pieces where it is too long, each ending where a paragraph, a line or a sentence does."""
    text, line = chunk.text, chunk.line
    while len(text) > MOST_CHARS:
        cut = _cut(text)
        yield replace(chunk, text=text[:cut].rstrip(), line=line)
        line += text.count("\n", 0, cut)
        text = text[cut:]
    if text.strip():
        yield replace(chunk, text=text, line=line)


def _cut(text: str) -> int:
    for end in _ENDS:
        at = text.rfind(end, MOST_CHARS // 2, MOST_CHARS)
        if at > 0:
            return at + len(end)
    return MOST_CHARS


def words_of(text: str) -> str:
    """Return the text as one line, to see whether it says the same as another."""
    return re.sub(r"\s+", " ", text).strip().casefold()
