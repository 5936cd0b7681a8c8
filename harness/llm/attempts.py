"""Trying a call several times, and saying what came of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

from harness.domain.errors import HarnessError
from harness.domain.message import ModelReply, ModelRequest, Spent, Usage
from harness.domain.settings import Profile
from harness.llm.backoff import wait_s
from harness.llm.endpoint import Endpoint
from harness.llm.failures import Filtered, Retry, given_up
from harness.llm.plausible import plausible_usage
from harness.llm.reply import reply_of
from harness.llm.usage import cost_usd
from harness.llm.wire import WireAnswer

LONGEST_WAIT_BEFORE_FALLBACK_S = 5.0
"""Who asks to be left alone for longer is, where a fallback can answer meanwhile."""

MOST_PAID_FAILURES = 2
"""What is paid for and comes to nothing is tried again once: set aside is only what one try may cost."""

log = logging.getLogger("harness.llm")


@dataclass(frozen=True, slots=True)
class Attempts:
    """How often a profile is asked, and how long it is left alone in between.

    `sleep` waits, `jitter` returns a number in [0, 1).
    """

    profile: Profile
    endpoint: Endpoint
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]

    async def reply(
        self, request: ModelRequest, attempt: Callable[[], Awaitable[WireAnswer | Retry | Filtered]]
    ) -> ModelReply:
        """Return what the first attempt that was answered came to, priced; a refusal is a reply too.

        Raises TransientError naming what happened and how often, and what the attempts raise. What was paid for
        tries that came to nothing is part of the reply, or told by the error.
        """
        failures: list[Retry] = []
        try:
            reply = await self._answered(request, attempt, failures)
        except HarnessError as error:
            error.paid = self._paid(failures, request)
            raise
        lost = self._paid(failures, request) or Spent()
        return replace(reply, usage=reply.usage + lost.usage, cost_usd=reply.cost_usd + lost.cost_usd)

    async def _answered(
        self,
        request: ModelRequest,
        attempt: Callable[[], Awaitable[WireAnswer | Retry | Filtered]],
        failures: list[Retry],
    ) -> ModelReply:
        while True:
            match await attempt():
                case WireAnswer() as answer:
                    return self._reply(answer, request)
                case Filtered(said):
                    return ModelReply(said, self.profile.model, finish="refused", profile=self.profile.name)
                case Retry() as failure:
                    failures.append(failure)
            if self._is_enough(failures):
                raise given_up(failures, self.profile, self.endpoint)
            await self.sleep(wait_s(len(failures), failures[-1].asked_s, self.jitter()))

    def _is_enough(self, failures: Sequence[Retry]) -> bool:
        """Say whether the profile is not asked again: also where it asks for a longer wait than another one takes to
        answer."""
        is_for_another = self.profile.fallbacks and (failures[-1].asked_s or 0.0) > LONGEST_WAIT_BEFORE_FALLBACK_S
        paid = [failure for failure in failures if failure.paid is not None]
        return bool(len(failures) >= self.profile.attempts or len(paid) >= MOST_PAID_FAILURES or is_for_another)

    def _paid(self, failures: Sequence[Retry], request: ModelRequest) -> Spent | None:
        """Return what the failures cost; None if nobody counted anything."""
        counts = [
            plausible_usage(failure.paid, request, self.profile, "", ()).usage
            for failure in failures
            if failure.paid is not None
        ]
        usage = reduce(add, counts, Usage())
        return Spent(usage, cost_usd(self.profile, usage)) if counts else None

    def _reply(self, answer: WireAnswer, request: ModelRequest) -> ModelReply:
        reply, doubts = reply_of(answer, self.profile, request)
        for doubt in doubts:
            log.warning("%s: profile %r counted %s", request.key or "a call", self.profile.name, doubt)
        return reply
