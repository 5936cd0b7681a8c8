"""From what runs used so far to what those to come will use: the part of a forecast that knows workspaces."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from harness.domain.budget import Amount
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.message import Usage
from harness.domain.pause import PauseRow, pause_of
from harness.domain.settings import Profile
from harness.domain.workspace import Workspace
from harness.llm.routes import chosen_profile
from harness.runs.forecast import Estimate, estimate_of
from harness.store.usage_records import UsedByRun

LOOK_BACK = timedelta(days=60)
"""So far back runs are asked what the next ones will use."""

_BUS_DAYS = 14


def estimate_jobs(
    workspace: Workspace, runs: Sequence[UsedByRun], pauses: Mapping[str, PauseRow]
) -> tuple[list[tuple[Job, Profile, Estimate]], list[str]]:
    """Return the jobs that ask a language model with what their next run will use, and the ids of those paused.

    `runs` are the last runs, the latest first.
    """
    history: dict[str, list[Usage]] = defaultdict(list)
    for run in runs:
        history[run.job_id].append(run.used.tokens)
    jobs, paused = [], []
    for job, profile in _asking(workspace):
        if pause_of(pauses, job.id) is not None:
            paused.append(job.id)
        else:
            jobs.append((job, profile, estimate_of(job, profile, history[job.id])))
    return jobs, paused


def bus_per_day(runs: Sequence[UsedByRun], now: datetime) -> dict[str, Amount]:
    """Return what each agent used for requests on an average of the last days, as far as they are known."""
    since = max(now.timestamp() - _BUS_DAYS * 86_400, min((run.first_at for run in runs), default=0.0))
    days = max(1.0, (now.timestamp() - since) / 86_400)
    sums: dict[str, Amount] = defaultdict(Amount)
    for run in runs:
        if run.is_of_the_bus and run.first_at >= since:
            tokens = run.used.tokens.input_tokens + run.used.tokens.output_tokens
            sums[run.job_id.partition("/")[0]] += Amount(run.used.cost_usd, tokens)
    return {agent: Amount(each.usd / days, round(each.tokens / days)) for agent, each in sums.items()}


def _asking(workspace: Workspace) -> list[tuple[Job, Profile]]:
    """Return the jobs that ask a language model, with the profile that they ask first."""
    asking = []
    for job in workspace.jobs():
        if job.action is not None:
            continue
        try:
            profile = chosen_profile(workspace.settings, workspace.agents[job.agent], job)
        except OwnerError:  # told by `harness check`; such a job asks nobody
            continue
        if profile.adapter != "extractive":
            asking.append((job, profile))
    return asking
