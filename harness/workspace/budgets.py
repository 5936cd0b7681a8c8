"""Budgets in harness.toml: who gives up first near a day's end, and what would run without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import Field

from harness.domain.agent import Agent
from harness.domain.budget import cannot_be_counted, is_budgeted, may_cost
from harness.domain.fallbacks import order_for
from harness.domain.job import Job
from harness.domain.settings import EXTRACTIVE, Profile, Settings, Shedding
from harness.domain.sizes import counted
from harness.workspace.located import Located
from harness.workspace.report import Report
from harness.workspace.shapes import Shape

_SHEDDING = Shedding()

Share = Annotated[float, Field(gt=0, le=1)]
"""A part of a day's budget, 1.0 for all of it."""


class SheddingShape(Shape):
    low_at: Share = _SHEDDING.low_at
    normal_at: Share = _SHEDDING.normal_at


def shedding_of(shape: SheddingShape, located: Located, report: Report) -> Shedding:
    """Return from which share on jobs do without a model; an order that serves the low before the normal is reported.

    Then the defaults hold.
    """
    if shape.low_at > shape.normal_at:
        problem = f"jobs of low priority would keep their model until {shape.low_at:g} of a budget, longer than others"
        report.error(located.line("shedding", "low_at"), problem, "write a low_at that is at most normal_at")
        return _SHEDDING
    return Shedding(shape.low_at, shape.normal_at)


def check_budgets(
    settings: Settings,
    agents: Mapping[str, Agent],
    jobs: Sequence[Job],
    lines: Mapping[str, int | None],
    report: Report,
) -> None:
    """Warn of profiles that may cost money where nothing limits it, or where nobody could count it.

    `agents` by name; `lines` are those on which the profiles stand.
    """
    asking = _asking(settings, agents, jobs)
    for name, asked_by in asking.items():
        profile = settings.profiles[name]
        unlimited = [job for job in asked_by if not is_budgeted(settings, agents[job.agent], job, profile)]
        is_uncounted = cannot_be_counted(profile) and profile.budget_tokens is None
        if may_cost(profile) and unlimited:
            problem = f"profile {name!r} may cost money, and no budget is set for {_named(unlimited)}: it is not asked"
            fix = 'say what a day may cost at most: budget = "$5/day"'
            # In dollars nothing of it could be held to.
            fix = "add its prices and a budget, or limit its tokens with tokens_per_day" if is_uncounted else fix
            report.warning(lines.get(name), problem, fix)
        elif is_uncounted:
            problem = (
                f"profile {name!r} has no prices: what it costs cannot be counted, and no budget in dollars holds it"
            )
            fix = "add input_usd_per_mtok and output_usd_per_mtok, or limit its tokens with tokens_per_day"
            report.warning(lines.get(name), problem, fix)


def _named(jobs: Sequence[Job]) -> str:
    more = len(jobs) - 1
    return f"{jobs[0].id} and {counted(more, 'other job')}" if more else jobs[0].id


def _asking(settings: Settings, agents: Mapping[str, Agent], jobs: Sequence[Job]) -> Mapping[str, list[Job]]:
    """Return the jobs that would ask each profile, also as a fallback."""
    asking: dict[str, list[Job]] = {}
    for job in jobs:
        agent = agents.get(job.agent)
        first = None if agent is None or job.action else _first_choice(settings, agent, job)
        if first is None or first.adapter == EXTRACTIVE:
            continue
        for profile in order_for(first, settings.profiles, job).profiles:
            asking.setdefault(profile.name, []).append(job)
    return asking


def _first_choice(settings: Settings, agent: Agent, job: Job) -> Profile | None:
    return settings.profiles.get(job.profile or agent.profile or settings.default_profile)
