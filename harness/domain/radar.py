"""The words of the Tech Radar: which technologies the team knows of, and what it made of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from harness.domain.source import canonical_url, title_key

Decision = Literal["adopt", "trial", "assess", "hold"]
"""What can be decided of a technology: use it, try it out, look at it more closely, leave it."""
Ring = Literal["discovered", "adopt", "trial", "assess", "hold"]
Quadrant = Literal["techniques", "tools", "platforms", "languages", "models"]
Stage = Literal["discovered", "evaluated", "decided"]

DELEGATED: tuple[Decision, ...] = ("adopt", "trial")
"""The decisions from which work for the coding expert follows."""

IN_WORDS: Mapping[str, str] = {
    "adopt": "use it",
    "trial": "try it out",
    "assess": "look at it more closely",
    "hold": "leave it for now",
    "discovered": "found, and nothing decided",
}
"""What each ring says."""


@dataclass(frozen=True, slots=True)
class RadarRules:
    """`[radar]` of harness.toml. `coder` is the agent that is asked for what is adopted or tried; empty: nobody is."""

    coder: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """One line of a technology's history, on a day of the home time zone: a ring, or what became of a request."""

    day: date
    what: str
    reason: str
    run: str


@dataclass(frozen=True, slots=True)
class Technology:
    """One page of the radar.

    `found_by` is the agent, `found_run` its run. `request` is the id of what the last decision asked for, empty if it
    asked for nothing. `moves` are in the order of the page.
    """

    slug: str
    name: str
    ring: Ring
    quadrant: Quadrant
    url: str
    found_by: str = ""
    found_run: str = ""
    decided_at: date | None = None
    request: str = ""
    is_evaluated: bool = False
    moves: tuple[Move, ...] = ()

    @property
    def stage(self) -> Stage:
        """How far it has come on its way from discovery to decision."""
        if self.ring != "discovered":
            return "decided"
        return "evaluated" if self.is_evaluated else "discovered"

    def is_called(self, words: str) -> bool:
        """Say whether these words mean it: its slug, its name, or its address."""
        if words.strip() == self.slug or canonical_url(words) == canonical_url(self.url):
            return True
        return bool(title_key(words)) and title_key(words) == title_key(self.name)
