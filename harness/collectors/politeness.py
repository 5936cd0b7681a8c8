"""Hosts are asked by few at a time and not too quickly, whoever of the team asks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import urlsplit

_OWN_MACHINE = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a host is asked: at most `at_once` requests at a time, begun at least `pause_s` seconds apart."""

    at_once: int
    pause_s: float


UNHURRIED = Pace(100, 0.0)

PACES: Mapping[str, Pace] = MappingProxyType({"export.arxiv.org": Pace(1, 3.0)})
"""Hosts that say how they want to be asked: arXiv allows one connection, and a request every three seconds."""


class HostTurns:
    """Lets requests to each host through at its pace, in the order in which they came.

    All that share one of these wait for each other, also on different event loops. `sleep` waits the seconds that
    it is given, `monotonic` tells the time that passes meanwhile.
    """

    def __init__(
        self,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def take(self, url: str, pace: Pace) -> AsyncIterator[None]:
        """Wait for the turn of a request to the URL's host; it lasts as long as the block.

        The person's own machine needs no politeness.
        """
        async with self.hold(host_of(url), UNHURRIED if is_own_machine(url) else pace):
            yield

    @asynccontextmanager
    async def hold(self, name: str, pace: Pace) -> AsyncIterator[None]:
        """Wait for the turn under this name; it lasts as long as the block."""
        with self._lock:
            host = self._hosts.setdefault(name, _Host())
        await self._enter(host, pace.at_once)
        try:
            with self._lock:
                now = self._monotonic()
                begins_at = now if host.begun_at is None else max(now, host.begun_at + pace.pause_s)
                # Written down before the wait: the next one then waits from this one's beginning.
                host.begun_at = begins_at
            if begins_at > now:
                await self._sleep(begins_at - now)
            yield
        finally:
            self._leave(host)

    async def _enter(self, host: _Host, at_once: int) -> None:
        with self._lock:
            host.at_once = at_once
            if host.under_way < at_once and not host.waiting:
                host.under_way += 1
                return
            place = _Place(asyncio.get_running_loop())
            host.waiting.append(place)
        try:
            await place.given
        except asyncio.CancelledError:
            with self._lock:
                is_given = place not in host.waiting
                if not is_given:
                    host.waiting.remove(place)
            if is_given:
                self._leave(host)
            raise

    def _leave(self, host: _Host) -> None:
        with self._lock:
            host.under_way -= 1
            while host.waiting and host.under_way < host.at_once:
                place = host.waiting.popleft()
                if place.give():
                    host.under_way += 1


@dataclass(slots=True)
class _Host:
    """How many requests are under way, when the last one began, and who waits."""

    at_once: int = 1
    under_way: int = 0
    begun_at: float | None = None
    waiting: deque[_Place] = field(default_factory=deque)


class _Place:
    """One who waits for its turn, on the event loop that is its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.given: asyncio.Future[None] = loop.create_future()

    def give(self) -> bool:
        """Wake the one who waits; False if its loop has been closed over it."""
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            return False
        return True

    def _wake(self) -> None:
        if not self.given.done():
            self.given.set_result(None)


def is_own_machine(url: str) -> bool:
    """Return whether the URL names the machine on which this runs."""
    return host_of(url) in _OWN_MACHINE


def host_of(url: str) -> str:
    """Return the URL's host in small letters and without a final dot, empty if it has none."""
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""


def origin_of(url: str) -> str:
    """Return scheme, host and port of the URL, as robots.txt applies to them; empty if it is none."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
    except ValueError:
        return ""
    if ":" in host:
        host = f"[{host}]"
    return f"{parts.scheme.lower()}://{host}" + (f":{port}" if port else "") if host else ""
