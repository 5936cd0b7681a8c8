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


def check_room(declared: DeclaredJob, agent: Agent | None, settings: Settings, report: Report) -> None:
    """Warn of a job whose budget has no room for a single answer of the dearest model that may answer it."""
    job = declared.job
    profile, _ = _configured(declared, agent, settings)
    if job.budget_usd is None or job.action is not None or profile is None:
        return
    answer_tokens = profile.max_output_tokens
    costs = {
        one.name: min(answer_tokens, one.max_output_tokens) * one.output_usd_per_mtok / 1_000_000
        for one in order_for(profile, settings.profiles, job).profiles
    }
    dearest = max(costs, key=lambda name: costs[name])
    if costs[dearest] > job.budget_usd:
        whose = "" if dearest == profile.name else f", which may answer in place of {profile.name!r}"
        problem = (
            f"its budget of ${job.budget_usd:g} a run has no room for one answer of profile {dearest!r}{whose}: "
            f"at most ${costs[dearest]:.2g}, so no model is ever asked"
        )
        report.warning(declared.budget_line, problem, "raise it, or lower max_output_tokens of that profile")


def _configured(declared: DeclaredJob, agent: Agent | None, settings: Settings) -> tuple[Profile | None, str]:
    """Return the profile that answers the job, and the file whose edit may have changed which one that is."""
    if declared.job.profile is None and agent is not None and agent.profile is not None:
        return settings.profiles.get(agent.profile), f"agents/{agent.name}/agent.toml"
    return settings.profiles.get(declared.job.profile or settings.default_profile), SETTINGS_FILE
