"""From queued row to running workflow: claim, commit, then start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from harness.domain.run import FireState, RunState
from harness.ports import Engine
from harness.runs.nodes import Membership
from harness.store.database import Database
from harness.store.fires import mark_fire
from harness.store.runs import claim_runs, count_open, has_claimable, next_not_before, runs_in


class Dispatcher:
    """Claims queued runs for this executor, one per agent at a time, and starts them.

    `max_running` is asked anew each time, as the person may edit it. `ended` is to be called whenever
    a run ends, from any thread.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        membership: Membership,
        *,
        now: Callable[[], datetime],
        max_running: Callable[[], int],
        workflow_version: int,
    ) -> None:
        self._database = database
        self._engine = engine
        self._membership = membership
        self._now = now
        self._max_running = max_running
        self._workflow_version = workflow_version
        self._changed = threading.Event()
        self._is_closed = threading.Event()

    def dispatch(self, only: str | None = None) -> list[str]:
        """Claim what may run now and start it; return the ids. Blocks for milliseconds.

        With `only`, all other queued runs stay queued.
        """
        if self._is_closed.is_set():
            return []
        now = self._now()
        with self._database.read() as connection:
            if not has_claimable(connection, now):
                return []
        owner = self._membership.executor_id
        with self._database.write(alone=True) as connection:
            claimed = claim_runs(
                connection,
                owner,
                self._max_running(),
                now,
                only=only,
                node=self._membership.node_name,
                workflow_version=self._workflow_version,
            )
            for run in claimed:
                mark_fire(connection, run.id, FireState.RUNNING, owner)
        for run in claimed:
            self._engine.start(run.id)
        return [run.id for run in claimed]

    def close(self) -> None:
        """Claim nothing any more; what runs goes on."""
        self._is_closed.set()

    def restart_claimed(self) -> list[str]:
        """Start the runs that were claimed before a crash and never reached the engine.

        Also those that reached it by way of an executor that had lost them already, and left them there.
        """
        owner = self._membership.executor_id
        with self._database.read() as connection:
            claimed = [run for run in runs_in(connection, RunState.RUNNING) if run.owner == owner]
        lost = [run.id for run in claimed if self._engine.state(run.id) is None]
        for run_id in lost:
            self._engine.start(run_id)
        unfinished = self._engine.unfinished() if claimed else {}
        left = [run.id for run in claimed if run.id in unfinished and self._engine.take_over(run.id)]
        return [*lost, *left]

    def next_start(self) -> datetime | None:
        """Return when the next run that has to wait may begin."""
        with self._database.read() as connection:
            at = next_not_before(connection, self._now())
        return None if at is None else datetime.fromtimestamp(at, UTC)

    def ended(self) -> None:
        """Say that a run ended: its agent is free."""
        self._changed.set()

    def wait_for_change(self, timeout_s: float) -> bool:
        """Return True as soon as a run has ended since the last call, False after the timeout."""
        happened = self._changed.wait(timeout_s)
        self._changed.clear()
        return happened

    def count_open(self) -> int:
        """Return how many runs are running, or queued and not made to wait until later."""
        with self._database.read() as connection:
            return count_open(connection, self._now())
