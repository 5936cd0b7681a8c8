"""The reconciler: closes what can no longer finish, so that no fire stays open for ever."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from harness.domain.errors import HarnessError, TransientError
from harness.domain.run import Fire, FireState, Outcome, RunState
from harness.ports import Engine
from harness.runs.answer import Again
from harness.runs.attempts import begin_again
from harness.runs.broken_off import BrokenOff
from harness.runs.closing import close
from harness.runs.nodes import Membership
from harness.runs.stalled import StalledRuns
from harness.store.database import Database
from harness.store.fires import fire_at, open_fires
from harness.store.nodes import all_nodes
from harness.store.outbox import deliveries_of_run
from harness.store.runs import RunRow, end_run, queued_runs, run_by_id
from harness.store.suspensions import is_suspended_for, waiting_runs

STALLED_AFTER = timedelta(seconds=60)
"""A resumed run is picked up within seconds; one that nobody works on for longer never will be."""

log = logging.getLogger("harness.runs")

_CANCELLED = "the run was cancelled"
_REASONS = {
    "ended": "the run ended without closing its fire",
    "failed": "the run broke off with an error",
    "cancelled": _CANCELLED,
    "stranded": "the run belongs to another version of the harness, or was recovered too often",
}
_STEPS_WITH_EFFECTS = frozenset({"tool", "act", "publish", "deliver"})


class Reconciler:
    """Looks at every open fire, again and again, for one executor.

    What another executor holds that is alive is that one's to judge. What one holds that is gone is taken
    over by `nodes`; here it is closed if nobody can.
    """

    def __init__(
        self,
        database: Database,
        engine: Engine,
        membership: Membership,
        *,
        workflow_version: int,
        broken_off: BrokenOff | None = None,
        stalled: StalledRuns | None = None,
    ) -> None:
        self._database = database
        self._engine = engine
        self._membership = membership
        self._workflow_version = workflow_version
        self._broken_off = broken_off or BrokenOff()
        self._stalled = stalled
        self._idle_since: dict[str, datetime] = {}

    def reconcile(self, now: datetime) -> list[str]:
        """Close every open fire whose run is gone, terminal, stranded or stalled; return the runs' ids.

        Each one but the cancelled is closed as `failed` and opens an incident. What is closed is never
        resumed: it could deliver when its fire is long told as failed. A run that an older version had begun
        and that has had no effect yet is begun anew instead.
        Raises HarnessError for the first that cannot be closed, when all others are.
        """
        with self._database.read() as connection:
            # What waits in the queue, or for the answers to its requests, is in order: nothing is read of it.
            in_order = queued_runs(connection) | waiting_runs(connection)
            fires = [fire for fire in open_fires(connection) if fire.run_id not in in_order]
            alive = {node.executor_id: node.workflow_version for node in all_nodes(connection) if node.is_here}
        self._idle_since = {
            fire.run_id: self._idle_since[fire.run_id] for fire in fires if fire.run_id in self._idle_since
        }
        if self._stalled is not None:
            self._stalled.forget_all_but({fire.run_id for fire in fires if fire.run_id is not None})
        self._end_what_is_closed(alive)
        closed: list[str] = []
        failures: list[HarnessError] = []
        for fire in fires:
            try:
                if self._judge(fire, alive, now):
                    closed.append(fire.run_id or "")
            except TransientError:
                raise
            except HarnessError as error:
                # Told below: what is wrong with one run is nothing to the others.
                log.error("%s cannot be closed: %s", fire.run_id, error)
                failures.append(error)
        if failures:
            raise failures[0]
        return closed

    def _judge(self, fire: Fire, alive: dict[str, int], now: datetime) -> bool:
        """Close the fire if its run can no longer finish; say whether it was closed."""
        with self._database.read() as connection:
            run = run_by_id(connection, fire.run_id or "")
            seen_since = fire_at(connection, fire.job_id, int(fire.due_at.timestamp()))
        if seen_since is None or not seen_since.state.is_open or seen_since.run_id != fire.run_id:
            return False
        reason = "its run is gone" if run is None else self._why_hopeless(run, alive, now)
        if reason is None:
            return False
        if run is not None and self._is_older(run) and self._begin_anew(run, now):
            return False
        return self._close(fire, run, reason, now)

    def _end_what_is_closed(self, alive: Mapping[str, int]) -> None:
        """Have the engine end the runs of executors that died between closing the fire and telling the engine."""
        for run_id, executor_id in self._engine.unfinished().items():
            if executor_id in alive:
                continue
            with self._database.read() as connection:
                run = run_by_id(connection, run_id)
            if run is not None and run.state is RunState.ENDED:
                self._engine.take_over(run_id)

    def _close(self, fire: Fire, run: RunRow | None, reason: str, now: datetime) -> bool:
        run_id = fire.run_id or ""
        if self._engine.state(run_id) in ("running", "stranded"):
            self._engine.cancel(run_id)
        broke = self._broken_off.take(run_id)
        outcome = Outcome(
            FireState.CANCELLED if reason == _CANCELLED else FireState.FAILED,
            f"{reason}: {broke.words}" if broke else reason,
            cause=broke.cause if broke else None,
        )
        # Alone, as whoever begins to wait for what it works on must see its end, or be seen.
        with self._database.write(alone=True) as connection:
            still = run_by_id(connection, run_id, for_change=True)
            if run is not None and (still is None or _standing(still) != _standing(run)):
                return False  # it came to an end, or to its delivery, while it was judged
            closed = close(
                connection, run_id=run_id, job_id=fire.job_id, outcome=outcome, stop=None, owner=None, now=now
            )
            if closed is None:
                end_run(connection, run_id, now)
        if closed is FireState.FAILED:
            log.error("%s of %s was closed as failed: %s", run_id, fire.job_id, outcome.reason)
        return closed is not None

    def _why_hopeless(self, run: RunRow, alive: dict[str, int], now: datetime) -> str | None:
        match run.state:
            case RunState.QUEUED:
                return None
            case RunState.SUSPENDED:
                # It has begun to wait for the answers to its requests, each of which gets one; or it waits for a
                # channel's acknowledgement: the outbox closes it, as long as it has it.
                with self._database.read() as connection:
                    if is_suspended_for(connection, run.id):
                        return None
                    deliveries = deliveries_of_run(connection, run.id)
                return None if any(row.state != "dead" for row in deliveries) else "its delivery is gone"
            case RunState.ENDED:
                return _REASONS["ended"]
            case RunState.RUNNING if run.cancel_reason is not None:
                # It is closed by `cancelling`, with who wanted it and why.
                return None
            case RunState.RUNNING if run.owner == self._membership.executor_id:
                return self._why_engine_gave_up(run, now)
            case RunState.RUNNING:
                return self._why_nobody_can_go_on(run, alive)

    def _why_nobody_can_go_on(self, run: RunRow, alive: dict[str, int]) -> str | None:
        if run.owner in alive or not self._is_older(run) or run.workflow_version in alive.values():
            return None
        return f"it was begun by version {run.workflow_version} of the workflow, which runs nowhere any more"

    def _is_older(self, run: RunRow) -> bool:
        return run.state is RunState.RUNNING and run.workflow_version != self._workflow_version

    def _begin_anew(self, run: RunRow, now: datetime) -> bool:
        """Begin a run anew whose steps this version cannot go on with, unless that might do something twice."""
        if any(step.kind in _STEPS_WITH_EFFECTS for step in self._engine.recorded(run.id)):
            return False
        reason = f"begun anew: version {run.workflow_version} of the workflow had begun it and had no effect yet"
        again = Again(now.astimezone(UTC), reason, is_attempt=False)
        if self._engine.state(run.id) in ("running", "stranded"):
            self._engine.cancel(run.id)
        with self._database.write() as connection:
            return begin_again(connection, run, again, owner=run.owner or "", now=now) is not None

    def _why_engine_gave_up(self, run: RunRow, now: datetime) -> str | None:
        run_id = run.id
        state = self._engine.state(run_id)
        if state is None:
            # Claimed, not started yet: the dispatcher starts it.
            return None
        if state != "running":
            return _REASONS[state]
        if self._engine.is_executing(run_id):
            self._idle_since.pop(run_id, None)
            return None if self._stalled is None else self._stalled.why_stalled(run_id, run.job_id, now)
        if now - self._idle_since.setdefault(run_id, now) < STALLED_AFTER:
            return None
        return "the run stalled: nothing works on it, and its end could not be recorded"


def _standing(run: RunRow) -> tuple[RunState, str | None, str | None]:
    return run.state, run.owner, run.cancel_reason
