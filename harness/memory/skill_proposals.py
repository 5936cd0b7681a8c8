"""What has proven itself and is of use beyond one line of a MEMORY.md, as proposals of skills. Pure.

A proposal is for the person alone: they read it with its evidence, and they install it or reject it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.domain.learning import SHARED, TRUST, Learning, verifications_in_force
from harness.gate.sanitise import one_line
from harness.memory.learnings_writer import render_learning
from harness.memory.promotion import words_of
from harness.memory.tool_calls import mending_in

KEY = "learned-from"
"""The key of a skill's `metadata` by which a proposal is known again, whatever it is called by then."""

_OF_A_TOOL = 3
_AGENTS = 2
_NAME_WORDS = 6
_NAME_CHARS = 56
_DESCRIPTION_CHARS = 900
_NO_KEY = re.compile(r"[^\w.:-]")
_NAMING = re.compile(r"[a-z]\w*-[\w-]+")
_TOOL = re.compile(r"[a-z][\w.-]*")


@dataclass(frozen=True, slots=True)
class SkillProposal:
    """A skill that somebody may want. `key` says what it was made of: a family has one proposal, however it grows."""

    key: str
    name: str
    skill: str
    evidence: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Family:
    key: str
    name: str
    title: str
    use: str
    learnings: tuple[Learning, ...]
    tool: str | None = None


def propose_skills(learnings: Iterable[Learning]) -> tuple[SkillProposal, ...]:
    """Return a proposal for each family of learnings that is of use to more than one agent or job.

    Such is one that is shared or has held for two agents, and three or more of one tool that stand in a MEMORY.md.
    What is not believed, or came from outside and nobody approved, is in none. The same records give the same bytes.
    """
    believed = sorted({each.id: each for each in learnings if _is_believed(each)}.values(), key=_by_age)
    families = list(_of_tools(believed))
    told = {each.id for family in families for each in family.learnings}
    families += _of_mistakes([each for each in believed if each.id not in told])
    return tuple(_proposal(family) for family in families)


def key_of(skill: str) -> str | None:
    """Return of what the text of a skill was proposed, None if it was written otherwise."""
    found = re.search(rf"^metadata: \{{{KEY}: (\".*\")\}}$", skill, re.MULTILINE)
    return None if found is None else str(json.loads(found[1]))


def _is_believed(learning: Learning) -> bool:
    is_outside = learning.origin == "external" or learning.trust < TRUST["tool"]
    return learning.status in ("verified", "promoted") and (not is_outside or learning.is_approved)


def _by_age(learning: Learning) -> tuple[str, str]:
    return learning.first_seen.isoformat(), learning.id


def _of_tools(learnings: Sequence[Learning]) -> Iterator[_Family]:
    by_tool: dict[str, list[Learning]] = defaultdict(list)
    for each in learnings:
        mending = mending_in(each)
        if each.status == "promoted" and mending is not None and _TOOL.fullmatch(mending.tool):
            by_tool[mending.tool].append(each)
    for tool, found in sorted(by_tool.items()):
        if len({each.fingerprint for each in found}) >= _OF_A_TOOL:
            name = f"using-{_slug(tool)}"
            yield _Family(f"tool {tool}", name, f"Using {tool}", f"before {tool} is called", tuple(found), tool)


def _of_mistakes(learnings: Sequence[Learning]) -> Iterator[_Family]:
    by_fingerprint: dict[str, list[Learning]] = defaultdict(list)
    for each in learnings:
        by_fingerprint[each.fingerprint].append(each)
    for fingerprint, found in sorted(by_fingerprint.items()):
        held = [each for each in found if each.scope == SHARED or verifications_in_force(each)]
        authors = {each.author or each.scope for each in held}
        if len(authors) >= _AGENTS or any(each.scope == SHARED for each in held):
            first = held[0]
            title = one_line(first.title or first.right)
            use = f"where this comes up: {one_line(first.trigger)}" if first.trigger else "where this comes up"
            name = _slug(title) or _slug(fingerprint)[:8]
            # One word alone may mean something else in YAML, and says too little.
            name = name if _NAMING.fullmatch(name) else f"lesson-{name}".rstrip("-")
            yield _Family(f"mistake {_NO_KEY.sub('-', fingerprint)}", name, title, use, tuple(held))


def _proposal(family: _Family) -> SkillProposal:
    # In an order that does not change when one more joins them.
    said = {words_of(replace(each, why="")): each for each in reversed(family.learnings)}
    lines = "\n".join(f"- {one_line(words)}" for words in reversed(said))
    requires = f"requires: {{tools: [{family.tool}]}}\n" if family.tool else ""
    skill = (
        f"---\nname: {family.name}\ndescription: {_quoted(_description(family))}\n{requires}"
        f"metadata: {{{KEY}: {_quoted(family.key)}}}\n---\n# {family.title}\n\n{lines}\n\n"
        "Each of these was borne out by runs of the team: see references/EVIDENCE.md.\n"
    )
    records = "\n".join(render_learning(each) for each in family.learnings)
    evidence = (
        f"# Evidence\n\nThe records that this skill was proposed from, with the runs that bore them out.\n\n{records}"
    )
    return SkillProposal(family.key, family.name, skill, evidence, tuple(each.id for each in family.learnings))


def _description(family: _Family) -> str:
    said = "What the team has learned: "
    for each in family.learnings:
        title = one_line(each.title or each.right).rstrip(".")
        if len(said) + len(title) > _DESCRIPTION_CHARS - len(family.use):
            break
        said += f"{title}; "
    return f"{said.removesuffix('; ')}. Use {family.use}."[: _DESCRIPTION_CHARS + 100]


def _quoted(text: str) -> str:
    """Return the text as YAML, of which JSON is a part."""
    return json.dumps(text, ensure_ascii=False)


def _slug(text: str) -> str:
    words = re.findall(r"[a-z0-9]+", text.lower())[:_NAME_WORDS]
    return "-".join(words)[:_NAME_CHARS].strip("-")
