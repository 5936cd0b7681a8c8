"""`agents/<agent>/agent.toml` and the texts beside it."""

from __future__ import annotations

import bisect
import fnmatch
import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from harness.domain.agent import Agent
from harness.domain.tokens import estimate_tokens
from harness.workspace.bus_rules import MaxOpen
from harness.workspace.fields import DollarsPerDay, Node, Text
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.job_contract import ContractShape, contract_of
from harness.workspace.names import Names, is_inside
from harness.workspace.quantities import BadValue
from harness.workspace.reminder_rules import RemindersShape
from harness.workspace.report import Report
from harness.workspace.shapes import Shape, check_shape
from harness.workspace.toml_text import read_toml
from harness.workspace.vocabulary import Vocabulary

MEMORY_BUDGET_TOKENS = 3000
OWN_BUDGET_TOKENS = 2700
"""What a MEMORY.md is compressed to: if what a person wrote comes to more, nothing can make room."""

_PROMOTED = re.compile(r"\s\^[A-Z]+-\d{8}-[0-9a-z]+\s*$")


def _check_folder(value: str) -> str:
    if not value.strip() or not is_inside(value):
        raise BadValue(f"{value!r} is not a folder of the workspace", "write it relative to the workspace, without ..")
    return value.strip().rstrip("/")


Folder = Annotated[str, AfterValidator(_check_folder)]


class AgentShape(Shape):
    description: Text = ""
    profile: str | None = None
    tools: list[str] = Field(default_factory=list)
    skills: list[str] = Field(default_factory=list)
    may_ask: list[str] = Field(default_factory=list)
    budget: DollarsPerDay | None = None
    read_paths: list[Folder] = Field(default_factory=list)
    write_paths: list[Folder] = Field(default_factory=list)
    on: Node | None = None
    max_open: MaxOpen | None = None
    max_open_per_agent: MaxOpen | None = None
    contract: ContractShape | None = None
    reminders: RemindersShape = Field(default_factory=RemindersShape)


def read_agent(name: str, text: str, names: Names, vocabulary: Vocabulary, report: Report) -> Agent | None:
    """Return the agent that `agent.toml` declares, without its texts and jobs.

    Tools and skills that do not exist are in the report and not in the result. None if the text is
    not TOML.
    """
    located = read_toml(text, report)
    shape = check_shape(AgentShape, located, report) if located is not None else None
    if located is None or shape is None:
        return None
    if "description" not in located.values:
        report.warning(None, "the agent has no description", 'say in one line what it does: description = "…"')
    if shape.profile is not None:
        report.check_name(located.line("profile"), "profile", shape.profile, names.profiles, SETTINGS_FILE)
    named_skills = [word for word in shape.skills if not _is_pattern(word)]
    referred = (
        ("tools", "tool", shape.tools, vocabulary.tools),
        ("may_ask", "agent", shape.may_ask, (names.agents | {"user"}) - {name}),
    )
    for key, kind, used, known in referred:
        for position, word in enumerate(used):
            if key != "may_ask" or not _is_pattern(word):
                report.check_name(located.line(key, position), kind, word, known)
    for position, word in enumerate(shape.skills):
        line = located.line("skills", position)
        if not _is_pattern(word):
            report.check_name(line, "skill", word, names.skills)
        elif not fnmatch.filter(names.skills, word):
            report.warning(line, f"no skill is named like {word!r}", "correct the pattern, or write such a skill")
    return Agent(
        name=name,
        description=shape.description,
        soul="",
        rules="",
        profile=shape.profile,
        tools=tuple(tool for tool in dict.fromkeys(shape.tools) if tool in vocabulary.tools),
        skills=tuple(word for word in _named(shape.skills, names.skills) if word in names.skills),
        named_skills=tuple(skill for skill in dict.fromkeys(named_skills) if skill in names.skills),
        may_ask=_named(shape.may_ask, names.agents - {name}),
        read_paths=tuple(shape.read_paths),
        write_paths=tuple(shape.write_paths),
        budget_usd=shape.budget,
        on=shape.on,
        max_open=shape.max_open,
        max_open_per_agent=shape.max_open_per_agent,
        contract=contract_of(shape.contract),
        reminder_spacing_s=shape.reminders.spacing,
    )


def _is_pattern(word: str) -> bool:
    return any(sign in word for sign in "*?[")


def _named(words: Sequence[str], known: frozenset[str]) -> tuple[str, ...]:
    """Return what the words name or match, each once; those of one pattern by name."""
    found = (sorted(fnmatch.filter(known, word)) if _is_pattern(word) else [word] for word in words)
    return tuple(dict.fromkeys(name for named in found for name in named))


def check_memory(text: str, report: Report) -> None:
    """Warn of a MEMORY.md that no prompt can hold whole, at the line from which on it is too long."""
    own = "".join("\n" if _PROMOTED.search(line) else line for line in text.splitlines(keepends=True))
    own_tokens, tokens = estimate_tokens(own), estimate_tokens(text)
    if own_tokens > OWN_BUDGET_TOKENS:
        problem = f"what you wrote there is about {own_tokens:,} tokens long; with more than {OWN_BUDGET_TOKENS:,}"
        problem += " nothing that is learned finds room"
        if tokens > MEMORY_BUDGET_TOKENS:
            problem += f", and prompts take {MEMORY_BUDGET_TOKENS:,}"
        line = _line_over(own, OWN_BUDGET_TOKENS)
    elif tokens > MEMORY_BUDGET_TOKENS:
        problem = f"the memory is about {tokens:,} tokens long; prompts take {MEMORY_BUDGET_TOKENS:,}"
        line = _line_over(text, MEMORY_BUDGET_TOKENS)
    else:
        return
    report.warning(line, problem, "shorten it, or move what is old to memory/archive/")


def _line_over(text: str, budget_tokens: int) -> int:
    """Return the number of the line with which the text is over the budget."""
    lines = text.splitlines(keepends=True)

    def is_over(count: int) -> bool:
        return estimate_tokens("".join(lines[:count])) > budget_tokens

    return bisect.bisect_left(range(1, len(lines)), True, key=is_over) + 1
