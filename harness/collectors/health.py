"""How the sources of one run did, noted down until all of them are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from harness.collectors.context import CachedSource, SourceCache


@dataclass(frozen=True, slots=True)
class SourceNote:
    """How one source, known by its URL, did at a moment (aware UTC)."""

    source: str
    is_ok: bool
    problem: str
    at: datetime


class NotedSources:
    """Implements `SourceCache` on another one, but for how the sources did: that is in `notes`.

    Whether a source is to blame shows only when the others have been asked: with the network down, none is.
    """

    def __init__(self, inner: SourceCache) -> None:
        self._inner = inner
        self._notes: list[SourceNote] = []

    @property
    def notes(self) -> tuple[SourceNote, ...]:
        """Everything that was noted, in its order."""
        return tuple(self._notes)

    def load(self, url: str) -> CachedSource | None:
        """Return the last whole answer of the URL."""
        return self._inner.load(url)

    def save(self, cached: CachedSource) -> None:
        """Keep an answer in place of the one before."""
        self._inner.save(cached)

    def record(self, source: str, *, ok: bool, problem: str, at: datetime) -> None:
        """Note how the source did."""
        self._notes.append(SourceNote(source, ok, problem, at))
