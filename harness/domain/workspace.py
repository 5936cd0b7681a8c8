"""The whole workspace as one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.domain.agent import Agent
from harness.domain.basket import Basket
from harness.domain.economy import EconomicDate
from harness.domain.errors import HarnessError
from harness.domain.feed import FeedEntry
from harness.domain.job import Job
from harness.domain.market import Watchlist
from harness.domain.schedule import Calendar
from harness.domain.settings import Settings
from harness.domain.skill import Skill


@dataclass(frozen=True, slots=True)
class Workspace:
    """Everything the person wrote, checked; a snapshot that does not change under a run."""

    root: Path
    settings: Settings
    user: str = ""
    agents: Mapping[str, Agent] = field(default_factory=dict)
    skills: Mapping[str, Skill] = field(default_factory=dict)
    feed_lists: Mapping[str, tuple[FeedEntry, ...]] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    baskets: Mapping[str, Basket] = field(default_factory=dict)
    watchlists: Mapping[str, Watchlist] = field(default_factory=dict)
    economic_dates: tuple[EconomicDate, ...] = ()

    def jobs(self) -> Iterator[Job]:
        """Yield all jobs, by agent and name."""
        for agent in sorted(self.agents):
            yield from (self.agents[agent].jobs[name] for name in sorted(self.agents[agent].jobs))

    def node_of(self, job: Job) -> str | None:
        """Return the name of the node that alone may run the job, or None if any may."""
        return job.on or self.agents[job.agent].on

    def agent(self, name: str) -> Agent:
        """Return the agent. Raises HarnessError naming what exists if there is no such agent."""
        if name not in self.agents:
            raise HarnessError(f"no agent {name!r}; there are: {', '.join(sorted(self.agents)) or 'none'}")
        return self.agents[name]

    def job(self, job_id: str) -> Job:
        """Return the job `agent/name`. Raises HarnessError naming what exists if there is no such job."""
        agent_name, _, name = job_id.partition("/")
        agent = self.agent(agent_name)
        if name not in agent.jobs:
            known = ", ".join(sorted(agent.jobs)) or "none"
            raise HarnessError(f"agent {agent_name} has no job {name!r}; it has: {known}")
        return agent.jobs[name]
