"""What the bus must know of the team to carry a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from harness.domain.request import SYSTEM, USER
from harness.domain.settings import BusRules
from harness.domain.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Team:
    """The workspace in force, and the version of the workflow that its runs are queued for.

    `files_now` is the time by the clock that stamps files; None where none are judged.
    """

    workspace: Workspace
    workflow_version: int
    files_now: datetime | None = None

    @property
    def rules(self) -> BusRules:
        return self.workspace.settings.bus

    def knows(self, party: str) -> bool:
        """Say whether requests can be made by and of this party."""
        return party in self.parties

    @property
    def parties(self) -> tuple[str, ...]:
        """Everybody that there is: the agents, the person and the harness."""
        return (*self.workspace.agents, USER, SYSTEM)

    def max_open(self, receiver: str) -> int | None:
        """Return how many requests the receiver is given at a time; None for no limit: a person is no queue."""
        if receiver not in self.workspace.agents:
            return None
        own = self.workspace.agents[receiver].max_open
        return self.rules.max_open if own is None else own

    def max_open_at(self, sender: str, receiver: str) -> int | None:
        """Return how many requests of the sender may be open at the receiver; None for no limit."""
        agents = self.workspace.agents
        return agents[sender].max_open_per_agent if sender in agents and receiver in agents else None
