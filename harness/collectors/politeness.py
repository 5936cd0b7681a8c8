"""Hosts that ask not to be hurried are asked one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from urllib.parse import urlsplit

PAUSES_S: Mapping[str, float] = MappingProxyType({"export.arxiv.org": 3.0})
"""Seconds between two requests, for hosts that ask for it: arXiv allows one connection, and a request every 3 s."""


class HostTurns:
    """Lets one request at a time through to each host of `pauses_s`, with that pause after the one before.

    Requests to other hosts, such as those of tests and of the sample world, pass at once. `sleep` waits the
    seconds it is given. Belongs to one event loop.
    """

    def __init__(
        self, pauses_s: Mapping[str, float] = PAUSES_S, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._pauses_s = pauses_s
        self._sleep = sleep
        self._turns = {host: asyncio.Lock() for host in pauses_s}
        self._asked: set[str] = set()

    @asynccontextmanager
    async def take(self, url: str) -> AsyncIterator[None]:
        """Wait for the turn of a request to the URL; it lasts as long as the block."""
        host = _host_of(url)
        if host not in self._pauses_s:
            yield
            return
        async with self._turns[host]:
            if host in self._asked:
                await self._sleep(self._pauses_s[host])
            self._asked.add(host)
            yield


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""
