"""Whether the network is there: which hosts answered while one run collected, and which did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.domain.cause import NETWORK, endpoint_cause
from harness.domain.errors import TransientError
from harness.gate.egress import read_target
from harness.ports import Web, WebResponse

OFFLINE_FROM_HOSTS = 3
"""Fewer hosts than that can all be down at once while the network is up."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The endpoints, `host:port`, that answered anything at all, and the causes of those that did not."""

    answered: frozenset[str] = frozenset()
    unanswered: frozenset[str] = frozenset()

    @property
    def cause(self) -> str | None:
        """What failed, if nobody answered: the network, or the one host that was asked."""
        if self.answered:
            return None
        if len(self.unanswered) >= OFFLINE_FROM_HOSTS:
            return NETWORK
        return next(iter(self.unanswered)) if len(self.unanswered) == 1 else None


class WatchedWeb:
    """Implements `ports.Web` and remembers who answered; for one run, on one event loop."""

    def __init__(self, inner: Web) -> None:
        self._inner = inner
        self._answered: set[str] = set()
        self._unanswered: set[str] = set()

    @property
    def reach(self) -> Reach:
        """Return who answered so far; whoever did once counts as there."""
        silent = self._unanswered - {endpoint_cause(endpoint) for endpoint in self._answered}
        return Reach(frozenset(self._answered), frozenset(silent))

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        """Fetch the URL; see `harness.ports.Web`."""
        try:
            response = await self._inner.get(
                url, max_bytes=max_bytes, timeout_s=timeout_s, headers=headers, method=method
            )
        except TransientError as error:
            if error.cause is not None:
                self._unanswered.add(error.cause)
            raise
        self._answered.add(read_target(url).endpoint)
        return response
