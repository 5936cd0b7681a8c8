"""Which model answers a job."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from harness.domain.agent import Agent
from harness.domain.cause import profile_cause
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.settings import Profile, Settings
from harness.llm.endpoint import SETTINGS_FILE, endpoint_of
from harness.llm.extractive import ExtractiveModel
from harness.ports import ChatModel


def choose_model(
    settings: Settings,
    agent: Agent,
    job: Job,
    *,
    environ: Mapping[str, str],
    sleep: Callable[[float], Awaitable[None]],
    jitter: Callable[[], float],
) -> ChatModel:
    """Return the model of the job's profile, else of the agent's, else of the team's default.

    Raises OwnerError, with file and fix, if there is no such profile, if it lacks `base_url` or `model`, or
    if the environment variable of its key is not set. A workspace without any profile has the embedded
    extractive model.
    """
    profile = chosen_profile(settings, agent, job)
    if profile.adapter == "extractive":
        return ExtractiveModel()
    api_key = _api_key(profile, environ)
    # httpx2 costs 60 ms to import: only a run that asks a language model pays for it.
    from harness.llm.openai import OpenAIModel

    return OpenAIModel(profile, api_key=api_key, sleep=sleep, jitter=jitter)


def chosen_profile(settings: Settings, agent: Agent, job: Job) -> Profile:
    """Return the profile of the job, else of the agent, else of the settings. Raises OwnerError if it does
    not exist."""
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


def _api_key(profile: Profile, environ: Mapping[str, str]) -> str | None:
    """Return the key; a model on this machine does without one."""
    endpoint = endpoint_of(profile)
    if profile.key_env is None:
        return None
    api_key = environ.get(profile.key_env, "").strip()
    if api_key or endpoint.is_loopback:
        return api_key or None
    raise OwnerError(
        SETTINGS_FILE,
        None,
        f"profile {profile.name!r} needs a key and the environment variable {profile.key_env} is not set",
        f"export {profile.key_env}=…, or choose another profile",
        cause=profile_cause(profile.name),
        failure="auth",
    )
