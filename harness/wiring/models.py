"""Which models a run talks to, what their tokens cost, and the keys that nobody may read."""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from harness.domain.agent import Agent
from harness.domain.budget import day_budgets
from harness.domain.errors import OwnerError
from harness.domain.fallbacks import Order
from harness.domain.job import Job
from harness.domain.message import Usage
from harness.domain.settings import Profile, Settings
from harness.gate.breakers import Breakers
from harness.gate.budgets import Budgets
from harness.llm.adapters import AdapterContext, endpoint_asked, open_model
from harness.llm.budgeted_model import BudgetedModel
from harness.llm.connections import Connections
from harness.llm.cool_downs import CoolDowns
from harness.llm.extractive import ExtractiveModel
from harness.llm.fallback import Candidate, FallbackModel
from harness.llm.guarded_model import GuardedModel
from harness.llm.routes import order_of
from harness.llm.run_limited_model import RunLimitedModel, SpentInRun
from harness.llm.unusable_model import UnusableModel
from harness.llm.usage import most_usd
from harness.ports import ChatModel
from harness.runs.services import Choice

StandIn = Callable[[Job], ChatModel | None]
"""Returns what answers for the job in place of the embedded default, if anything does."""


def no_stand_in(job: Job) -> ChatModel | None:
    """Leave every job that has no language model to the embedded default."""
    return None


@dataclass(frozen=True, slots=True)
class Models:
    """What models are asked through: the keys, the connections that are kept open, and what is remembered of endpoints,
    profiles and budgets. `stand_in` is for jobs without a language model."""

    environ: Mapping[str, str]
    root: Path
    breakers: Breakers
    budgets: Budgets
    cool_downs: CoolDowns
    spent_in_run: SpentInRun
    stand_in: StandIn = no_stand_in
    connections: Connections = field(default_factory=Connections)

    def choice(self, settings: Settings, agent: Agent, job: Job) -> Choice:
        """Return the models for a run of the job, in the order in which they are asked, held to the day's budgets.

        Raises OwnerError if there is no such profile, if the job was not made for its model, or if not one of the
        profiles can be asked at all.
        """
        order = order_of(settings, agent, job)
        if order.first.adapter == "extractive":
            model = self.stand_in(job)
            if model is not None:
                order = Order((Profile(model.label, "scripted"),))
            return Choice(model or ExtractiveModel(), lambda usage: 0.0, order.first.max_output_tokens, order)
        # Nobody stands behind the last one: it is worth waiting for.
        asked = [*order.profiles[:-1], replace(order.profiles[-1], fallbacks=())]
        candidates = [self._candidate(profile, settings, agent, job.id) for profile in asked]
        if all(isinstance(one.model, UnusableModel) for one in candidates):
            open_model(order.first, self._context())  # raises what is wrong with it
        model = FallbackModel(candidates, self.cool_downs, settings.profiles)
        return Choice(model, partial(dearest_usd, order.profiles), order.first.max_output_tokens, order)

    def _context(self) -> AdapterContext:
        return AdapterContext(self.environ, self.root, asyncio.sleep, random.random, self.connections)

    def _candidate(self, profile: Profile, settings: Settings, agent: Agent, job_id: str) -> Candidate:
        fingerprint = fingerprint_of(settings.profiles.get(profile.name, profile), self.environ)
        try:
            model = self._guarded(profile)
        except OwnerError as error:
            return Candidate(profile, UnusableModel(profile.model, error), fingerprint)
        if model.is_language_model:
            held_to = day_budgets(settings, agent, profile)
            zone = settings.home_zone
            model = BudgetedModel(
                model, profile, job_id, budgets=self.budgets, held_to=held_to, zone=zone, sleep=asyncio.sleep
            )
            model = RunLimitedModel(model, profile, self.spent_in_run)
        return Candidate(profile, model, fingerprint)

    def _guarded(self, profile: Profile) -> ChatModel:
        """Return the profile's model; one whose endpoint fails again and again is left alone for a while."""
        model = open_model(profile, self._context())
        endpoint = endpoint_asked(profile)
        return model if endpoint is None else GuardedModel(model, endpoint.name, self.breakers)


def dearest_usd(profiles: Sequence[Profile], usage: Usage) -> float:
    """Return what the usage costs at most: with the dearest of the profiles that may answer.

    Who answers in the end makes no difference: a replay must come to the same.
    """
    return max(
        most_usd(profile, Usage(usage.input_tokens, 0, min(usage.output_tokens, profile.max_output_tokens)))
        for profile in profiles
    )


def secrets_in(settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values that must never reach a prompt, a log or a transcript."""
    of_profiles = (profile.key_env for profile in settings.profiles.values() if profile.key_env)
    of_search = (settings.search.key_env,) if settings.search.key_env else ()
    of_channels = (name for channel in settings.channels.values() for name in channel.secret_names)
    named = (*of_profiles, *of_search, *of_channels)
    # What puts a secret into the environment often leaves a line break at its end, which is no part of it.
    values = (environ.get(name, "").strip() for name in named)
    # Whoever knows the address of a calendar can read it, and there is no variable for it: it stands in a file.
    addresses = (calendar.place for calendar in settings.calendars if "://" in calendar.place)
    return tuple(dict.fromkeys(value for value in (*values, *addresses) if value))


def fingerprint_of(profile: Profile, environ: Mapping[str, str]) -> str:
    """Return what changes when the person corrects the profile or its key."""
    key = environ.get(profile.key_env or "", "")
    return hashlib.sha256(f"{profile!r} {key}".encode()).hexdigest()[:16]
