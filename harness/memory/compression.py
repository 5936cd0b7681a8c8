"""A MEMORY.md kept under its budget: the rest goes to the archive, and nothing that a person wrote. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from harness.domain.learning import Learning, retrievability, verifications_in_force
from harness.domain.tokens import estimate_tokens
from harness.memory.bullets import Bullet, bullets_of, without_bullets

BUDGET_TOKENS = 2_700
LONGEST_TOKENS = 3_000
"""What a MEMORY.md may come to until it is compressed again."""

_ALIKE = 0.9
_WORD = re.compile(r"\w+")

Why = Literal["superseded", "duplicate", "no room", "forgotten", "unknown"]


@dataclass(frozen=True, slots=True)
class Removed:
    """A bullet that has left the file, and why; `of` is the id of what stays in its place, if it is a duplicate."""

    id: str
    text: str
    headings: tuple[str, ...]
    why: Why
    of: str | None = None


@dataclass(frozen=True, slots=True)
class Compressed:
    """The file as it becomes, and what has to be in the archive before it does."""

    text: str
    removed: tuple[Removed, ...]
    tokens: int


class TooLong(ValueError):
    """What a person wrote is longer than the file may be: nothing else could make room."""


def compress(
    text: str, learnings: Mapping[str, Learning], today: date, budget_tokens: int = BUDGET_TOKENS
) -> Compressed:
    """Return the text of a MEMORY.md within the budget, as few bullets removed as are needed.

    What is superseded goes first, then duplicates, then what is worth the least for its length: trust, times how often
    it held, times how likely it is still true, per token. What a person wrote, or pinned, stays, in its place and
    byte for byte. Compressed again, it is the same.
    Raises TooLong if that alone is over the budget: nothing is ever cut.
    """
    bullets = [bullet for bullet in bullets_of(text) if bullet.record.id is not None]
    removed = _outdated(bullets, learnings)
    left = [bullet for bullet in bullets if bullet.record.id not in removed]
    removed |= _duplicates(left, learnings)
    left = [bullet for bullet in left if bullet.record.id not in removed]
    within = _text_without(text, removed)
    if estimate_tokens(within) > budget_tokens:
        removed |= _least_worth(text, left, learnings, today, budget_tokens, removed)
        within = _text_without(text, removed)
    return Compressed(within, tuple(removed.values()), estimate_tokens(within))


def is_pinned(bullet: Bullet, learnings: Mapping[str, Learning]) -> bool:
    """Say whether nothing but a person takes the bullet out."""
    learning = learnings.get(bullet.record.id or "")
    return bullet.record.id is None or (learning is not None and learning.is_pinned)


def _text_without(text: str, removed: Mapping[str, Removed]) -> str:
    return without_bullets(text, removed.keys()) if removed else text


def _outdated(bullets: Sequence[Bullet], learnings: Mapping[str, Learning]) -> dict[str, Removed]:
    removed = {}
    for bullet in bullets:
        learning = learnings.get(bullet.record.id or "")
        if learning is not None and not learning.is_in_force and not learning.is_pinned:
            removed[learning.id] = _removed(bullet, "superseded")
    return removed


def _duplicates(bullets: Sequence[Bullet], learnings: Mapping[str, Learning]) -> dict[str, Removed]:
    """Return what says the same as another bullet; of the two the one that held more often stays, or the pinned one."""
    removed: dict[str, Removed] = {}
    ranked = sorted(bullets, key=lambda bullet: _standing(bullet, learnings), reverse=True)
    kept: list[tuple[Bullet, str, frozenset[str]]] = []
    for bullet in ranked:
        words = frozenset(_WORD.findall(_said(bullet).casefold()))
        digest = hashlib.sha256(" ".join(_said(bullet).casefold().split()).encode()).hexdigest()
        same = next((one for one, other, its in kept if other == digest or _jaccard(words, its) >= _ALIKE), None)
        if same is None or is_pinned(bullet, learnings):
            kept.append((bullet, digest, words))
        else:
            removed[bullet.record.id or ""] = _removed(bullet, "duplicate", same.record.id)
    return removed


def _least_worth(
    text: str,
    bullets: Sequence[Bullet],
    learnings: Mapping[str, Learning],
    today: date,
    budget_tokens: int,
    removed: Mapping[str, Removed],
) -> dict[str, Removed]:
    """Return what has to go: those worth most for their length are packed first, and the others find no room."""
    loose = [bullet for bullet in bullets if not is_pinned(bullet, learnings)]
    out = {bullet.record.id or "": _removed(bullet, "no room") for bullet in loose}
    bare = estimate_tokens(_text_without(text, {**removed, **out}))
    if bare > budget_tokens:
        raise TooLong(f"what you wrote and pinned there takes {bare:,} tokens of {budget_tokens:,}")
    for bullet in sorted(loose, key=lambda each: (-_worth(each, learnings, today), each.start)):
        tried = {id_: one for id_, one in out.items() if id_ != bullet.record.id}
        if estimate_tokens(_text_without(text, {**removed, **tried})) <= budget_tokens:
            out = tried
    return out


def _worth(bullet: Bullet, learnings: Mapping[str, Learning], today: date) -> float:
    """Return what a token of it is worth; what nothing is known of is worth the least."""
    learning = learnings.get(bullet.record.id or "")
    if learning is None:
        return 0.0
    held = len(verifications_in_force(learning))
    last = learning.last_verified or learning.first_seen
    likely = retrievability((today - last).days, held)
    # What came from outside and the person let in is believed no further, and is not worth nothing for that.
    trust = max(learning.trust, int(learning.is_approved))
    return trust * max(held, 1) * likely / estimate_tokens(bullet.record.text)


def _standing(bullet: Bullet, learnings: Mapping[str, Learning]) -> tuple[bool, int, int, int]:
    learning = learnings.get(bullet.record.id or "")
    if learning is None:
        return (False, 0, 0, -bullet.start)
    return (learning.is_pinned, learning.trust, len(verifications_in_force(learning)), -bullet.start)


def _said(bullet: Bullet) -> str:
    return bullet.record.text.replace(f"^{bullet.record.id}", "")


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0


def _removed(bullet: Bullet, why: Why, of: str | None = None) -> Removed:
    return Removed(bullet.record.id or "", bullet.record.text, bullet.record.headings, why, of)
