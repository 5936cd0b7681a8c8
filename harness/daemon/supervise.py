"""The daemon's supervisor: whatever fails beside the runs is told, and ends nothing else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Literal, TypeVar

from harness.domain.cause import DISK, is_disk_trouble
from harness.domain.errors import HarnessError
from harness.ports import Incidents

T = TypeVar("T")

OUTAGE = "database"
"""The cause of the incident that a database was out of reach; written down when it is over."""

log = logging.getLogger("harness.daemon")


class Supervisor:
    """Does blocking work off the event loop and keeps its failures from spreading.

    A failure is logged and is an incident named after the work, until the work succeeds again.
    """

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents
        self._failing: set[str] = set()
        self._resolved: set[str] = set()
        self._untold: tuple[str, str] | None = None
        self._suffering: set[str] = set()
        self._has_recovered = False
        self._tasks: set[asyncio.Task[Any]] = set()

    async def guarded(self, name: str, work: Callable[[], T]) -> T | None:
        """Return what the blocking work returns, or None if it failed."""
        return await self.watched(name, partial(asyncio.to_thread, work))

    async def watched(self, name: str, work: Callable[[], Awaitable[T]]) -> T | None:
        """Return what the work returns, which waits on the event loop, or None if it failed."""
        cause = f"daemon {name}"
        try:
            result = await work()
        except Exception as error:
            is_ours = isinstance(error, HarnessError | OSError)
            message = str(error) if is_ours else f"{type(error).__name__}: {error}"
            log.error("%s failed: %s", name, message, exc_info=not is_ours)
            self._failing.add(cause)
            self._resolved.discard(cause)
            told = self._told_as(cause, error)
            try:
                await asyncio.to_thread(self._incidents.open, told, message)
            except HarnessError:
                # The database is what is broken: until it works again the log has to do.
                self._untold = self._untold or (DISK if told == DISK else OUTAGE, message)
            return None
        self._recover(cause)
        await self._tell_of_outage()
        if cause in self._failing:
            self._failing.discard(cause)
            log.warning("%s works again", name)
        if cause not in self._resolved:
            await self._resolve(cause)
        return result

    def disk_trouble(self) -> Literal["now", "over", "none"]:
        """Say whether work fails because of a disk, or has done so since this was last asked."""
        if self._suffering:
            return "now"
        has_recovered, self._has_recovered = self._has_recovered, False
        return "over" if has_recovered else "none"

    def _told_as(self, cause: str, error: Exception) -> str:
        """Return the key of the incident: whatever suffers from a disk is one, which its watch closes."""
        if not is_disk_trouble(error):
            self._recover(cause)
            return cause
        self._suffering.add(cause)
        return DISK

    def _recover(self, cause: str) -> None:
        if cause in self._suffering:
            self._suffering.discard(cause)
            self._has_recovered = True

    async def _resolve(self, cause: str) -> None:
        """Close the incident of work that succeeds, be it one that an earlier life of the daemon left open."""
        try:
            await asyncio.to_thread(self._incidents.resolve, cause)
        except HarnessError as error:
            log.warning("the incident %r cannot be closed yet: %s", cause, error)  # the next success tries it again
        else:
            self._resolved.add(cause)

    async def _tell_of_outage(self) -> None:
        """Write down, when it can be written again, that nothing could be for a while."""
        if self._untold is None:
            return
        # Taken before anything is awaited, so that two who succeed at the same moment do not tell it twice.
        untold, self._untold = self._untold, None
        cause, message = untold
        try:
            await asyncio.to_thread(self._incidents.open, cause, f"for a while nothing could be recorded: {message}")
        except HarnessError:
            # What has succeeded needs no database, which is still away: the next success tells it.
            self._untold = self._untold or untold
            return
        if cause == OUTAGE:
            with suppress(HarnessError):
                await asyncio.to_thread(self._incidents.resolve, cause)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Own a task until it ends or the supervisor closes."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel what is still at work and wait for it."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Pulse:
    """Wakes everybody who waits for the next beat; may be given from any thread of the process."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._next = asyncio.Event()

    def give(self) -> None:
        """Wake all who wait now."""
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._give)

    async def wait(self, timeout_s: float) -> None:
        """Return at the next beat, or after the timeout."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._next.wait(), timeout_s)

    def _give(self) -> None:
        self._next.set()
        self._next = asyncio.Event()
