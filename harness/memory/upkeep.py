"""What changes a MEMORY.md: learnings promoted into it, compressed, forgotten, brought back from before.

Whatever leaves it is on disk in the archive first, then the file is changed, and then the records say what became of
them. A crash in between loses nothing, and whoever does it again comes to the same: the records follow the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import PurePosixPath

from harness.domain.errors import OwnerError
from harness.domain.learning import Learning
from harness.memory.agent_memory import AgentMemory, known_to
from harness.memory.archive import archive_path, index_path, index_with, page_with
from harness.memory.bullets import bullet_line, bullets_of, without_bullets
from harness.memory.compression import BUDGET_TOKENS, Removed, TooLong, compress
from harness.memory.promotion import Promoted, promote, words_of

_SHORTEN = "shorten it, unpin records in .learnings/, or move what is old to memory/archive/"

_Decided = tuple[str, tuple[Removed, ...]]
_Decide = Callable[[str, Mapping[str, Learning]], _Decided]


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of a MEMORY.md came to: the text before and after, and what went to the archive."""

    before: str
    after: str
    removed: tuple[Removed, ...] = ()


def compress_memory(memory: AgentMemory, today: date, budget_tokens: int = BUDGET_TOKENS) -> Changed:
    """Bring the agent's MEMORY.md under its budget; what has to go is in the archive before.

    Raises OwnerError where what the person wrote and pinned is over it: then nothing is changed. Else as `rewrite`.
    """

    def decide(text: str, learnings: Mapping[str, Learning]) -> _Decided:
        try:
            compressed = compress(text, learnings, today, budget_tokens)
        except TooLong as error:
            raise OwnerError(memory.root / memory.file, None, str(error), _SHORTEN) from error
        return compressed.text, compressed.removed

    return _change(memory, decide, today)


def promote_into(memory: AgentMemory, due: Sequence[Learning], today: date) -> Promoted:
    """Put the learnings into the agent's MEMORY.md; what has to make room for them is in the archive before.

    Whether they are due is for the caller to have judged. Raises OwnerError where a bullet cannot be put there, and as
    `rewrite`.
    """
    promoted = Promoted("", ())

    def decide(text: str, learnings: Mapping[str, Learning]) -> _Decided:
        nonlocal promoted
        standing = _standing(text)
        # One that stands there stays in the words that it has now: they may be the person's.
        done = promote(text, [each for each in due if each.id not in standing], learnings, today)
        there = tuple(replace(each, status="promoted") for each in due if each.id in standing)
        gone = {one.id for one in done.removed}
        promoted = replace(done, learnings=(*done.learnings, *(each for each in there if each.id not in gone)))
        return promoted.text, promoted.removed

    _change(memory, decide, today)
    # As they stand in their files now: somebody may have added evidence since they were read.
    memory.update_all((learning.id for learning in promoted.learnings), lambda now: replace(now, status="promoted"))
    return promoted


def forget(memory: AgentMemory, learning: Learning, today: date) -> Changed:
    """Take the record out of force: its bullet out of MEMORY.md, its page into the archive first."""

    def decide(text: str, learnings: Mapping[str, Learning]) -> _Decided:
        return without_bullets(text, {learning.id}), (_taken_out(learning, text),)

    done = _change(memory, decide, today)
    memory.update(learning.id, _forgotten)
    return done


def roll_back(memory: AgentMemory, text: str, today: date) -> Changed:
    """Let the MEMORY.md be this text, which it was before; bullets that are not in it are in the archive before."""

    def decide(present: str, learnings: Mapping[str, Learning]) -> _Decided:
        left = {bullet.record.id for bullet in bullets_of(text)}
        gone = (bullet for bullet in bullets_of(present) if bullet.record.id not in left)
        removed = (
            Removed(bullet.record.id, bullet.record.text, bullet.record.headings, "forgotten")
            for bullet in gone
            if bullet.record.id is not None
        )
        return text, tuple(removed)

    return _change(memory, decide, today)


def archive(memory: AgentMemory, removed: Iterable[Removed], learnings: Mapping[str, Learning], today: date) -> None:
    """Write a page for each into the agent's archive, and list it there; what stands there stays."""
    listed = []
    for one in removed:
        known = learnings.get(one.id)
        then = None if known is None else _archived(known)

        def page(text: str, one: Removed = one, then: Learning | None = then) -> str:
            return page_with(text, memory.agent, one, then, today)

        memory.change(archive_path(memory.agent, one.id), page)
        listed.append((one.id, one.text.removeprefix("- ").replace(f"^{one.id}", "")))
    if listed:
        memory.change(index_path(memory.agent), lambda text: index_with(text, memory.agent, listed))


def page_of(memory: AgentMemory, learning_id: str) -> PurePosixPath | None:
    """Return the record's page in the archive, None if it has none."""
    page = archive_path(memory.agent, learning_id)
    return page if memory.read(page) else None


def _change(memory: AgentMemory, decide: _Decide, today: date) -> Changed:
    removed: tuple[Removed, ...] = ()

    def change(text: str) -> str:
        nonlocal removed
        learnings = known_to(memory)
        after, removed = decide(text, {**learnings, **_put_back(memory, learnings.values(), _standing(text))})
        archive(memory, removed, learnings, today)
        return after

    done = memory.change(memory.file, change)
    follow(memory, today)
    return Changed(done.before, done.after, removed)


def follow(memory: AgentMemory, today: date) -> None:
    """Let the agent's own records say what became of them by its MEMORY.md, which a person may have edited.

    What was promoted and does not stand there is archived, and has its page first; what was archived and stands there
    is promoted again. Nothing is said of a file that is not there: it may be on its way.
    """
    text = memory.text()
    if text is None:
        return
    standing = _standing(text)
    own = [kept.learning for kept in memory.records() if kept.learning.scope == memory.scope]
    gone = [each for each in own if each.status == "promoted" and each.id not in standing]
    unpaged = [each for each in gone if page_of(memory, each.id) is None]
    archive(memory, (_taken_out(each, "") for each in unpaged), {each.id: each for each in own}, today)
    memory.update_all((each.id for each in gone), _archived)
    back = _put_back(memory, own, standing)
    memory.update_all(back, lambda now: replace(now, status="promoted"))


def _put_back(memory: AgentMemory, learnings: Iterable[Learning], standing: frozenset[str]) -> dict[str, Learning]:
    """Return the agent's own records that stand in the file though they are archived: a person put them there."""
    return {
        each.id: replace(each, status="promoted")
        for each in learnings
        if each.id in standing and each.status == "archived" and each.scope == memory.scope
    }


def _standing(text: str) -> frozenset[str]:
    return frozenset(bullet.record.id for bullet in bullets_of(text) if bullet.record.id is not None)


def _taken_out(learning: Learning, text: str) -> Removed:
    """Return the bullet as it stands in the text; as it would stand there if it does not."""
    bullets = (bullet.record for bullet in bullets_of(text) if bullet.record.id == learning.id)
    record = next(bullets, None)
    if record is not None:
        return Removed(learning.id, record.text, record.headings, "forgotten")
    return Removed(learning.id, bullet_line(words_of(learning), learning.id), (), "forgotten")


def _archived(learning: Learning) -> Learning:
    """Return the record when its bullet is gone; what another one took the place of stays superseded."""
    return replace(learning, status="archived") if learning.is_in_force else learning


def _forgotten(learning: Learning) -> Learning:
    return replace(_archived(learning), is_pinned=False, is_approved=False)
