"""Who is to sit at the roundtable of a job, and how it is held."""

from __future__ import annotations

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
