"""Nudges about to-dos: none about the same one again before the person said something, or changed it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from harness.domain.job import Job
from harness.domain.run import FireState, Outcome
from harness.domain.source import Item, title_key
from harness.memory.learnings import learnings_path, parse_learnings
from harness.runs.answer import Draft
from harness.runs.collecting import Inputs
from harness.runs.plan import RunPlan
from harness.runs.said_before import mark_of_words
from harness.store.database import Database
from harness.store.reminders import last_word_of_person, marks_since

TODOS = "todos"
NUDGE = "todo:"
"""What the mark of a to-do begins with that the person was reminded of."""

NUDGED_STOP = "nudged"
"""Why a run ended that had nothing new to remind of."""

_SHORTEST_WORD = 3
_EVER = datetime.fromtimestamp(0, UTC)


def without_nudged(database: Database, root: Path, job: Job, inputs: Inputs) -> Inputs:
    """Return a reminder's inputs without the to-dos of which its agent reminded before, and nobody said a word since.

    A to-do that was changed has another address, and is a new one.
    """
    if not job.reminder or TODOS not in job.inputs:
        return inputs
    with database.read() as connection:
        nudged = marks_since(connection, job.agent, NUDGE, _EVER)
        word_at = last_word_of_person(connection, job.agent)
    days = _days_of_corrections(root, job.agent)
    zone = ZoneInfo(job.zone)

    def is_answered(at: float) -> bool:
        return at < word_at or any(datetime.fromtimestamp(at, UTC).astimezone(zone).date() <= day for day in days)

    waiting = {mark.removeprefix(NUDGE) for mark, at in nudged.items() if not is_answered(at)}
    return _without(inputs, waiting) if waiting else inputs


def nothing_to_remind_of(plan: RunPlan, inputs: Inputs) -> Draft | None:
    """Return how a reminder ends that is about to-dos and has none to be about; None if it has one."""
    if not plan.job.reminder or TODOS not in plan.job.inputs or inputs.items or inputs.gaps:
        return None
    if inputs.nudged:
        first, more = inputs.nudged[0], len(inputs.nudged) - 1
        what = f"{first} and {more} more" if more else first
        return plan.skip(f"there was a nudge about {what} already, and no reply since", NUDGED_STOP)
    if plan.job.inputs == (TODOS,):
        return Draft(Outcome(FireState.SILENT, "no to-do is open"), "completed")
    return None


def marks_of(job: Job, text: str, inputs: Inputs) -> tuple[str, ...]:
    """Return by which marks a delivered reminder is remembered: its words, and the to-dos that it was about."""
    if not job.reminder:
        return ()
    todos = [item for one in inputs.collected if one.read == TODOS for item in one.items]
    return (mark_of_words(text), *(f"{NUDGE}{item.key}" for item in _about(text, todos)))


def _about(text: str, todos: Sequence[Item]) -> Sequence[Item]:
    """Return the to-dos that share most words with the text; the most urgent one if none shares any."""
    said = _words(text)
    shared = {item.key: len(said & _words(item.title)) for item in todos}
    most = max(shared.values(), default=0)
    return [item for item in todos if shared[item.key] == most] if most else todos[:1]


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"\s+", title_key(text)) if len(word) >= _SHORTEST_WORD}


def _without(inputs: Inputs, keys: set[str]) -> Inputs:
    gone = {item.key: item.title for one in inputs.collected if one.read == TODOS for item in one.items}
    gone = {key: title for key, title in gone.items() if key in keys}
    if not gone:
        return inputs
    # The text and the figures of the list name all of it: what is left of its items says what there is.
    collected = tuple(
        replace(one, items=tuple(item for item in one.items if item.key not in gone), text="", figures=())
        if one.read == TODOS
        else one
        for one in inputs.collected
    )
    items = tuple(item for item in inputs.items if item.key not in gone)
    return replace(inputs, collected=collected, items=items, nudged=tuple(gone.values()))


def _days_of_corrections(root: Path, agent: str) -> Sequence[date]:
    """Return the days on which the person corrected the agent, as its records say; none if it has none."""
    try:
        text = (root / learnings_path(agent, "LRN")).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    said = [found.learning for found in parse_learnings(text).found if found.learning.origin == "human"]
    words = [each.at for learning in said for each in learning.verifications if each.check == "person"]
    return [*(learning.first_seen for learning in said), *words]
