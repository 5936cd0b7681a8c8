"""A sign of life for a service on another machine, which raises the alarm when it stops coming.

Sent only while the tick really works: a process that is there and plans nothing must not look alive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from harness.domain.errors import HarnessError, LimitReached
from harness.domain.settings import Watchdog
from harness.ports import Incidents, Web

CAUSE = "watchdog ping"
TICK_COUNTS_FOR_S = 30.0
TIMEOUT_S = 10.0
FAILURES_TOLD = 3
_MAX_BYTES = 100_000


class Ping:
    """Fetches the address that the settings name; `send_if_due` is to be called every few seconds.

    `tick_age_s` says how long ago the tick last succeeded, None if it never has.
    """

    def __init__(
        self,
        web: Web,
        incidents: Incidents,
        *,
        settings: Callable[[], Watchdog],
        tick_age_s: Callable[[], float | None],
        now: Callable[[], datetime],
    ) -> None:
        self._web = web
        self._incidents = incidents
        self._settings = settings
        self._tick_age_s = tick_age_s
        self._now = now
        self._sent_at: datetime | None = None
        self._failures = 0
        self._may_be_open = True

    async def send_if_due(self) -> bool:
        """Fetch the address if it is time to and the tick works; return whether it was fetched.

        Raises TransientError or OwnerError if an incident cannot be written down.
        """
        settings, now = self._settings(), self._now()
        if settings.ping_url is None:
            await self._succeeded()  # nobody is left whom a failure would concern
            return False
        if not is_due(self._sent_at, now, settings.every_s) or not works(self._tick_age_s()):
            return False
        self._sent_at = now
        problem = await self._fetch(settings.ping_url)
        if problem is None:
            await self._succeeded()
        else:
            await self._failed(settings.ping_url, problem)
        return True

    async def _fetch(self, url: str) -> str | None:
        """Return what went wrong, if anything."""
        try:
            answer = await self._web.get(url, max_bytes=_MAX_BYTES, timeout_s=TIMEOUT_S)
        except LimitReached:
            return None  # it has answered, at length
        except HarnessError as error:
            return str(error)
        return f"it answered {answer.status}" if answer.status >= 400 else None

    async def _failed(self, url: str, problem: str) -> None:
        self._failures += 1
        if self._failures >= FAILURES_TOLD:
            self._may_be_open = True
            await asyncio.to_thread(self._incidents.open, CAUSE, failure_in_words(url, self._failures, problem))

    async def _succeeded(self) -> None:
        self._failures = 0
        if self._may_be_open:
            await asyncio.to_thread(self._incidents.resolve, CAUSE)
            self._may_be_open = False


def is_due(sent_at: datetime | None, now: datetime, every_s: float) -> bool:
    """Say whether the next ping has to go; one sent in the future was sent before the clock was set back."""
    return sent_at is None or not 0 <= (now - sent_at).total_seconds() < every_s


def works(tick_age_s: float | None) -> bool:
    """Say whether the tick works that last succeeded so long ago."""
    return tick_age_s is not None and tick_age_s < TICK_COUNTS_FOR_S


def failure_in_words(url: str, failures: int, problem: str) -> str:
    """Return what the person is told; of the address its host alone, as the rest of it is a secret."""
    return f"the ping to {urlsplit(url).hostname} has failed {failures} times in a row: {problem}"
