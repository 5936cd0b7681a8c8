"""The heartbeat file: what the daemon says of itself to whoever does not trust it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Sequence
from typing import Any

from harness.store.heartbeat import SilentPart
from harness.store.state_folder import StateFolder

EVERY_S = 5.0
_FULL = (errno.ENOSPC, errno.EDQUOT)


class HeartbeatWriter:
    """Writes the file whole, so that a reader never sees half of it. `started_at` is epoch seconds.

    Two threads write: the daemon's own beat, and its watchdog, which adds what hangs to the last beat. None
    of them waits for the other.
    """

    def __init__(self, state: StateFolder, executor_id: Callable[[], str], started_at: float) -> None:
        self._state = state
        self._executor_id = executor_id
        self._started_at = started_at
        self._silent: tuple[SilentPart, ...] = ()
        self._last: dict[str, Any] | None = None

    def write(
        self,
        at: float,
        *,
        is_ready: bool,
        running: int,
        held_back: Sequence[str],
        is_draining: bool = False,
        in_flight: int = 0,
    ) -> None:
        """Write a beat of the moment `at` (epoch seconds). Raises OSError if the disk refuses."""
        self._last = {
            "pid": os.getpid(),
            "executor_id": self._executor_id(),
            "at": at,
            "started_at": self._started_at,
            "ready": is_ready,
            "draining": is_draining,
            "in_flight": in_flight,
            "running": running,
            "held_back": list(held_back),
        }
        self._replace("beat")

    def write_silent(self, silent: Sequence[SilentPart]) -> None:
        """Say from now on that these parts of the daemon do not answer. Raises OSError if the disk refuses."""
        self._silent = tuple(silent)
        if self._last is not None:
            self._replace("watchdog")

    def remove(self) -> None:
        """Take the file away: the daemon stopped because it was told to."""
        self._last = None
        self._state.heartbeat.unlink(missing_ok=True)

    def _replace(self, writer: str) -> None:
        silent = [{"part": silent.part, "since": silent.since} for silent in self._silent]
        beat = json.dumps({**(self._last or {}), "silent_parts": silent}).encode()
        temporary = self._state.heartbeat.with_suffix(f".{writer}")
        try:
            temporary.write_bytes(beat)
            temporary.replace(self._state.heartbeat)
        except OSError as error:
            if error.errno not in _FULL or not self._state.heartbeat.exists():
                raise
            temporary.unlink(missing_ok=True)
            self._write_over(beat)

    def _write_over(self, beat: bytes) -> None:
        """Write where the last beat stands, which takes no room: on a full disk the living must not look dead."""
        with self._state.heartbeat.open("r+b", buffering=0) as file:
            file.write(beat.ljust(os.fstat(file.fileno()).st_size))
