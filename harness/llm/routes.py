"""Which models answer a job, and in which order."""

from __future__ import annotations

from harness.domain.agent import Agent
from harness.domain.cause import profile_cause
from harness.domain.errors import OwnerError
from harness.domain.fallbacks import Order, order_for, why_not
from harness.domain.job import Job
from harness.domain.settings import Profile, Settings
from harness.llm.endpoint import SETTINGS_FILE


def order_of(settings: Settings, agent: Agent, job: Job) -> Order:
    """Return the profile that the job, else the agent, else the team chose, and those that stand in for it.

    Raises OwnerError, with file and fix, if there is no such profile, or if the job was not made for its model.
    """
    first = chosen_profile(settings, agent, job)
    refusal = None if first.adapter == "extractive" else why_not(first, job)
    if refusal is not None:
        raise OwnerError(job.path, None, refusal, "choose another profile, or correct models in that file")
    return order_for(first, settings.profiles, job)


def chosen_profile(settings: Settings, agent: Agent, job: Job) -> Profile:
    """Return the profile of the job, else of the agent, else of the settings. Raises OwnerError if it does
    not exist. A workspace without any has the embedded extractive model."""
    if job.profile:
        name, path = job.profile, job.path
    elif agent.profile:
        name, path = agent.profile, f"agents/{agent.name}/agent.toml"
    else:
        name, path = settings.default_profile, SETTINGS_FILE
    profile = settings.profiles.get(name)
    if profile is not None:
        return profile
    if name == "extractive":
        return Profile("extractive", "extractive")
    known = ", ".join(sorted(settings.profiles)) or "none"
    raise OwnerError(
        path,
        None,
        f"there is no profile {name!r}",
        f"use one of {known}, or add [profiles.{name}] to {SETTINGS_FILE}",
        cause=profile_cause(name),
    )
