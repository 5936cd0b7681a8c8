"""The reconciler: closes what can no longer finish, so that no fire stays open for ever."""

from __future__ import annotations

from datetime import datetime, timedelta

from harness.domain.run import FireState, RunState
from harness.ports import Engine, Incidents
from harness.store.database import Database
from harness.store.fires import close_fire, open_fires
from harness.store.outbox import deliveries_of_run
from harness.store.runs import end_run, run_by_id

STALLED_AFTER = timedelta(seconds=60)
"""A resumed run is picked up within seconds; one that nobody works on for longer never will be."""

_CANCELLED = "the run was cancelled"
_REASONS = {
    "ended": "the run ended without closing its fire",
    "failed": "the run broke off with an error",
    "cancelled": _CANCELLED,
    "stranded": "the run belongs to another version of the harness, or was recovered too often",
}


class Reconciler:
    """Looks at every open fire, again and again, for one executor.

    As the executor holds the state folder alone, a run that another one has claimed has nobody left to
    finish it.
    """

    def __init__(self, database: Database, engine: Engine, incidents: Incidents, *, owner: str) -> None:
        self._database = database
        self._engine = engine
        self._incidents = incidents
        self._owner = owner
        self._idle_since: dict[str, datetime] = {}

    def reconcile(self, now: datetime) -> list[str]:
        """Close every open fire whose run is gone, terminal, stranded or stalled; return the runs' ids.

        Each one but the cancelled is closed as `failed` and opens an incident. What is closed is never
        resumed: it could deliver when its fire is long told as failed.
        """
        with self._database.read() as connection:
            fires = open_fires(connection)
        self._idle_since = {
            fire.run_id: self._idle_since[fire.run_id] for fire in fires if fire.run_id in self._idle_since
        }
        closed: list[str] = []
        for fire in fires:
            run_id = fire.run_id or ""
            reason = self._why_hopeless(run_id, now)
            if reason is None:
                continue
            if self._engine.state(run_id) in ("running", "stranded"):
                self._engine.cancel(run_id)
            state = FireState.CANCELLED if reason == _CANCELLED else FireState.FAILED
            with self._database.write() as connection:
                did_close = close_fire(connection, run_id, state=state, reason=reason, now=now)
                end_run(connection, run_id, now)
            if did_close:
                closed.append(run_id)
                if state is FireState.FAILED:
                    self._incidents.open(f"job {fire.job_id}", f"{fire.job_id}: {reason}", run_id=run_id)
        return closed

    def _why_hopeless(self, run_id: str, now: datetime) -> str | None:
        with self._database.read() as connection:
            run = run_by_id(connection, run_id)
            deliveries = deliveries_of_run(connection, run_id)
        if run is None:
            return "its run is gone"
        match run.state:
            case RunState.QUEUED:
                return None
            case RunState.SUSPENDED:
                # It waits for a channel's acknowledgement; the outbox closes it, as long as it has it.
                return None if any(row.state != "dead" for row in deliveries) else "its delivery is gone"
            case RunState.ENDED:
                return _REASONS["ended"]
            case RunState.RUNNING if run.owner != self._owner:
                return f"the executor that ran it, {run.owner}, is gone"
            case RunState.RUNNING:
                return self._why_engine_gave_up(run_id, now)

    def _why_engine_gave_up(self, run_id: str, now: datetime) -> str | None:
        state = self._engine.state(run_id)
        if state is None:
            # Claimed, not started yet: the dispatcher starts it.
            return None
        if state != "running":
            return _REASONS[state]
        if self._engine.is_executing(run_id):
            self._idle_since.pop(run_id, None)
            return None
        if now - self._idle_since.setdefault(run_id, now) < STALLED_AFTER:
            return None
        return "the run stalled: nothing works on it, and its end could not be recorded"
