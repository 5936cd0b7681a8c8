"""The heartbeat file: what the daemon says of itself to whoever does not trust it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.store.state_folder import StateFolder

EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class HeartbeatWriter:
    """Writes the file whole, so that a reader never sees half of it. `started_at` is epoch seconds."""

    state: StateFolder
    executor_id: Callable[[], str]
    started_at: float

    def write(self, at: float, *, is_ready: bool, running: int, held_back: Sequence[str]) -> None:
        """Write a beat of the moment `at` (epoch seconds). Raises OSError if the disk refuses."""
        beat = {
            "pid": os.getpid(),
            "executor_id": self.executor_id(),
            "at": at,
            "started_at": self.started_at,
            "ready": is_ready,
            "running": running,
            "held_back": list(held_back),
        }
        temporary = self.state.heartbeat.with_suffix(".new")
        temporary.write_text(json.dumps(beat), encoding="utf-8")
        temporary.replace(self.state.heartbeat)

    def remove(self) -> None:
        """Take the file away: the daemon stopped because it was told to."""
        self.state.heartbeat.unlink(missing_ok=True)
