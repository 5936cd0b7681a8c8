"""Whether the links of a digest answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from harness.domain.errors import HarnessError
from harness.ports import Web, WebResponse

_GONE = frozenset({400, 404, 410})
_SLOW_DOWN = frozenset({429, 503})
_MAX_BYTES = 5_000_000
_FAILURES_UNTIL_HOST_IS_DOWN = 2


@dataclass(frozen=True, slots=True)
class Reach:
    """What asking for a link showed: it answers, it is gone, or (None) nobody can say; `reason` says why.

    `status` is the last HTTP status, None where there was no answer.
    """

    is_reachable: bool | None
    reason: str = ""
    status: int | None = None


async def check_links(urls: Sequence[str], web: Web, *, concurrency: int, timeout_s: float) -> Mapping[str, Reach]:
    """Ask for each link once and return what came, in the order of `urls`.

    Hosts are asked side by side, at most `concurrency` of them, the links of one host one after the
    other; a host that asks to slow down, or that twice in a row gives no answer, is not asked again.
    """
    by_host: dict[str, list[str]] = {}
    for url in dict.fromkeys(urls):
        by_host.setdefault(_host_of(url), []).append(url)
    places = asyncio.Semaphore(max(1, concurrency))
    found: dict[str, Reach] = {}

    async def ask_host(links: Sequence[str]) -> None:
        async with places:
            found.update(await _ask_host(links, web, timeout_s))

    try:
        async with asyncio.TaskGroup() as group:
            for links in by_host.values():
                group.create_task(ask_host(links))
    except ExceptionGroup as faults:
        # What a site does is a Reach. This is a fault of the harness, and its own name says which.
        raise faults.exceptions[0] from faults
    return {url: found[url] for url in dict.fromkeys(urls)}


@dataclass(slots=True)
class _Host:
    """What one host has shown so far."""

    failures: int = 0
    verdict: Reach | None = field(default=None)

    def learn(self, reach: Reach) -> None:
        self.failures = self.failures + 1 if reach.status is None else 0
        if reach.status in _SLOW_DOWN:
            self.verdict = Reach(None, f"not asked: its host answered {reach.status} before", reach.status)
        elif self.failures >= _FAILURES_UNTIL_HOST_IS_DOWN:
            self.verdict = Reach(None, f"not asked: its host gave no answer before ({reach.reason})")


async def _ask_host(links: Sequence[str], web: Web, timeout_s: float) -> dict[str, Reach]:
    host = _Host()
    found: dict[str, Reach] = {}
    for url in links:
        if host.verdict is not None:
            found[url] = host.verdict
            continue
        found[url] = await _ask(url, web, timeout_s)
        host.learn(found[url])
    return found


async def _ask(url: str, web: Web, timeout_s: float) -> Reach:
    try:
        response = await web.get(url, max_bytes=_MAX_BYTES, timeout_s=timeout_s, method="HEAD")
        # Many servers answer HEAD with an error for a page that they serve: only its good news count.
        if response.status >= 400 and response.status not in _SLOW_DOWN:
            response = await web.get(url, max_bytes=_MAX_BYTES, timeout_s=timeout_s)
    except HarnessError as error:
        return Reach(None, str(error) or "no answer")
    return _judge(response)


def _judge(response: WebResponse) -> Reach:
    status = response.status
    if status < 400:
        return Reach(True, status=status)
    return Reach(False if status in _GONE else None, f"answered {status}", status)


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return url
