"""Which model a run talks to, what its tokens cost, and the keys that nobody may read."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from functools import partial

from harness.domain.agent import Agent
from harness.domain.budget import day_budgets
from harness.domain.job import Job
from harness.domain.settings import Settings
from harness.gate.breakers import Breakers
from harness.gate.budgets import Budgets
from harness.llm.budgeted_model import BudgetedModel
from harness.llm.endpoint import endpoint_of
from harness.llm.guarded_model import GuardedModel
from harness.llm.routes import choose_model, chosen_profile
from harness.llm.usage import cost_usd
from harness.runs.services import Choice


def choice_for(
    environ: Mapping[str, str], breakers: Breakers, budgets: Budgets, settings: Settings, agent: Agent, job: Job
) -> Choice:
    """Return the model for a run of the job, held to the budgets of the day; one that fails again and again is left
    alone for a while."""
    model = choose_model(settings, agent, job, environ=environ, sleep=asyncio.sleep, jitter=random.random)
    profile = chosen_profile(settings, agent, job)
    if model.is_language_model:
        model = GuardedModel(model, endpoint_of(profile).name, breakers)
        held_to = day_budgets(settings, agent, profile)
        model = BudgetedModel(model, profile, agent.name, budgets=budgets, held_to=held_to, zone=settings.home_zone)
    return Choice(model, partial(cost_usd, profile), profile.max_output_tokens)


def secrets_in(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that must never reach a prompt, a log or a transcript."""
    named = (profile.key_env for profile in settings.profiles.values() if profile.key_env)
    return tuple(dict.fromkeys(value for name in named if (value := environ.get(name))))
