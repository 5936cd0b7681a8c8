"""Numbers that were collected, with where they stand: what every number in a text can be traced to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a source, or one that the harness computed from several.

    `name` says in words what it is (`S&P 500, close`), `value` is in `unit` (`%`, `USD`, `°C`, `bp`, points if
    empty). `at` is the moment that it is for, aware UTC. `source` is the readable name, `url` the page where a person
    can look it up. `key` is what templates ask for (`spx.close`), unique within one `read` entry.
    """

    key: str
    name: str
    value: float
    unit: str = ""
    at: datetime | None = None
    source: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a moment (aware UTC)."""

    at: datetime
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """A value over time, oldest point first: what a chart is drawn from. The fields mean what they do in Figure."""

    key: str
    name: str
    points: tuple[Point, ...]
    unit: str = ""
    source: str = ""
    url: str = ""
