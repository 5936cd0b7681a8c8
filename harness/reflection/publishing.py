"""A plan carried out on the agent's files. Done again, or gone on with after a crash anywhere, it comes to the same.

MEMORY.md goes first, the archive before what leaves it; what a record is then follows from what stands there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

from harness.domain.learning import Learning, judge_promotion
from harness.memory.agent_memory import AgentMemory
from harness.memory.archive import ARCHIVE, archive_path, index_path
from harness.memory.bullets import bullet_line, bullets_of, with_bullets, without_bullets
from harness.memory.compression import Removed, TooLong, compress
from harness.memory.learnings import parse_learnings
from harness.memory.learnings_writer import as_written, with_learning
from harness.memory.promotion import Promoted, promote, words_of
from harness.memory.upkeep import archive
from harness.reflection.judging import Change
from harness.reflection.notebooks import memory_path, read_notebook
from harness.reflection.plan import NightPlan


@dataclass(frozen=True, slots=True)
class MemoryAfter:
    """What a MEMORY.md becomes, what leaves it for the archive, and why nothing could be put in, if so."""

    text: str
    removed: tuple[Removed, ...] = ()
    problem: str = ""


def publish_memory(plan: NightPlan, root: Path, state_root: Path) -> None:
    """Write what the plan says into MEMORY.md, the archive and the agent's records.

    Raises as `harness.memory.rewriting.rewrite`; then it is to be done again.
    """
    records = records_after(plan, read_notebook(root, plan.agent).learnings)
    memory = AgentMemory(root, state_root, plan.agent)

    def change(text: str) -> str:
        after = memory_after(text, plan, records)
        archive(memory, after.removed, records, plan.day)
        return after.text

    text = memory.change(memory.file, change).after
    archived = archived_ids(root, plan.agent)
    for name in sorted(set(plan.files.values())):
        memory.change(PurePosixPath(name), lambda standing: learnings_after(standing, plan, text, archived))


def texts_after(plan: NightPlan, learnings: Mapping[str, Learning], archived: Collection[str]) -> dict[str, str]:
    """Return what the plan would make of the texts that it was made from; nothing is written."""
    name = str(memory_path(plan.agent))
    after = memory_after(plan.before.get(name, ""), plan, records_after(plan, learnings))
    archived = {*archived, *(removed.id for removed in after.removed)}
    texts = {name: after.text}
    for file in set(plan.files.values()):
        texts[file] = learnings_after(plan.before.get(file, ""), plan, after.text, archived)
    return texts


def memory_after(text: str, plan: NightPlan, records: Mapping[str, Learning]) -> MemoryAfter:
    """Return the MEMORY.md with what is due in it, in the words that it has now, and without what did not hold.

    A bullet that the person worded otherwise since is theirs, and stays.
    """
    own_words = {bullet.record.id: bullet.record.text for bullet in bullets_of(text)}
    promoted = [change for change in plan.changes if change.before.status == "promoted"]
    ours = [each for each in promoted if own_words.get(each.before.id) == _bullet(each.before)]
    text = without_bullets(text, {each.before.id for each in ours if each.after.status != "promoted"})
    reworded = {each.after.id: words_of(each.after) for each in ours if each.after.status == "promoted"}
    try:
        text = with_bullets(text, reworded) if reworded else text
        due = [records[each] for each in plan.due if each in records and _is_due(records[each])]
        if not due:
            return MemoryAfter(text)
        done = promote(text, due, records, plan.day)
    except ValueError as error:
        return MemoryAfter(text, problem=str(error))
    return MemoryAfter(done.text, done.removed, _no_room(done, records, plan) if done.no_room else "")


def _no_room(done: Promoted, records: Mapping[str, Learning], plan: NightPlan) -> str:
    """Return what the person has to do so that there is room; nothing where others are only worth more."""
    try:
        compress(done.text, records, plan.day)
    except TooLong as error:
        return f"it leaves no room for what was learned: {error}"
    return ""


def learnings_after(text: str, plan: NightPlan, memory: str, archived: Collection[str]) -> str:
    """Return a file of records with the plan's changes, and with the status that each has by what MEMORY.md holds.

    A record that somebody has changed meanwhile keeps what they wrote.
    """
    standing = {bullet.record.id for bullet in bullets_of(memory)}
    lines = text.split("\n")
    # From the last one to the first, each within its own lines: a file of many records is read only once.
    for found in reversed(parse_learnings(text).found):
        record = _after(found.learning, plan, standing, archived)
        if record != found.learning:
            own = slice(found.place.heading, found.place.end)
            lines[own] = with_learning("\n".join(lines[own]), record).split("\n")
    return "\n".join(lines)


def _after(record: Learning, plan: NightPlan, standing: Collection[str | None], archived: Collection[str]) -> Learning:
    change = plan.change_of(record.id)
    if change is not None:
        record = rebased(record, change)
    if record.id in plan.due and record.id in standing and record.is_in_force:
        return replace(record, status="promoted")
    if record.status == "promoted" and record.id not in standing and record.id in archived:
        return replace(record, status="archived")
    return record


def rebased(standing: Learning, change: Change) -> Learning:
    """Return the record as it stands with the change, but for what is not any more what was judged."""
    before, after = as_written(change.before), as_written(change.after)
    names = [field.name for field in fields(Learning) if getattr(before, field.name) != getattr(after, field.name)]
    for name in names:
        value = getattr(standing, name)
        if value == getattr(before, name):
            standing = replace(standing, **{name: getattr(after, name)})
        elif name in ("verifications", "contradictions"):
            added = [each for each in getattr(after, name) if each not in value]
            more: dict[str, Any] = {name: (*value, *added)}
            standing = replace(standing, **more)
    return standing


def records_after(plan: NightPlan, learnings: Mapping[str, Learning]) -> dict[str, Learning]:
    """Return the records as the plan makes them of those that stand now."""
    changes = {change.after.id: change for change in plan.changes}
    return {each.id: rebased(each, changes[each.id]) if each.id in changes else each for each in learnings.values()}


def archived_ids(root: Path, agent: str) -> frozenset[str]:
    """Return the ids of the records that have a page in the archive."""
    return frozenset(page.stem for page in (root / ARCHIVE / agent).glob("*-*.md"))


def pages_since(root: Path, plan: NightPlan) -> list[str]:
    """Return the pages of the archive that were written since the plan was made, and the one that lists them."""
    new = sorted(archived_ids(root, plan.agent) - set(plan.archived))
    pages = [str(archive_path(plan.agent, each)) for each in new]
    return [*pages, str(index_path(plan.agent))] if pages else []


def _is_due(record: Learning) -> bool:
    """Say whether it still is: a run may have contradicted it since it was judged."""
    return record.status == "promoted" or judge_promotion(record).is_due


def _bullet(learning: Learning) -> str:
    return bullet_line(words_of(learning), learning.id)
