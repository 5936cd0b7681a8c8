"""A model of which one run may use only so much."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from harness.domain.budget import Amount, BudgetReached, DayBudget
from harness.domain.message import ModelReply, ModelRequest
from harness.domain.run import BudgetSpent
from harness.domain.settings import Profile
from harness.llm.budgeted_model import most_of
from harness.ports import ChatModel
from harness.store.database import Database
from harness.store.usage import spent_in_run

SpentInRun = Callable[[str, str], Amount]
"""Returns what a run has used of a profile."""


class RunLimitReached(BudgetReached):
    """What one run may use of a profile has no room for the call."""

    def __init__(self, profile: Profile, stop: BudgetSpent) -> None:
        super().__init__(replace(stop, whose=""))
        unit = "dollars" if stop.unit == "usd" else "tokens"
        self.reason = f"this run has used {stop.spent:g} of its {stop.limit:g} {unit} of profile {profile.name!r}"


class RunLimitedModel:
    """Implements `ports.ChatModel` around the model of one profile, with the limits that it sets for one run."""

    def __init__(self, inner: ChatModel, profile: Profile, spent: SpentInRun) -> None:
        self._inner = inner
        self._profile = profile
        self._spent = spent
        self._limit = DayBudget("profile", profile.name, profile.run_budget_usd, profile.run_budget_tokens)

    @property
    def label(self) -> str:
        """The name of the model inside."""
        return self._inner.label

    @property
    def is_language_model(self) -> bool:
        """What the model inside says."""
        return self._inner.is_language_model

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer; raises as `harness.ports.ChatModel`, and RunLimitReached where a limit has no room.

        A call outside of a run is held to no limit of runs.
        """
        is_limited = self._limit.usd is not None or self._limit.tokens is not None
        if request.key and is_limited:
            run_id = request.key.rpartition("/")[0]
            used = await asyncio.to_thread(self._spent, run_id, self._profile.name)
            stop = self._limit.stop(used, most_of(self._profile, request))
            if stop is not None:
                raise RunLimitReached(self._profile, stop)
        return await self._inner.complete(request)


def spent_in_run_of(database: Database, run_id: str, profile: str) -> Amount:
    """Return what the run has used of the profile, those included whose conversation it goes on with."""
    with database.read() as connection:
        return spent_in_run(connection, run_id, profile)
