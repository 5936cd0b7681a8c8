"""An agent's work on a request, as a job like any other: without a file, and with the request as its task."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from harness.bus.brief import LEAST_CHARS, brief_of, brief_overflow
from harness.bus.payload import write_overflow
from harness.domain.agent import Agent
from harness.domain.answer_rules import rules_of_answers
from harness.domain.contract import Contract
from harness.domain.errors import HarnessError
from harness.domain.job import Job
from harness.domain.request import Request, request_of_job
from harness.domain.roundtable import seat_of
from harness.domain.source import Collected
from harness.domain.tokens import estimate_tokens
from harness.domain.workspace import Workspace
from harness.gate.sanitise import in_short
from harness.runs.roundtable.held import READ
from harness.runs.services import RunServices
from harness.store.request_log import asked_in
from harness.store.runs import RunRow

MOST_TOKENS = 5_500
"""What a request may take of a prompt, in whose section for the task it stands."""

_TITLE_CHARS = 80


def job_of(services: RunServices, run: RunRow) -> Job:
    """Return the job that the run does, as the workspace has it now. Raises HarnessError if it is gone."""
    workspace = services.workspace()
    request_id = request_of_job(run.job_id)
    if request_id is None:
        return workspace.job(run.job_id)
    with services.database.read() as connection:
        request = asked_in(connection, request_id)
    if request is None:
        raise HarnessError(f"there is no request {request_id}")
    return job_for_request(workspace, run.job_id, request)


def job_for_request(workspace: Workspace, job_id: str, request: Request) -> Job:
    """Return the job that an agent's work on the request is; it promises what the agent does for its answers.

    Without a language model it is skipped, so that the request is rejected at once: nothing else can be asked
    anything. Raises HarnessError if the agent is gone.
    """
    agent, _, name = job_id.partition("/")
    team_agent = workspace.agent(agent)
    return Job(
        agent=agent,
        name=name,
        path=f"agents/{agent}/agent.toml",
        schedules=(),
        zone=workspace.settings.home_zone,
        title=in_short(request.task, _TITLE_CHARS),
        without_model="skip",
        priority=request.priority,
        # What is said at a table is quoted whole, and its faults are named beside it.
        contract=Contract() if seat_of(request) is not None else rules_of_answers(team_agent.contract),
    )


def brief_for(services: RunServices, run_id: str, agent: Agent, request: Request) -> str:
    """Return the request as the run's model reads it; what is too long for it lies in a file of the run.

    It is cut further where its tokens would not fit into the prompt: some scripts have one for each character.
    """
    if material_of(request):
        request = replace(request, background="")
    limit = shown_chars(services, agent)
    brief = brief_of(request, limit)
    while estimate_tokens(brief) > MOST_TOKENS and len(brief) > LEAST_CHARS:
        limit = max(LEAST_CHARS, len(brief) * 3 // 4)
        brief = brief_of(request, limit)
    whole = None if limit is None else brief_overflow(request, limit)
    if whole is not None:
        write_overflow(whole, services.state.run_folder(run_id))
    return brief


def material_of(request: Request | None) -> tuple[Collected, ...]:
    """Return what a speaker at a roundtable is shown of it, among the inputs of its prompt.

    A snapshot is as long as what any job collects: as the background of a task there would be no room for it.
    """
    if request is None or seat_of(request) is None:
        return ()
    return (Collected(READ, text=request.background),)


def shown_chars(services: RunServices, agent: Agent) -> int | None:
    """Return how much of a request or an answer the agent's model is shown; None for all of it.

    Who cannot read files is shown all that fits into a prompt: what lies in one would be lost to it.
    """
    return services.workspace().settings.bus.max_chars if "files.read" in agent.tools else None


def request_in(connection: Connection, job: Job) -> Request | None:
    """Return the request that the job works on; None if it is a job of the workspace."""
    request_id = request_of_job(job.id)
    return None if request_id is None else asked_in(connection, request_id)
