"""A model that is only asked what the day's budgets have room for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from harness.domain.budget import Amount, BudgetReached, DayBudget
from harness.domain.errors import HarnessError
from harness.domain.message import ModelReply, ModelRequest, Spent, Usage
from harness.domain.settings import Profile
from harness.domain.tokens import estimate_request_tokens
from harness.gate.budgets import Budgets
from harness.llm.usage import most_usd
from harness.ports import ChatModel
from harness.store.usage import BookedCall, ReservedCall

_TRIES, _PAUSE_S = 60, 1.0
"""So often, and so many seconds apart, it is looked whether the calls in flight have left room."""


class BudgetedModel:
    """Implements `ports.ChatModel` around the model of one profile.

    `held_to` are the budgets of the day that a call of the job is held to, `zone` says when their day begins. `sleep`
    waits so many seconds.
    """

    def __init__(
        self,
        inner: ChatModel,
        profile: Profile,
        job_id: str,
        *,
        budgets: Budgets,
        held_to: Sequence[DayBudget],
        zone: str,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._inner = inner
        self._profile = profile
        self._job_id = job_id
        self._budgets = budgets
        self._zone = zone
        self._sleep = sleep
        # Where a call costs nothing, only a budget of tokens can come to its end.
        self._held_to = tuple(budget for budget in held_to if profile.is_paid or budget.tokens is not None)

    @property
    def label(self) -> str:
        """The name of the model inside."""
        return self._inner.label

    @property
    def is_language_model(self) -> bool:
        """What the model inside says."""
        return self._inner.is_language_model

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer; raises as `harness.ports.ChatModel`, and BudgetReached where a budget has no room.

        What is set aside stays so until the answer is booked, also over a crash; then the call's next try takes its
        place. A call that was broken off may have been paid for: what was set aside for it stays until its run ends.
        What was paid for a call that failed is booked here: nobody else learns which profile it was.
        """
        if not request.key:
            return await self._inner.complete(request)
        call = self._call(request)
        if self._held_to:
            await self._reserve(call)
        try:
            return await self._inner.complete(request)
        except Exception as error:
            paid = error.paid if isinstance(error, HarnessError) else None
            if paid is not None:
                await asyncio.to_thread(self._budgets.book_lost, self._lost(call, paid))
            if self._held_to:
                await asyncio.to_thread(self._budgets.give_back, call.run_id, call.call_id)
            raise

    async def _reserve(self, call: ReservedCall) -> None:
        """Set aside what the call may use; where only calls in flight stand in the way, wait a while for them."""
        for tries_left in reversed(range(_TRIES)):
            try:
                await asyncio.to_thread(self._budgets.reserve, call, self._held_to, self._zone)
                break
            except BudgetReached as error:
                if not error.is_for_now or not tries_left:
                    raise
            await self._sleep(_PAUSE_S)

    def _lost(self, call: ReservedCall, paid: Spent) -> BookedCall:
        profile = self._profile
        return BookedCall(
            call.run_id, call.call_id, self._job_id, profile.name, profile.model, paid.usage, paid.cost_usd
        )

    def _call(self, request: ModelRequest) -> ReservedCall:
        run_id, _, call_id = request.key.rpartition("/")
        most = most_of(self._profile, request)
        return ReservedCall(run_id, call_id, self._job_id.partition("/")[0], self._profile.name, most)


def most_of(profile: Profile, request: ModelRequest) -> Amount:
    """Return what a call to the profile may use at most."""
    coming = Usage(estimate_request_tokens(request.messages, request.tools), 0, request.max_output_tokens)
    return Amount(most_usd(profile, coming), coming.input_tokens + coming.output_tokens)
