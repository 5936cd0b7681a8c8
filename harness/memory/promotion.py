"""From a learning that has proven itself to a bullet of MEMORY.md. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from harness.domain.learning import Learning, judge_promotion
from harness.domain.tokens import estimate_tokens
from harness.memory.bullets import with_bullets
from harness.memory.compression import LONGEST_TOKENS, Removed, TooLong, compress
from harness.memory.learnings import FOUND_IN

_MOST_CHARS = 400


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record that is not promoted yet. `for_person`: it has proven itself, and only they may say so."""

    learning: Learning
    lacks: tuple[str, ...]
    for_person: bool = False


@dataclass(frozen=True, slots=True)
class Promoted:
    """What a MEMORY.md becomes. `learnings` are the records as they are then, `removed` what had to make room."""

    text: str
    learnings: tuple[Learning, ...]
    removed: tuple[Removed, ...] = ()
    no_room: tuple[Learning, ...] = ()


def judge_all(learnings: Iterable[Learning]) -> tuple[tuple[Learning, ...], tuple[Waiting, ...]]:
    """Return the records that are due for MEMORY.md, and those that are not and why; those in it are neither."""
    due, waiting = [], []
    for learning in learnings:
        if learning.status == "promoted" or not learning.is_in_force:
            continue
        judged = judge_promotion(learning)
        if judged.is_due:
            due.append(learning)
        else:
            waiting.append(Waiting(learning, judged.lacks, judged.waits_for_person))
    return tuple(due), tuple(waiting)


def promote(text: str, due: Sequence[Learning], learnings: Mapping[str, Learning], today: date) -> Promoted:
    """Return the text of a MEMORY.md with a bullet for each record that is due.

    Where that is too long the file is compressed; what finds no room then is not promoted, and stays what it is.
    Promoted again, nothing changes. Raises ValueError where a bullet cannot be put into the text.
    """
    promoted = tuple(replace(learning, status="promoted") for learning in due)
    changed = with_bullets(text, {learning.id: words_of(learning) for learning in promoted})
    if estimate_tokens(changed) <= LONGEST_TOKENS:
        return Promoted(changed, promoted)
    known = {**learnings, **{learning.id: learning for learning in promoted}}
    try:
        compressed = compress(changed, known, today)
    except TooLong:
        return Promoted(text, (), no_room=tuple(due))
    new = {learning.id for learning in due}
    gone = {one.id for one in compressed.removed} & new
    return Promoted(
        compressed.text,
        tuple(learning for learning in promoted if learning.id not in gone),
        tuple(one for one in compressed.removed if one.id not in new),
        tuple(learning for learning in due if learning.id in gone),
    )


def words_of(learning: Learning) -> str:
    """Return a learning in one or two sentences, as an agent is to read it: when it applies, and what is right then."""
    when, right = learning.trigger.rstrip(" ."), learning.right.rstrip(" .")
    words = f"{when}: {right}." if when and right else f"{right or learning.title or when}."
    if learning.wrong and learning.right:
        words = f"{words[:-1]}, not {learning.wrong.rstrip(' .')}."
    why = learning.why.partition(FOUND_IN)[0].rstrip(" .")
    whole = f"{words} {why}." if why else words
    return whole if len(whole) <= _MOST_CHARS else words
