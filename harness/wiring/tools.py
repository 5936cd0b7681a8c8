"""Which tools a run has, what its model is told of them, and on whose behalf they are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.message import ToolSchema
from harness.domain.request import request_of_job
from harness.domain.workspace import Workspace
from harness.gate.caller import Caller, caller_for
from harness.gate.registry import ToolRegistry
from harness.store.state_folder import StateFolder
from harness.tools.bus import granted_bus_tools, naming_receivers


def granted_tools(agent: Agent, job: Job) -> tuple[str, ...]:
    """Return the names of the tools that a run of the job has: the agent's grants, and those of the bus."""
    return (*agent.tools, *granted_bus_tools(agent, is_on_request=request_of_job(job.id) is not None))


def schemas_for(registry: ToolRegistry, agent: Agent, job: Job, agents: Mapping[str, Agent]) -> tuple[ToolSchema, ...]:
    """Return what the model of a run of the job is told of its tools."""
    granted = registry.schemas(granted_tools(agent, job))
    return tuple(naming_receivers(schema, agent, agents) for schema in granted)


def caller_of(agent: Agent, workspace: Workspace, job: Job, run_id: str, state: StateFolder) -> Caller:
    """Return on whose behalf the run calls tools."""
    return caller_for(
        replace(agent, tools=granted_tools(agent, job)),
        workspace.skills.values(),
        run_id=run_id,
        root=workspace.root,
        folder=state.run_folder(run_id),
    )
