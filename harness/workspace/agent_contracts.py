"""What an agent promises for all of its jobs, joined to what each of them promises itself."""

from __future__ import annotations

import dataclasses

from harness.domain.agent import Agent
from harness.domain.contract import Contract, joined
from harness.domain.job import Job
from harness.workspace.job_contract import BOUNDS
from harness.workspace.jobs import DeclaredJob
from harness.workspace.report import Report


def with_contract_of(agent: Agent | None, declared: DeclaredJob, report: Report) -> DeclaredJob:
    """Return the job with its agent's contract joined to its own; what the two cannot keep together is in the report.

    An action is no text that somebody wrote: it keeps its own contract only.
    """
    job = declared.job
    if agent is not None and job.action is None:
        job = dataclasses.replace(job, contract=joined(job.contract, agent.contract))
        _check_bounds(job.contract, declared.contract_line, report)
    _check_citations(job, declared.contract_line, report)
    return dataclasses.replace(declared, job=job)


def _check_bounds(contract: Contract, line: int, report: Report) -> None:
    for least, most in BOUNDS:
        low, high = getattr(contract, least), getattr(contract, most)
        if low is not None and high is not None and low > high:
            problem = f"with [contract] of agent.toml, {least} {low} is more than {most} {high}"
            report.error(line, problem, f"write both, {least} and {most}, in the job")
    if contract.disclaimer and contract.reminder_chars and len(contract.disclaimer) >= contract.reminder_chars:
        problem = f"the disclaimer of the contract leaves no room in a reminder of {contract.reminder_chars} characters"
        report.error(line, problem, "drop reminder, or the disclaimer")


def _check_citations(job: Job, line: int, report: Report) -> None:
    for cited in job.contract.cite:
        if cited not in job.inputs:
            report.error(line, f"cite names {cited}, which the job does not read", f"add {cited} to read")
