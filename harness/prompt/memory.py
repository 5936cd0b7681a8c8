"""What an agent knows, in its prompt: MEMORY.md as a whole, and what is recalled of all else. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields

from harness.domain.contract import Contract
from harness.domain.source import Collected
from harness.gate.outside import RECALLED_OUTSIDE, RECALLED_OWN, item_line
from harness.gate.sanitise import one_line, sanitise
from harness.memory.chunks import words_of
from harness.memory.recall import RECALLED_TOKENS, Hit, Question
from harness.memory.records import MemoryRecord
from harness.memory.words import MOST_WORDS, query_words, without_templates
from harness.prompt.budget import fit
from harness.prompt.sections import Record, Section, group_tokens, title_tokens

_NAME_CHARS = 60
_TASK_WORDS = 2 * MOST_WORDS // 3
"""What was collected has a word in what is recalled, however long the task is."""
_LINK = re.compile(r"https?://[^\s)>\]]+")
_ALL_TOKENS = 1_000_000


def memory_section(memory: Sequence[MemoryRecord]) -> Section:
    """Return the section of MEMORY.md."""
    records = tuple(_memory_record(record) for record in memory)
    return Section("MEMORY", records, 3_200, priority=1, is_stable=True, title="What you know", style="headed")


def recalled_section(hits: Sequence[Hit]) -> Section:
    """Return the section of what was recalled, the best of it staying longest; what quotes others stands apart."""
    records = tuple(
        Record(hit.id, str(hit), rank, RECALLED_OWN if hit.trust else RECALLED_OUTSIDE, hit.ids)
        for rank, hit in enumerate(hits)
    )
    title = "What may help, from memory"
    return Section("recalled", records, RECALLED_TOKENS, priority=2, title=title, style="fenced")


def question_for(
    task: str, collected: Sequence[Collected], errors: Sequence[str], known: Section, contract: Contract | None = None
) -> Question:
    """Return what is to be recalled for a run: by its task and what it promises, what went wrong lately, and titles of
    what was collected.

    What stands in the prompt already is left out: `known`, as far as it has room, and what was collected.
    """
    words = query_words([without_templates(task)], _TASK_WORDS)
    titles = [item.title for part in collected for item in part.items]
    return Question(
        asked=(" ".join(words), _promised(contract), *errors, *titles),
        budget_tokens=RECALLED_TOKENS - _around_tokens(),
        is_known=_known(known, [task, *_told(collected)]),
    )


def _promised(contract: Contract | None) -> str:
    """Return the names of what a contract asks for, by which records tell of promises that were broken."""
    if contract is None:
        return ""
    return " ".join(each.name for each in fields(contract) if getattr(contract, each.name) not in (None, ()))


def _known(memory: Section, texts: Iterable[str]) -> Callable[[str, str], bool]:
    (fitted,) = fit([memory], _ALL_TOKENS)
    ids = {identifier for record in fitted.kept for identifier in record.ids}
    said = words_of("\n".join((*(record.text for record in fitted.kept), *texts)))

    def is_known(text: str, record: str) -> bool:
        return record in ids or words_of(text) in said or any(words_of(link) in said for link in _LINK.findall(text))

    return is_known


def _told(collected: Iterable[Collected]) -> Iterable[str]:
    for part in collected:
        yield part.text
        yield from (item_line(number, item) for number, item in enumerate(part.items, start=1))


def _around_tokens() -> int:
    """Return what the title and both fences take."""
    section = recalled_section(())
    return title_tokens(section) + sum(group_tokens(section, group) for group in (RECALLED_OWN, RECALLED_OUTSIDE))


def _memory_record(record: MemoryRecord) -> Record:
    """Pinned records stay longest: the person wrote them."""
    headings = " / ".join(heading.strip(" #") for heading in record.headings)
    text = sanitise(record.text)
    ids = (record.id,) if record.id else ()
    return Record(record.id or one_line(text)[:_NAME_CHARS], text, int(not record.is_pinned), headings, ids)
