"""What an agent has learned: one record, and the rules of its life. Pure.

candidate → verified → promoted to MEMORY.md; superseded by a better one; archived when its place is needed. Nothing is
deleted, and age alone changes nothing: it ranks and is told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

Status = Literal["candidate", "verified", "promoted", "superseded", "archived"]
Origin = Literal["human", "tool", "agent", "external"]
Kind = Literal["ERR", "LRN"]
"""What failed, and what somebody said or found to be better; the beginnings of the ids."""

SHARED = "shared"
TRUST: dict[Origin, int] = {"external": 0, "agent": 1, "tool": 2, "human": 3}
"""How far a record is believed that nothing else speaks for, by where it comes from."""
OBJECTIVE_CHECKS = frozenset({"exit_code", "test", "contract", "person"})
"""Checks that no model has a say in."""

_RUNS = _VERIFICATIONS = 3
_DAYS = 2
_TRUSTED = 2
_STABILITY_DAYS = 30.0
_FLOOR = 0.9


@dataclass(frozen=True, slots=True)
class Verification:
    """A run in which the record held (`is_ok`) or did not. `check` names what found it out."""

    run: str
    at: date
    check: str
    is_ok: bool = True


@dataclass(frozen=True, slots=True)
class Learning:
    """One record. `fingerprint` tells what it is about: equal ones are about the same mistake.

    `scope` is `agent/<name>` or `shared`. `trust` is 0 (from outside) to 3 (the person), never more than the least of
    its sources. `run` is the run that it was found in. `triggers`, `wrong`, `right` and `why` are its words.
    `supersedes` is the id of the record that it replaces; `author` the agent that wrote a shared one.
    """

    id: str
    title: str
    fingerprint: str
    scope: str
    origin: Origin
    trust: int
    first_seen: date
    trigger: str = ""
    wrong: str = ""
    right: str = ""
    why: str = ""
    run: str | None = None
    status: Status = "candidate"
    verifications: tuple[Verification, ...] = ()
    contradictions: tuple[Verification, ...] = ()
    supersedes: str | None = None
    is_pinned: bool = False
    is_approved: bool = False
    author: str | None = None

    @property
    def last_verified(self) -> date | None:
        """The last day on which it held."""
        return max((each.at for each in self.verifications if each.is_ok), default=None)

    @property
    def is_in_force(self) -> bool:
        """Whether it may still be told to anybody."""
        return self.status not in ("superseded", "archived")


@dataclass(frozen=True, slots=True)
class Promotion:
    """Whether a record is ready for MEMORY.md; `lacks` says what is missing, `waits_for_person` that only they may."""

    lacks: tuple[str, ...] = ()
    waits_for_person: bool = False

    @property
    def is_due(self) -> bool:
        return not self.lacks and not self.waits_for_person


def judge_promotion(learning: Learning) -> Promotion:
    """Return whether the record has proven itself: by runs that bore it out, never by how often it was recalled.

    What came after a contradiction counts alone. What the person said is proven; what came from outside waits for
    them, however often it held.
    """
    if not learning.is_in_force:
        return Promotion((f"it is {learning.status}",))
    if learning.is_pinned or learning.origin == "human":
        return Promotion()
    held = verifications_in_force(learning)
    lacks = []
    if len(held) < _VERIFICATIONS:
        lacks.append(f"it held {len(held)} of {_VERIFICATIONS} times")
    if len({each.run for each in held}) < _RUNS:
        lacks.append(f"in {len({each.run for each in held})} of {_RUNS} runs")
    if len({each.at for each in held}) < _DAYS:
        lacks.append(f"on {len({each.at for each in held})} of {_DAYS} days")
    if not any(each.check in OBJECTIVE_CHECKS for each in held):
        lacks.append("nothing but a model's word speaks for it")
    if lacks:
        return Promotion(tuple(lacks))
    is_outside = learning.origin == "external" or learning.trust == TRUST["external"]
    if (is_outside or learning.trust < _TRUSTED) and not learning.is_approved:
        return Promotion((), waits_for_person=True)
    return Promotion()


def verifications_in_force(learning: Learning) -> tuple[Verification, ...]:
    """Return the times at which it held since it was contradicted last, each run counted once."""
    last = max((each.at for each in learning.contradictions), default=None)
    held = {each.run: each for each in learning.verifications if each.is_ok and (last is None or each.at > last)}
    return tuple(held.values())


def with_verification(learning: Learning, verification: Verification) -> Learning:
    """Return the record with one more run that bore it out or contradicted it; the same run says it once."""
    field = "verifications" if verification.is_ok else "contradictions"
    known: tuple[Verification, ...] = getattr(learning, field)
    if any(each.run == verification.run and each.check == verification.check for each in known):
        return learning
    changed = replace(learning, **{field: (*known, verification)})  # type: ignore[arg-type]
    if changed.status == "candidate" and verification.is_ok:
        return replace(changed, status="verified")
    return changed


def least_trust(sources: Iterable[Learning]) -> int:
    """Return how far a record made of these can be believed."""
    return min(source.trust for source in sources)


def retrievability(days: float, verifications: int) -> float:
    """Return R of the forgetting curve, in (0, 1]: days since it last held, and how often it did."""
    return math.exp(-max(days, 0.0) / (_STABILITY_DAYS * (1 + math.log(1 + verifications))))


def with_age(score: float, days: float, verifications: int) -> float:
    """Return the score of a search hit, at most a tenth lower for its age: more of it ruins recall."""
    return score * (_FLOOR + (1 - _FLOOR) * retrievability(days, verifications))


def age_in_words(day: date | None, today: date, what: str = "verified") -> str:
    """Return `verified 41 days ago`; of what never was, that it was not."""
    if day is None:
        return f"never {what}"
    days = (today - day).days
    return f"{what} today" if days <= 0 else f"{what} yesterday" if days == 1 else f"{what} {days} days ago"
