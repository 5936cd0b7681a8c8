"""A clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(eq=False, slots=True)
class _Sleeper:
    moment: datetime
    loop: asyncio.AbstractEventLoop
    woken: asyncio.Future[None]

    def wake(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self._set_woken)
        except RuntimeError:
            # A loop that was closed with its sleeper still inside has nobody left to wake.
            if not self.loop.is_closed():
                raise

    def _set_woken(self) -> None:
        if not self.woken.done():
            self.woken.set_result(None)


class VirtualClock:
    """Time that passes only when somebody says so; a `ports.Clock` for tests and rehearsals.

    Any thread may read and move it; it wakes sleepers of every event loop. Moments are aware and are
    kept in UTC; a naive one raises ValueError. `longest_wait_s` is real time: a sleeper looks up after
    at most that long, as the port promises, whether or not its moment has come.
    """

    def __init__(self, start: datetime, *, longest_wait_s: float = 1.0) -> None:
        self._now = _as_utc(start)
        self._longest_wait_s = longest_wait_s
        self._lock = threading.Lock()
        self._sleepers: set[_Sleeper] = set()

    def now(self) -> datetime:
        """Return the moment to which the clock was last moved, aware UTC."""
        with self._lock:
            return self._now

    async def sleep_until(self, moment: datetime) -> None:
        """Return when the clock has been moved to `moment`, or after `longest_wait_s` of real time."""
        loop = asyncio.get_running_loop()
        sleeper = _Sleeper(_as_utc(moment), loop, loop.create_future())
        with self._lock:
            is_past = sleeper.moment <= self._now
            if not is_past:
                self._sleepers.add(sleeper)
        if is_past:
            await asyncio.sleep(0)  # a loop that is always late must still let others run
            return
        try:
            await asyncio.wait([sleeper.woken], timeout=self._longest_wait_s)
        finally:
            with self._lock:
                self._sleepers.discard(sleeper)

    def advance(self, seconds: float) -> None:
        """Move the clock forward by that many seconds. Raises ValueError if they are negative."""
        with self._lock:
            self._move(self._now + timedelta(seconds=seconds))

    def advance_to(self, moment: datetime) -> None:
        """Move the clock forward to `moment`. Raises ValueError if that is in its past."""
        with self._lock:
            self._move(_as_utc(moment))

    def jump_to(self, moment: datetime) -> None:
        """Set the clock to `moment`, also backwards: a wall clock that was corrected."""
        with self._lock:
            self._set(_as_utc(moment))

    def _move(self, moment: datetime) -> None:
        if moment < self._now:
            raise ValueError(f"the clock stands at {self._now.isoformat()}, {moment.isoformat()} is in its past")
        self._set(moment)

    def _set(self, moment: datetime) -> None:
        self._now = moment
        for sleeper in self._sleepers:
            if sleeper.moment <= moment:
                sleeper.wake()


def _as_utc(moment: datetime) -> datetime:
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; the clock keeps aware moments only")
    return moment.astimezone(UTC)
