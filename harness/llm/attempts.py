"""Trying a call several times, and saying what came of it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from harness.domain.message import ModelReply, ModelRequest
from harness.domain.settings import Profile
from harness.llm.backoff import wait_s
from harness.llm.endpoint import Endpoint
from harness.llm.failures import Filtered, Retry, given_up
from harness.llm.reply import reply_of
from harness.llm.wire import WireAnswer

LONGEST_WAIT_BEFORE_FALLBACK_S = 5.0
"""Who asks to be left alone for longer is, where a fallback can answer meanwhile."""

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

        Raises TransientError naming what happened and how often, and what the attempts raise.
        """
        failures: list[Retry] = []
        while True:
            match await attempt():
                case WireAnswer() as answer:
                    return self._reply(answer, request)
                case Filtered(said):
                    return ModelReply(said, self.profile.model, finish="refused", profile=self.profile.name)
                case Retry() as failure:
                    failures.append(failure)
            if len(failures) >= max(1, self.profile.attempts) or self._is_for_another(failures[-1]):
                raise given_up(failures, self.profile, self.endpoint)
            await self.sleep(wait_s(len(failures), failures[-1].asked_s, self.jitter()))

    def _is_for_another(self, failure: Retry) -> bool:
        """Say whether the endpoint asks for a longer wait than it takes another profile to answer."""
        return bool(self.profile.fallbacks) and (failure.asked_s or 0.0) > LONGEST_WAIT_BEFORE_FALLBACK_S

    def _reply(self, answer: WireAnswer, request: ModelRequest) -> ModelReply:
        reply, doubts = reply_of(answer, self.profile, request)
        for doubt in doubts:
            log.warning("%s: profile %r counted %s", request.key or "a call", self.profile.name, doubt)
        return reply
