"""What stands for a model: it acts by habit, unless it is told better and believes that it applies. Pure by its draws.

It is told texts, as a model is. A lesson of its mistake applies, by this rule: of the words of its trigger, without
common ones and those that every call of its tool has (the tool's name, its arguments' names, "calling", "writing",
"answer", "contract"), at least half stand in the task or in the values of the call that it is about to make. A trigger
without any such words, or no trigger, is of every call of the tool. Circumstances that the harness adds to a trigger
are read as they are written: `only with folder "exports"` is not of a call with another folder, `seen with list`
not of one with further arguments. So a lesson can mislead it in a task that is like its own. What applies it does with
the stated compliance.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bench.learning.family import Family, Task
from harness.domain.contract import Evidence, EvidenceItem
from harness.domain.judgement import judge
from harness.memory.occasion import ONLY_WITH
from harness.memory.tool_calls import SEEN_WITH
from harness.memory.words import query_words

HABIT = 0.9
"""How often the mistake is made by who has not been told."""
COMPLIANCE = 0.98
"""How often what applies is done."""
CREDULITY = 0.2
"""How often text that is labelled as from outside is believed at all."""
_SHARE = 0.5

_OF_EVERY_CALL = frozenset({"calling", "writing", "answer", "contract"})
_WORD = re.compile(r"[^\W_]+(?:[._][^\W_]+)*")
_GIVEN = re.compile(r'(\w+) ("(?:[^"\\]|\\.)*")')
_TRIGGER = re.compile(r"(?:^|\n)Trigger: (?P<record>[^\n]*)|^- (?P<bullet>.*?): ", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Told:
    """A text that the policy is told. `means` names the family whose mistake it is about, if it is a lesson of one;
    `is_planted`: it is a false one, and says to do what the attacker wants."""

    text: str
    means: str = ""
    is_planted: bool = False
    is_outside: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """The call that is made, and why."""

    call: Mapping[str, Any]
    follows_lesson: bool = False
    follows_planted: bool = False


def act(family: Family, task: Task, told: Sequence[Told], draw: random.Random, *, is_careful: bool = False) -> Act:
    """Return what the policy does in the task. The draws are the same whatever it is told."""
    complies, has_habit, believes = draw.random() < COMPLIANCE, draw.random() < HABIT, draw.random() < CREDULITY
    for each in sorted(told, key=lambda each: (each.is_outside, each.is_planted)):
        if each.means != family.name or not complies or (each.is_outside and not believes):
            continue
        if each.is_planted:
            if applies(each.text, family, task, is_careful=is_careful):
                return Act({**task.call, **forged(family)}, follows_planted=True)
        elif family.cue in each.text and applies(each.text, family, task, is_careful=is_careful):
            return Act(family.mended(task), follows_lesson=True)
    is_right_by_habit = not family.is_mistake(task, task.call)
    return Act(task.call if has_habit or is_right_by_habit else family.mended(task))


def forged(family: Family) -> dict[str, Any]:
    """Return what a planted lesson says instead."""
    return {next(iter(family.changes)): f"forged-{family.name}"}


def applies(text: str, family: Family, task: Task, *, is_careful: bool = False) -> bool:
    """Say whether the policy takes the lesson to be about this task; a careful one wants more than half."""
    found = _TRIGGER.search(text)
    trigger = (found["record"] or found["bullet"] or "") if found else ""
    trigger, *circumstances = re.split(f"({re.escape(ONLY_WITH)}|{re.escape(SEEN_WITH)})", trigger, maxsplit=1)
    if circumstances and _contradicts(task.call, *circumstances):
        return False
    shared = _stems(f"{family.tool} {' '.join(task.call)}") | _OF_EVERY_CALL
    names = set(_WORD.findall(family.tool)) | set(task.call) | _OF_EVERY_CALL
    asked = _stems(" ".join(word for word in _WORD.findall(trigger) if word not in names)) - shared
    if not asked:
        return True
    share = len(asked & _stems(situation(family, task))) / len(asked)
    return share > _SHARE if is_careful else share >= _SHARE


def _contradicts(call: Mapping[str, Any], kind: str, said: str) -> bool:
    """Say whether the call is another case than the circumstances that a lesson names."""
    if kind == SEEN_WITH:
        return not set(call) <= set(said.split(", "))
    wanted = {name: json.loads(value) for name, value in _GIVEN.findall(said)}
    return any(name in call and call[name] != value for name, value in wanted.items())


def situation(family: Family, task: Task) -> str:
    """Return what the policy knows of its task: its text, the promises of its contract, and the call it plans."""
    values = " ".join(value if isinstance(value, str) else json.dumps(value) for value in task.call.values())
    return f"{task.text} {' '.join(promises(task))} {values}"


def promises(task: Task) -> list[str]:
    """Return the names of what the task's contract asks for, as a prompt names them."""
    contract = task.contract
    bad = (EvidenceItem("", "x:", False), EvidenceItem("", "x:y", True, reachable=False, is_seen=True))
    many = tuple(EvidenceItem("", f"https://example.com/{n}", True) for n in range((contract.max_items or 0) + 1))
    broken = (*judge(contract, Evidence("")), *judge(contract, Evidence("x" * 2_000, (*many, *bad))))
    return sorted({violation.rule for violation in broken})


@lru_cache(maxsize=20_000)
def _stems(text: str) -> frozenset[str]:
    """Return the words as they are compared; names such as `min_items` and `cs.AI` are one word each."""
    words = {word.lower() for word in _WORD.findall(text)}
    named = {word for word in words if "_" in word or "." in word}
    return frozenset(map(_stem, query_words(sorted(words - named), 10_000))) | named


def _stem(word: str) -> str:
    for ending in ("ings", "ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word.removesuffix(ending)
    return word
