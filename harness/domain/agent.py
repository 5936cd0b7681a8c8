"""An agent, as the workspace declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.domain.contract import Contract
from harness.domain.job import Job

REMINDER_SPACING_S = 90 * 60
"""How long after one reminder the next one may come, where an agent does not say otherwise."""


@dataclass(frozen=True, slots=True)
class Agent:
    """A folder in `agents/`, checked.

    `soul` and `rules` are the texts of SOUL.md and AGENTS.md. `tools` and `skills` are what it is
    granted: nothing else reaches its prompt; `named_skills` are those of them that stand there by their names, and
    not only by a pattern. `read_paths` and `write_paths` are workspace-relative folders that its file tools may
    touch. `budget_usd` is per day. `on` binds all its jobs to the node of that name: an agent's files are written
    there only. `max_open` is how many requests it is given at a time, where that differs from the team's. `contract`
    is what it promises for each of its jobs that is written, and already part of theirs. Between two of its reminders
    there are at least `reminder_spacing_s` seconds. `max_open_per_agent` is how many open requests of its own it
    may have at one other agent; None for no limit.
    """

    name: str
    description: str
    soul: str
    rules: str
    jobs: Mapping[str, Job] = field(default_factory=dict)
    profile: str | None = None
    tools: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    may_ask: tuple[str, ...] = ()
    read_paths: tuple[str, ...] = ()
    write_paths: tuple[str, ...] = ()
    budget_usd: float | None = None
    on: str | None = None
    max_open: int | None = None
    named_skills: tuple[str, ...] = ()
    contract: Contract = field(default_factory=Contract)
    reminder_spacing_s: int = REMINDER_SPACING_S
    max_open_per_agent: int | None = None
