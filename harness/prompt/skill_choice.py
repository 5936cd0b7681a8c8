"""Which skills a prompt names: all that are offered if there is room, and the ones that matter if there is not.

The directory stands in the part of the prompt that stays the same from run to run, so what is in it must not depend
on the run: all skills by name or, where these are too many, those that `agent.toml` names and those that are always
to be there. What applies to this run, and what its words find, stands with the task.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.domain.skill import Applies, Skill
from harness.domain.tokens import estimate_tokens
from harness.gate.sanitise import one_line
from harness.workspace.skill_search import SkillIndex

LISTED_TOKENS = 600
"""What the directory may take of every prompt."""
FOUND_TOKENS = 600
"""What may stand with the task, where not all fit into the directory."""
MOST_FOUND = 10
_LEAST_SHARE = 0.3
"""What the words of the task mean so much less than the best find costs tokens and helps nobody."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a run is to do, as far as it decides which skills it is told of.

    `given` are the things that it reads and was given: entries of `read`, names of inputs, paths, addresses.
    """

    agent: str = ""
    job_id: str = ""
    text: str = ""
    given: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a prompt says of skills.

    `listed` is the directory, by name. `by_search` stands with the task: what applies to the run first, then what its
    words find, best first. `applies` says of the skills of both that apply to the run why they do. `left_out` counts
    those that stand nowhere, and that a search can still find.
    """

    listed: tuple[Skill, ...] = ()
    by_search: tuple[Skill, ...] = ()
    applies: tuple[tuple[str, str], ...] = ()
    left_out: int = 0


def choose(
    skills: Sequence[Skill],
    index: SkillIndex,
    task: Task,
    *,
    named: Collection[str] = (),
    listed_tokens: int = LISTED_TOKENS,
    found_tokens: int = FOUND_TOKENS,
) -> Chosen:
    """Return what the prompt says of these skills, in bounded room; the same skills and task give the same.

    `named` are those that the agent is granted by their names. Which of the index's skills these are, whoever calls
    says by `skills`: others are not found.
    """
    ordered = sorted(skills, key=lambda skill: skill.name)
    reasons = why_they_apply(ordered, task)
    listed = ordered
    if not _all_fit(ordered, listed_tokens - title_tokens()):
        first = sorted(ordered, key=lambda skill: not skill.is_always)
        kept = [skill for skill in first if skill.is_always or skill.name in named]
        room = listed_tokens - title_tokens() - estimate_tokens(f"{left_out_line(len(ordered))}\n")
        listed = sorted(_fitting(kept, room), key=lambda skill: skill.name)
    shown = {skill.name for skill in listed}
    others = {skill.name: skill for skill in ordered if skill.name not in shown}
    # What applies is there already, and would outshine what the other words of the task mean.
    unnamed = others.keys() - reasons.keys()
    searched = index.find(task.text, among=unnamed, limit=MOST_FOUND, least_share=_LEAST_SHARE)
    candidates = (*(name for name in others if name in reasons), *searched)
    found = _fitting([others[name] for name in candidates], found_tokens - title_tokens())[:MOST_FOUND]
    shown.update(skill.name for skill in found)
    return Chosen(
        listed=tuple(listed),
        by_search=tuple(found),
        applies=tuple((name, reason) for name, reason in reasons.items() if name in shown),
        left_out=len(ordered) - len(shown),
    )


def directory_line(skill: Skill) -> str:
    """Return the skill as it stands in the directory."""
    return f"- {skill.name}: {one_line(skill.purpose)}"


def left_out_line(count: int) -> str:
    """Return how a prompt says that there are more skills than it names."""
    return f"- {count:,} not named here: find them with use_skill(query)"


def title_tokens() -> int:
    """Return an upper bound of what the heading of either list costs."""
    return estimate_tokens("# Skills for this task\n")


def why_they_apply(skills: Iterable[Skill], task: Task) -> dict[str, str]:
    """Return of the skills that apply to the task, by their own word or because it names them, why they do."""
    folded = task.text.lower()
    named = frozenset(_NAME.findall(folded))
    reasons = {}
    for skill in skills:
        reason = "the task names it" if skill.name in named else _why_it_applies(skill.applies, task, folded)
        if reason:
            reasons[skill.name] = reason
    return reasons


def _why_it_applies(applies: Applies, task: Task, folded: str) -> str:
    if any(matches(pattern, task.agent) for pattern in applies.agents):
        return f"it is for {task.agent}"
    if any(matches(pattern, task.job_id) for pattern in applies.jobs):
        return f"it is for {task.job_id}"
    for thing in task.given:
        if any(matches(pattern, thing) for pattern in applies.paths):
            return f"it is for {one_line(thing)}"
    word = next((word for word in applies.words if _holds(folded, word.lower())), None)
    return "" if word is None else f"the task says {one_line(word)}"


def matches(pattern: str, thing: str) -> bool:
    """Say whether the pattern (`*` within a name, `**` across folders, `?`, `[ab]`, `{a,b}`) is that of the thing.

    One without a slash is held against the last part of a path as well.
    """
    compiled = _compiled(pattern)
    if compiled is None or not thing:
        return False
    last = thing.rstrip("/").rpartition("/")[2]
    return bool(compiled.fullmatch(thing)) or ("/" not in pattern and bool(compiled.fullmatch(last)))


def _all_fit(skills: Sequence[Skill], room_tokens: int) -> bool:
    for skill in skills:
        room_tokens -= _line_tokens(skill)
        if room_tokens < 0:
            return False
    return True


def _fitting(skills: Iterable[Skill], room_tokens: int) -> list[Skill]:
    """Return the skills whose lines have room, taken in their order; one that is too long makes place for others."""
    kept: list[Skill] = []
    for skill in skills:
        cost = _line_tokens(skill)
        if cost <= room_tokens:
            room_tokens -= cost
            kept.append(skill)
    return kept


def _line_tokens(skill: Skill) -> int:
    return estimate_tokens(f"{directory_line(skill)}\n")


def _holds(text: str, word: str) -> bool:
    """Say whether the text holds the word as a whole one."""
    return word in text and re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


_NAME = re.compile(r"\w+(?:-\w+)*")
_SIGNS: Mapping[str, str] = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_PARTS = re.compile(r"\*\*/|\*\*|\*|\?|\[!?[^\]/]+\]|\{[^{}]*\}|.", re.DOTALL)


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile("".join(map(_as_regex, _PARTS.findall(pattern.removeprefix("./")))), re.DOTALL)
    except re.error:
        return None


def _as_regex(part: str) -> str:
    if part in _SIGNS:
        return _SIGNS[part]
    if len(part) > 2 and part[0] == "[":
        inner = part[1:-1].replace("\\", "\\\\")
        return f"[^{inner[1:]}]" if inner.startswith("!") else f"[{inner}]"
    if len(part) > 1 and part[0] == "{":
        choices = ("".join(map(_as_regex, _PARTS.findall(choice))) for choice in part[1:-1].split(","))
        return f"(?:{'|'.join(choices)})"
    return re.escape(part)
