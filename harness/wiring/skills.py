"""The skills that runs are offered and told of, out of the workspace that is in force."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

from harness.domain.agent import Agent
from harness.domain.skill import Skill
from harness.domain.workspace import Workspace
from harness.gate.offering import Offer, host_of, offer
from harness.prompt.skill_choice import Chosen, Task, choose
from harness.workspace.skill_search import SkillIndex


class SkillShelf:
    """Looks, for every run anew, which skills its agent is offered on this machine; any thread may ask.

    `platform` is what Python calls the system. The index of the skills is built once for each workspace that comes
    into force, when it is needed.
    """

    def __init__(self, environ: Mapping[str, str], platform: str) -> None:
        self._environ = environ
        self._platform = platform
        self._building = threading.Lock()
        self._indexed: tuple[Mapping[str, Skill], SkillIndex] | None = None

    def offer(self, workspace: Workspace, agent: Agent) -> Offer:
        """Return which of its skills the agent is offered now, and why not the others."""
        return offer(workspace.skills, agent, host_of(self._environ, self._platform))

    def choose(self, workspace: Workspace, agent: Agent, task: Task) -> Chosen:
        """Return what the prompt of a run says of the agent's skills."""
        offered = tuple(self.offer(workspace, agent).skills.values())
        return choose(offered, self._index(workspace.skills), task, named=agent.named_skills) if offered else Chosen()

    def find(self, skills: Mapping[str, Skill], query: str, among: Collection[str], limit: int) -> tuple[str, ...]:
        """Return the names, of those that may be found, of the skills that the query means, best first."""
        return self._index(skills).find(query, among=among, limit=limit)

    def _index(self, skills: Mapping[str, Skill]) -> SkillIndex:
        with self._building:
            if self._indexed is None or self._indexed[0] is not skills:
                self._indexed = (skills, SkillIndex(skills.values()))
            return self._indexed[1]
