"""What others are told of the daemon's life: its watchdog, the service manager, a ping to another machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from harness.daemon.heartbeat import HeartbeatWriter
from harness.daemon.notify import ServiceManager
from harness.daemon.ping import Ping
from harness.daemon.watchdog import STALL, Patience, Stall, Watchdog, end_process
from harness.daemon.wording import local_time
from harness.store.heartbeat import Heartbeat, SilentPart
from harness.wiring.system import System

LOOP = "the daemon's event loop"
ENGINE = "the engine's event loop"
TICK = "the tick"


class VitalSigns:
    """The signs of one daemon, from `start` to `stop`. `before` is the heartbeat that an earlier life left."""

    def __init__(
        self,
        system: System,
        heart: HeartbeatWriter,
        manager: ServiceManager,
        before: Heartbeat | None,
        *,
        patience: Patience | None = None,
    ) -> None:
        self._system = system
        self._heart = heart
        self._manager = manager
        self._before = () if before is None else before.silent_parts
        self._stopwatch: Callable[[], float] = system.services.stopwatch
        self._tick_worked_at_s: float | None = None
        self._watchdog = Watchdog(
            incidents=system.incidents,
            show=self._show,
            stopwatch=self._stopwatch,
            give_up=end_process if manager.starts_again else None,
            patience=patience,
            earlier=tuple(silent.part for silent in self._before),
        )
        self.ping = Ping(
            system.services.web,
            system.incidents,
            settings=lambda: system.workspace().settings.watchdog,
            tick_age_s=self.tick_age_s,
            now=system.clock.now,
        )

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch the event loop that this is called from, the engine's, and the tick."""
        self._watchdog.ask(LOOP, loop.call_soon_threadsafe)
        self._watchdog.ask(ENGINE, self._system.engine.answer_soon)
        self._watchdog.expect(TICK, behind=LOOP)
        self._watchdog.start()

    def stop(self) -> None:
        """Watch no more: what ends does not answer."""
        self._watchdog.stop()

    def tell_of_the_last_life(self) -> None:
        """Open an incident for what had hung when the last daemon of this workspace ended."""
        zone, now = self._system.workspace().settings.home_zone, self._system.clock.now()
        for silent in self._before:
            since = local_time(datetime.fromtimestamp(silent.since, UTC), zone, now)
            message = f"the last daemon was ended while {silent.part} had not answered since {since}; its log says why"
            self._system.incidents.open(STALL + silent.part, message)

    def tick_worked(self) -> None:
        """Take note that a tick has done its work; from any thread."""
        self._tick_worked_at_s = self._stopwatch()

    def tick_ended(self) -> None:
        """Take note that a tick has ended, well or not.

        systemd hears of one that failed as well: what fails, as on a full disk, is no better after a restart.
        """
        self._watchdog.answered(TICK)
        self._manager.alive()

    def tick_age_s(self) -> float | None:
        """Return how many seconds ago the tick last did its work, None if it never has."""
        return None if self._tick_worked_at_s is None else self._stopwatch() - self._tick_worked_at_s

    def _show(self, stalls: tuple[Stall, ...]) -> None:
        now = self._system.clock.now().timestamp()
        self._heart.write_silent([SilentPart(stall.part, now - stall.silent_s) for stall in stalls])
