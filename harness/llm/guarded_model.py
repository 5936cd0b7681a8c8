"""A model whose endpoint is left alone while it does not answer."""

from __future__ import annotations

from functools import partial

from harness.domain.cause import endpoint_cause, rate_limit_cause
from harness.domain.errors import TransientError
from harness.domain.message import ModelReply, ModelRequest
from harness.gate.breakers import Breakers
from harness.ports import ChatModel


class GuardedModel:
    """Implements `ports.ChatModel` around another one, with the circuit breaker of its endpoint, `host:port`.

    Only connections that fail, timeouts and 5xx open it. A reply closes it, and so does an answer that asks
    to come back later; a wrong key or a request that is too long says nothing about the endpoint.
    """

    def __init__(self, inner: ChatModel, endpoint: str, breakers: Breakers) -> None:
        self._inner = inner
        self._endpoint = endpoint
        self._breakers = breakers

    @property
    def label(self) -> str:
        """The name of the model inside."""
        return self._inner.label

    @property
    def is_language_model(self) -> bool:
        """What the model inside says."""
        return self._inner.is_language_model

    async def complete(self, request: ModelRequest) -> ModelReply:
        """Return the answer; raises as `harness.ports.ChatModel`, TransientError also while it is left alone."""
        work = partial(self._inner.complete, request)
        return await self._breakers.call(self._endpoint, work, problem_in=partial(_problem_in, self._endpoint))


def _problem_in(endpoint: str, result: ModelReply | Exception) -> str | None:
    match result:
        case ModelReply():
            return ""
        case TransientError() if result.cause == endpoint_cause(endpoint):
            return str(result)
        case TransientError() if result.cause == rate_limit_cause(endpoint):
            return ""
        case _:
            return None
