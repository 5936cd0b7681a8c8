"""How the daemon ends: told once, it lets the runs in flight end; told again, it stops at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from harness.domain.sizes import counted

_LOOK_EVERY_S = 1.0


class Stopping:
    """What the daemon was told, by signals and by `harness down`; to be used on its event loop."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.urgent = asyncio.Event()

    def ask(self) -> None:
        """Ask it to stop; whoever asks again means at once."""
        if self.asked.is_set():
            self.urgent.set()
        self.asked.set()


async def let_runs_end(
    count: Callable[[], Awaitable[int]],
    *,
    within_s: float,
    changed: asyncio.Event,
    urgent: asyncio.Event,
    tell: Callable[[int], None],
) -> int:
    """Wait until no run is in flight any more, at most `within_s`, and return how many are.

    `changed` is set whenever a run ends. `tell` is called with the number in flight if there is anything to
    wait for. Returns at once when it is `urgent`.
    """
    left = await count()
    if not left or within_s <= 0 or urgent.is_set():
        return left
    tell(left)
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while left and not urgent.is_set():
                changed.clear()
                left = await count()
                if left:
                    await _first_of(changed, urgent)
    return left


async def _first_of(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        # Also looked at without news: what ends outside this process wakes nobody here.
        await asyncio.wait(waits, timeout=_LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def drain_line(left: int, within_s: float) -> str:
    """Return what is said when the daemon begins to stop."""
    return f"draining: {counted(left, 'run')} in flight, at most {within_s:g} s (again to stop at once)"


def stop_line(left: int) -> str:
    """Return what is said when it stops with so many runs in flight."""
    if not left:
        return "stopping"
    return f"stopping; {counted(left, 'run')} in flight {'goes' if left == 1 else 'go'} on at the next start"
