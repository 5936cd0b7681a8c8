"""Which models answer an agent or a job: in words for the person, and as a document with stable keys."""

from __future__ import annotations

from typing import Any

from harness.domain.agent import Agent
from harness.domain.errors import OwnerError
from harness.domain.fallbacks import Order, order_for, why_not
from harness.domain.job import Job
from harness.domain.settings import Profile, Settings
from harness.llm.routes import chosen_profile

_ANY_JOB = Job("", "", "", (), "UTC")


def model_json(settings: Settings, agent: Agent, job: Job = _ANY_JOB) -> dict[str, Any]:
    """Return the effective profile, its model, who stands in for it, and what is wrong with that, if anything.

    A job that needs no model has none.
    """
    order, problem = (None, None) if job.action else _order(settings, agent, job)
    return {
        "effective_profile": None if order is None else order.first.name,
        "model": None if order is None else _model(order.first),
        "fallbacks": [] if order is None else list(order.names[1:]),
        "left_out": {} if order is None else {one.profile: one.reason for one in order.left_out},
        "model_problem": problem,
    }


def model_words(settings: Settings, agent: Agent, job: Job = _ANY_JOB) -> str:
    """Return `claude-sonnet-4-5 (profile best), then gpt-5-mini (cheap)`, with what is wrong with it."""
    order, problem = _order(settings, agent, job)
    if order is None:
        return problem or ""
    first, *others = order.profiles
    words = f"{_model(first)} (profile {first.name})"
    if others:
        words += ", then " + ", ".join(f"{_model(other)} ({other.name})" for other in others)
    reasons = [f"{one.profile} is left out: {one.reason}" for one in order.left_out]
    return "; ".join([words, *reasons, *([f"refused: {problem}"] if problem else [])])


def _order(settings: Settings, agent: Agent, job: Job) -> tuple[Order | None, str | None]:
    try:
        first = chosen_profile(settings, agent, job)
    except OwnerError as error:
        return None, f"{error.problem}; {error.fix}"
    refusal = None if first.adapter == "extractive" else why_not(first, job)
    return order_for(first, settings.profiles, job), refusal


def _model(profile: Profile) -> str:
    return "extractive, no model" if profile.adapter == "extractive" else profile.model or profile.adapter
