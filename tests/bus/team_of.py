"""A team for tests of the bus: agents without files, and requests between them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.bus.sending import Ask
from harness.bus.team import Team
from harness.domain.agent import Agent
from harness.domain.settings import BusRules, Settings
from harness.domain.workspace import Workspace

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


def team_of(*names: str, rules: BusRules | None = None, agents: Iterable[Agent] = ()) -> Team:
    """Return a team of agents that may ask one another, with the default rules unless others are given."""
    known = {name: Agent(name, f"the {name}", "", "", may_ask=tuple(set(names) - {name})) for name in names}
    known |= {agent.name: agent for agent in agents}
    settings = replace(Settings(home_zone="UTC"), bus=rules or BusRules())
    return Team(Workspace(Path("unused"), settings, agents=known), workflow_version=1, files_now=NOW)


def ask(sender: str, receiver: str, task: str = "count the kettles", **fields: Any) -> Ask:
    """Return what `sender` wants; the task is its own idempotency key unless another is given."""
    return Ask(sender, receiver, task, **{"key": f"{receiver}: {task}", **fields})
