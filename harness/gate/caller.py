"""On whose behalf a tool is called."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from harness.domain.agent import Agent
from harness.domain.message import Message
from harness.gate.offering import Offer
from harness.gate.paths import PathRules


@dataclass(frozen=True, slots=True)
class Caller:
    """One run of one agent, and what it is granted.

    `folder` is where whole results of this run go. `seen` holds the SHA-256 of each workspace file as this run
    last read or wrote it; it lives as long as the process, so a run that was resumed reads before it
    overwrites. `misused` counts how often each tool was given arguments that it does not take. `conversation` is what
    was said before the call. `offer` holds the skills that it may load.
    """

    agent: str
    run_id: str
    tools: frozenset[str]
    paths: PathRules
    folder: Path
    seen: dict[str, str] = field(default_factory=dict)
    misused: Counter[str] = field(default_factory=Counter)
    conversation: tuple[Message, ...] = ()
    offer: Offer = field(default_factory=Offer)


def caller_for(agent: Agent, offer: Offer, *, run_id: str, root: Path, folder: Path) -> Caller:
    """Return the caller for a run: what its agent is granted, and offered of its skills.

    Skills are loaded by their own tool only, which counts them and knows what a person accepted.
    """
    paths = PathRules(root, agent.read_paths, agent.write_paths)
    return Caller(agent.name, run_id, frozenset(agent.tools), paths, folder, offer=offer)
