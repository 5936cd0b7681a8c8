"""Which tools a run has, what its model is told of them, and on whose behalf they are called."""

from __future__ import annotations

from dataclasses import replace

from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.message import ToolSchema
from harness.domain.request import request_of_job
from harness.domain.workspace import Workspace
from harness.gate.caller import Caller, caller_for
from harness.gate.offering import Offer
from harness.gate.registry import ToolRegistry
from harness.store.state_folder import StateFolder
from harness.tools.bus import granted_bus_tools, naming_receivers
from harness.tools.skills import USE_SKILL
from harness.wiring.skills import SkillShelf


def granted_tools(agent: Agent, job: Job, offer: Offer) -> tuple[str, ...]:
    """Return the names of the tools that a run of the job has: the agent's grants, those of the bus, and of skills."""
    of_bus = granted_bus_tools(agent, is_on_request=request_of_job(job.id) is not None)
    return (*agent.tools, *((USE_SKILL,) if offer.skills else ()), *of_bus)


def schemas_for(
    registry: ToolRegistry, agent: Agent, job: Job, workspace: Workspace, shelf: SkillShelf
) -> tuple[ToolSchema, ...]:
    """Return what the model of a run of the job is told of its tools."""
    granted = registry.schemas(granted_tools(agent, job, shelf.offer(workspace, agent)))
    return tuple(naming_receivers(schema, agent, workspace.agents) for schema in granted)


def caller_of(
    agent: Agent, workspace: Workspace, job: Job, run_id: str, state: StateFolder, shelf: SkillShelf
) -> Caller:
    """Return on whose behalf the run calls tools."""
    offer = shelf.offer(workspace, agent)
    return caller_for(
        replace(agent, tools=granted_tools(agent, job, offer)),
        offer,
        run_id=run_id,
        root=workspace.root,
        folder=state.run_folder(run_id),
    )
