"""The key `models` of a job file: the models that the job was made for, held against those that it would be given."""

from __future__ import annotations

from harness.domain.agent import Agent
from harness.domain.fallbacks import order_for, why_not
from harness.domain.settings import Profile, Settings
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.jobs import DeclaredJob
from harness.workspace.report import Report


def check_models(declared: DeclaredJob, agent: Agent | None, settings: Settings, report: Report) -> None:
    """Report a model that the job would refuse, and warn of the fallbacks that it leaves out.

    `agent` is None where its file cannot be read; a profile that does not exist has a finding of its own.
    """
    job = declared.job
    if not job.models or job.action is not None:
        return
    profile, provider = _configured(declared, agent, settings)
    if profile is None:
        return
    refusal = None if profile.adapter == "extractive" else why_not(profile, job)
    if refusal is not None:
        report.missing(declared.models_line, refusal, "name another profile, or correct models", provider)
        return
    for left_out in order_for(profile, settings.profiles, job).left_out:
        problem = f"its fallback {left_out.profile!r} will not be asked: {left_out.reason}"
        report.warning(declared.models_line, problem, "correct models, or let another profile stand in")


def _configured(declared: DeclaredJob, agent: Agent | None, settings: Settings) -> tuple[Profile | None, str]:
    """Return the profile that answers the job, and the file whose edit may have changed which one that is."""
    if declared.job.profile is None and agent is not None and agent.profile is not None:
        return settings.profiles.get(agent.profile), f"agents/{agent.name}/agent.toml"
    return settings.profiles.get(declared.job.profile or settings.default_profile), SETTINGS_FILE
