"""From queued row to running workflow: claim, commit, then start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from harness.domain.run import FireState, RunState
from harness.ports import Engine
from harness.store.database import Database
from harness.store.fires import mark_fire
from harness.store.runs import claim_runs, count_open, runs_in


class Dispatcher:
    """Claims queued runs for one executor, one per agent at a time, and starts them.

    `max_running` is asked anew each time, as the person may edit it. `ended` is to be called whenever
    a run ends, from any thread.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        *,
        owner: str,
        now: Callable[[], datetime],
        max_running: Callable[[], int],
    ) -> None:
        self._database = database
        self._engine = engine
        self._owner = owner
        self._now = now
        self._max_running = max_running
        self._changed = threading.Event()

    def dispatch(self, only: str | None = None) -> list[str]:
        """Claim what may run now and start it; return the ids. Blocks for milliseconds.

        With `only`, all other queued runs stay queued.
        """
        with self._database.read() as connection:
            if not runs_in(connection, RunState.QUEUED):
                return []
        with self._database.write() as connection:
            claimed = claim_runs(connection, self._owner, self._max_running(), self._now(), only)
            for run in claimed:
                mark_fire(connection, run.id, FireState.RUNNING, self._owner)
        for run in claimed:
            self._engine.start(run.id)
        return [run.id for run in claimed]

    def restart_claimed(self) -> list[str]:
        """Start the runs that were claimed before a crash and never reached the engine."""
        with self._database.read() as connection:
            claimed = [run for run in runs_in(connection, RunState.RUNNING) if run.owner == self._owner]
        lost = [run.id for run in claimed if self._engine.state(run.id) is None]
        for run_id in lost:
            self._engine.start(run_id)
        return lost

    def ended(self) -> None:
        """Say that a run ended: its agent is free."""
        self._changed.set()

    def wait_for_change(self, timeout_s: float) -> bool:
        """Return True as soon as a run has ended since the last call, False after the timeout."""
        happened = self._changed.wait(timeout_s)
        self._changed.clear()
        return happened

    def count_open(self) -> int:
        """Return how many runs are queued or running."""
        with self._database.read() as connection:
            return count_open(connection)
