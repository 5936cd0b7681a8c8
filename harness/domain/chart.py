"""A picture of numbers, as values; `harness.delivery` draws it, or writes it as a line of text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Tone = Literal["plain", "good", "fair", "bad", "quiet"]
"""What a part of a bar means to the person, so that every place can show it in its own colours."""

Shown = Literal["needs", "health", "cost", "series", "collected"]
"""What a job may show beside what it wrote: what waits for the person, how its team's jobs went, what that cost, and
the series among its inputs."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of every bar of a chart, by name."""

    name: str
    tone: Tone = "plain"


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a line, or a bar with the values of its parts; `label` says in words where it stands (`Sat 21`).

    `at` is the moment of a point that comes from a series, aware UTC.
    """

    label: str
    values: tuple[float, ...]
    at: datetime | None = None

    @property
    def total(self) -> float:
        return sum(self.values)


@dataclass(frozen=True, slots=True)
class Chart:
    """A line of one value over time, or bars of one or more parts, the oldest mark first.

    `unit` is that of every value (`%`, `USD`, points if empty). `parts` name the values of a bar, in their order; a
    line, and bars of one part, may do without. `source` is the readable name of where the numbers come from, `url` the
    page on which a person can look them up.
    """

    kind: Literal["line", "bars"]
    title: str
    marks: tuple[Mark, ...]
    unit: str = ""
    parts: tuple[Part, ...] = ()
    source: str = ""
    url: str = ""
