"""The network door for sources that are read again and again: hosts that do not answer are left alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from harness.domain.cause import endpoint_cause
from harness.domain.errors import TransientError
from harness.gate.breakers import Breakers
from harness.gate.egress import read_target
from harness.ports import Web, WebResponse


class GuardedWeb:
    """Implements `ports.Web` with a circuit breaker for each host.

    A server that answers 5xx counts as one that does not answer; one that redirects has answered.
    """

    def __init__(self, inner: Web, breakers: Breakers) -> None:
        self._inner = inner
        self._breakers = breakers

    async def get(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
    ) -> WebResponse:
        """Fetch the URL; see `harness.ports.Web`. TransientError also while the host is left alone."""
        endpoint = read_target(url).endpoint
        fetch = partial(self._inner.get, url, max_bytes=max_bytes, timeout_s=timeout_s, headers=headers, method=method)
        return await self._breakers.call(endpoint, fetch, problem_in=partial(_problem_in, endpoint))


def _problem_in(endpoint: str, result: WebResponse | Exception) -> str | None:
    match result:
        case WebResponse(status) if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"it answers {status}"
        case WebResponse():
            return ""
        case TransientError() if result.cause == endpoint_cause(endpoint):
            return str(result)
        case _:
            return None
