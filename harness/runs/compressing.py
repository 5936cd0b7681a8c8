"""The action `compress-memory`: every MEMORY.md within its budget, and what has to go in the archive, every week."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from harness.bus.files.standing_incidents import OpenIncidents
from harness.domain.errors import OwnerError, TransientError
from harness.domain.job import Job
from harness.domain.sizes import counted
from harness.domain.workspace import Workspace
from harness.memory.agent_memory import AgentMemory
from harness.memory.archive import index_path
from harness.memory.compression import Removed
from harness.memory.upkeep import compress_memory
from harness.runs.actions import Action, ActionResult

CAUSE = "memory of "
"""How the cause of the incident begins that a MEMORY.md cannot be brought under its budget."""


def compress_memory_action(
    workspace: Callable[[], Workspace], state: Path, incidents: Callable[[datetime], OpenIncidents]
) -> Action:
    """Return the action: it speaks of what left a MEMORY.md, and of one that a person has to shorten.

    It works on the agents that are at home where its own job runs: those bound to the same node, or to none. What
    cannot be done for one of them is an incident, and the others go on.
    """

    def compress_all(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        here = workspace()
        today = due_at.astimezone(ZoneInfo(here.settings.home_zone)).date()
        removed: dict[str, tuple[Removed, ...]] = {}
        problems: dict[str, str] = {}
        for agent in _agents_at_home(here, job):
            try:
                removed[agent] = compress_memory(AgentMemory(here.root, state, agent), today).removed
            except (OwnerError, TransientError, OSError) as error:
                problems[agent] = str(error)
        _tell(incidents(now), problems, over={*removed, *_gone(here, incidents(now))})
        return _result(removed, problems, today)

    return compress_all


def _agents_at_home(workspace: Workspace, job: Job) -> Iterator[str]:
    home = workspace.agents[job.agent].on
    yield from (name for name, agent in sorted(workspace.agents.items()) if agent.on == home)


def _gone(workspace: Workspace, incidents: OpenIncidents) -> Iterator[str]:
    """Yield the agents of whom an incident is open, and who are not there any more."""
    told = (cause.removeprefix(CAUSE) for cause in incidents.open_causes(CAUSE))
    yield from (agent for agent in told if agent not in workspace.agents)


def _tell(incidents: OpenIncidents, problems: Mapping[str, str], over: Collection[str]) -> None:
    for agent, problem in problems.items():
        incidents.open(f"{CAUSE}{agent}", problem)
    for cause in incidents.open_causes(CAUSE):
        if cause.removeprefix(CAUSE) in over:
            incidents.resolve(cause)


def _result(removed: dict[str, tuple[Removed, ...]], problems: dict[str, str], today: date) -> ActionResult:
    count = sum(map(len, removed.values()))
    reason = f"{counted(count, 'learning')} moved to the archive, of {counted(len(removed), 'agent')}"
    if problems:
        reason += f"; {counted(len(problems), 'MEMORY.md', 'MEMORY.md')} could not be compressed"
    sections = [
        f"## What left the memory of {agent}\n\n"
        + "\n".join(_line(one) for one in gone)
        + f"\n\nAll: `{index_path(agent)}`."
        for agent, gone in removed.items()
        if gone
    ]
    if problems:
        lines = "\n".join(f"- {agent}: `{problem}`" for agent, problem in problems.items())
        sections.insert(0, f"## A memory that is too long\n\n{lines}")
    return ActionResult(reason, "\n\n".join(sections) + "\n" if sections else "")


def _line(one: Removed) -> str:
    """Return the bullet in code: what came from outside once is no Markdown of ours."""
    words = " ".join(one.text.removeprefix("- ").replace("`", "'").split())
    return f"- {one.id} ({one.why}): `{words}`"
