"""The network door with the grants of the moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.domain.settings import Egress
from harness.gate.egress import WebDoor
from harness.ports import Resolver, WebResponse


class GrantedWeb:
    """Asks for the grants at every request, as the person may edit them."""

    def __init__(self, grants: Callable[[], Egress], resolver: Resolver) -> None:
        self._grants = grants
        self._resolver = resolver

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
        door = WebDoor(self._grants(), self._resolver)
        return await door.get(url, max_bytes=max_bytes, timeout_s=timeout_s, headers=headers, method=method)

    async def post(
        self,
        url: str,
        body: bytes,
        *,
        max_bytes: int,
        timeout_s: float,
        headers: Mapping[str, str],
        needs_body: bool = True,
    ) -> WebResponse:
        """Send the body; see `harness.ports.Outlet`."""
        door = WebDoor(self._grants(), self._resolver)
        return await door.post(
            url, body, max_bytes=max_bytes, timeout_s=timeout_s, headers=headers, needs_body=needs_body
        )

    async def addresses(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return where the server may be reached; see `harness.ports.Outlet`."""
        return await WebDoor(self._grants(), self._resolver).addresses(host, port)
