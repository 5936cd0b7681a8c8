"""Who is to sit at the roundtable of a job, and how it is held."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Roundtable:
    """What a job says of its table; the job's agent is the chair.

    A round is due `due_s` seconds after it was called. Where fewer than `quorum` speak, no further round is called:
    after the first there is nothing to conclude from. `question` is what is asked, the job's title if it is empty.
    """

    speakers: tuple[str, ...]
    rounds: int = 2
    due_s: int = 1200
    quorum: int = 1
    question: str = ""

    def why_not_held(self, agents: Collection[str]) -> str:
        """Return why no such table can be held where there are only these agents; empty if it can."""
        missing = [speaker for speaker in self.speakers if speaker not in agents]
        if len(self.speakers) - len(missing) >= self.quorum:
            return ""
        there = "there is no agent" if len(missing) == 1 else "there are no agents"
        return f"{there} {', '.join(missing)} to speak at the roundtable, and {self.quorum} had to"
