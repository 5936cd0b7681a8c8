"""The only door to DBOS: durable steps and recovery, nothing else of it.

Its queues, sleeps, notifications, timeouts and retries are not used, so that a day can be rehearsed in
virtual time and an idle daemon does not poll. Workflow bodies run on an event loop of the engine's own
thread. All methods block for a few milliseconds: call them off the event loop.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from dbos import DBOS, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import _error as dbos_errors
from dbos._core import WorkflowHandleFuture, execute_dequeued_workflow
from dbos._dbos import _get_dbos_instance
from sqlalchemy import ColumnElement, Table, select, update

from harness.domain.errors import HarnessError, ReplayMismatch
from harness.ports import Blocking, Json, Parked, RecordedStep, Step, Workflow
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.database import Database
from harness.store.step_records import args_hash, error_from_json, error_to_json, recorded_step

_STATES = {
    "PENDING": "running",
    "ENQUEUED": "running",
    "DELAYED": "running",
    "SUCCESS": "ended",
    "ERROR": "failed",
    "CANCELLED": "cancelled",
    "MAX_RECOVERY_ATTEMPTS_EXCEEDED": "stranded",
}
MAX_RECOVERIES = 20
"""A run that was in flight in so many crashes is their likely cause: it is stranded, and the others go on."""

log = logging.getLogger("harness.engine")


class DurableEngine:
    """Runs that survive a crash, on the database that holds the ledger.

    One per process, since DBOS is: `close` it before opening another.
    """

    def __init__(
        self,
        database: Database,
        *,
        workflow_version: int = WORKFLOW_VERSION,
        max_recoveries: int = MAX_RECOVERIES,
    ) -> None:
        self._database = database
        self._executor_id = ""
        self._version = str(workflow_version)
        self._max_recoveries = max_recoveries
        self._started: Callable[[str], object] | None = None
        self._tasks: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = {}
        self._starting: set[str] = set()
        self._lock = threading.Lock()

    def launch(self, workflow: Workflow, executor_id: str) -> None:
        """Open for business as this executor, and go on with the runs that it had not finished."""
        _log_through_ours()
        self._executor_id = executor_id
        DBOS(
            config={
                "name": "harness",
                "system_database_url": self._database.engine.url.render_as_string(),
                "system_database_engine": self._database.engine,
                "executor_id": executor_id,
                "application_version": self._version,
                "serializer": DBOSPortableJSONSerializer(),
                "scheduler_polling_interval_sec": 3600.0,
                # Nothing waits for its notifications: no connection and no thread is kept for them.
                "use_listen_notify": False,
                "log_level": "ERROR",
            }
        )

        async def body(run_id: str) -> Json:
            task = asyncio.current_task()
            assert task is not None
            with self._lock:
                self._starting.discard(run_id)
                if self._started is None:
                    raise _Interrupted
                self._tasks[run_id] = (asyncio.get_running_loop(), task)
            try:
                return await workflow(run_id, _DurableSteps())
            except asyncio.CancelledError:
                if self._started is None:
                    raise _Interrupted from None
                raise
            finally:
                with self._lock:
                    self._tasks.pop(run_id, None)

        registered = DBOS.workflow(name="run", max_recovery_attempts=self._max_recoveries)(body)
        self._started = lambda run_id: DBOS.start_workflow(registered, run_id)
        DBOS.launch()

    def start(self, run_id: str) -> None:
        """Start the run; starting it again changes nothing."""
        if self._started is None:
            raise HarnessError("the engine is not launched")
        with self._lock:
            if run_id in self._starting or run_id in self._tasks:
                return
            # Before the look: whoever looks at the same moment must not start it a second time.
            self._starting.add(run_id)
        is_ours = False
        try:
            with SetWorkflowID(run_id):
                # Of all who start it, one inserts its row, and that one executes it.
                is_ours = isinstance(self._started(run_id), WorkflowHandleFuture)
        finally:
            if not is_ours:
                with self._lock:
                    self._starting.discard(run_id)

    def cancel(self, run_id: str) -> None:
        """Interrupt the run, also in the middle of a step."""
        DBOS.cancel_workflow(run_id)
        with self._lock:
            running = self._tasks.get(run_id)
        if running is not None:
            loop, task = running
            loop.call_soon_threadsafe(task.cancel)

    def state(self, run_id: str) -> str | None:
        """Return what became of the run, as `harness.ports.Engine` describes it."""
        status = DBOS.get_workflow_status(run_id)
        if status is None:
            return None
        state = _STATES.get(status.status, "stranded")
        if state == "running" and status.app_version != self._version:
            return "stranded"
        return state

    def is_executing(self, run_id: str) -> bool:
        """Say whether this process is at work on the run now, or about to be."""
        with self._lock:
            return run_id in self._tasks or run_id in self._starting

    def answer_soon(self, answered: Callable[[], None]) -> None:
        """Have `answered` called by the event loop on which the runs are at work; here, if there is none."""
        loop = _get_dbos_instance()._background_event_loop.target_loop() if self._started is not None else None
        if loop is None or loop.is_closed():
            answered()
        else:
            loop.call_soon_threadsafe(answered)

    def take_over(self, run_id: str) -> bool:
        """Go on here with a run that another executor, which is gone, had not finished.

        The steps that the other one may still finish are refused from then on. False if there is nothing
        to go on with: the run has ended, is this executor's already, or was recovered too often.
        """
        if self._started is None:
            raise HarnessError("the engine is not launched")
        claim = str(uuid.uuid4())
        if not self._claim_unfinished(run_id, claim):
            return False
        dbos = _get_dbos_instance()
        status = dbos._sys_db.get_workflow_status(run_id)
        assert status is not None, "its row was updated just now"
        with self._lock:
            self._starting.add(run_id)
        try:
            execute_dequeued_workflow(dbos, status, claim)
        except BaseException as error:
            with self._lock:
                self._starting.discard(run_id)
            if isinstance(error, dbos_errors.MaxRecoveryAttemptsExceededError):
                return False
            raise
        return True

    def unfinished(self) -> Mapping[str, str]:
        """Return the runs that other executors have not finished and this one could go on with, each with the
        executor that has it."""
        theirs = _get_dbos_instance()._sys_db
        row = theirs.tables.workflow_status
        query = select(row.c.workflow_uuid, row.c.executor_id).where(*self._of_others(row))
        with self._database.read() as connection:
            found = connection.execute(query, execution_options=theirs.engine.get_execution_options())
            return {found_row.workflow_uuid: found_row.executor_id for found_row in found}

    def _of_others(self, row: Table) -> tuple[ColumnElement[bool], ...]:
        return (
            row.c.status.in_(("PENDING", "ENQUEUED")),
            row.c.executor_id != self._executor_id,
            row.c.application_version == self._version,
        )

    def recorded(self, run_id: str) -> tuple[RecordedStep, ...]:
        """Return the finished steps of the run, in the order of their places; empty if it is unknown."""
        rows = _get_dbos_instance()._sys_db.list_workflow_steps(run_id)
        steps = (
            recorded_step(row["function_id"], row["output"], row["started_at_epoch_ms"], row["completed_at_epoch_ms"])
            for row in rows
        )
        return tuple(step for step in steps if step is not None)

    def forget(self, run_ids: Sequence[str]) -> None:
        """Delete what is kept of runs that have ended; those that have not stay."""
        ended = [run_id for run_id in run_ids if self.state(run_id) not in (None, "running", "stranded")]
        if ended:
            DBOS.delete_workflows(ended)

    def _claim_unfinished(self, run_id: str, claim: str) -> bool:
        """Make the run this executor's, if another's is what it is.

        The same columns that DBOS writes when it takes a run from a queue. Its own recovery goes through a
        queue that all executors listen to: it could not give a run to the one that holds its fire.
        """
        theirs = _get_dbos_instance()._sys_db
        row = theirs.tables.workflow_status
        statement = (
            update(row)
            .where(row.c.workflow_uuid == run_id, *self._of_others(row))
            .values(
                status="PENDING",
                executor_id=self._executor_id,
                owner_xid=claim,
                recovery_attempts=row.c.recovery_attempts + 1,
            )
        )
        with self._database.write() as connection:
            # Their options name the schema in which their tables lie.
            return connection.execute(statement, execution_options=theirs.engine.get_execution_options()).rowcount == 1

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop; runs in flight go on at the next launch."""
        with self._lock:
            if self._started is None:
                return
            self._started = None
            running = list(self._tasks.values())
        for loop, task in running:
            loop.call_soon_threadsafe(task.cancel)
        deadline = time.monotonic() + timeout_s
        # What was handed over and has not begun is on its way to an event loop that must not stop yet.
        while (self._tasks or self._starting) and time.monotonic() < deadline:
            time.sleep(0.01)
        DBOS.destroy(destroy_registry=True, workflow_completion_timeout_sec=0)


class _Interrupted(Parked):
    """The process is stopping: the run stays unfinished and goes on at the next launch.

    DBOS records a cancelled task, and any Exception, as the run's failure; this is neither.
    """


class _DurableSteps:
    """The steps of the workflow that is running here; numbered by DBOS in the order of `reserve`."""

    def reserve(self, kind: str, call_id: str, args: Json) -> Step:
        return _DurableStep(DBOS.reserve_step(), kind, call_id, args_hash(args))


class _DurableStep:
    def __init__(self, reservation: Any, kind: str, call_id: str, hashed: str) -> None:
        self._reservation = reservation
        self._kind = kind
        self._call_id = call_id
        self._hash = hashed

    async def run(self, work: Callable[[], Awaitable[Json]]) -> Json:
        async def recorded() -> dict[str, Json]:
            try:
                return self._record(value=await work())
            except HarnessError as error:
                return self._record(error=error_to_json(error))

        def recorded_in_thread() -> dict[str, Json]:
            assert isinstance(work, Blocking)
            try:
                return self._record(value=work.work())
            except HarnessError as error:
                return self._record(error=error_to_json(error))

        try:
            if isinstance(work, Blocking):
                # The look for its record, the work and the record take one change of threads then, not four.
                record = await self._reservation.run_async({"name": self._kind}, recorded_in_thread)
            else:
                record = await self._reservation.run_async({"name": self._kind, "preemptible": True}, recorded)
        except dbos_errors.DBOSUnexpectedStepError as error:
            raise ReplayMismatch(f"step {self._reservation.step_id}: {error}") from error
        return value_of(record, kind=self._kind, call_id=self._call_id, hashed=self._hash)

    def _record(self, **result: Json) -> dict[str, Json]:
        """Return what is written down; exceptions come back from JSON as another class, so theirs is plain data."""
        return {"kind": self._kind, "call_id": self._call_id, "args_hash": self._hash, **result}


def value_of(record: Json, *, kind: str, call_id: str, hashed: str) -> Json:
    """Return what a step's record holds, or raise the error it holds.

    The value has gone through JSON, on the first pass as on replay.
    Raises ReplayMismatch if the record is of another call.
    """
    if (record["kind"], record["call_id"], record["args_hash"]) != (kind, call_id, hashed):
        raise ReplayMismatch(
            f"the record is of {record['kind']} {record['call_id']} ({record['args_hash'][:8]}), "
            f"the run now asks for {kind} {call_id} ({hashed[:8]})"
        )
    if "error" in record:
        raise error_from_json(record["error"])
    return json.loads(json.dumps(record["value"]))


def _log_through_ours() -> None:
    # DBOS prints to stderr unless its logger has a handler; its words belong in the harness's own log.
    logger = logging.getLogger("dbos")
    logger.handlers[:] = [logging.NullHandler()]
    logger.filters[:] = []
    logger.addFilter(_is_news)
    logger.propagate = True
    logger.setLevel(logging.ERROR)


def _is_news(record: logging.LogRecord) -> bool:
    """Say whether DBOS reports a failure, and not the end of a run that was cancelled or parked on purpose."""
    raised = record.exc_info[1] if record.exc_info else None
    return not isinstance(raised, Parked | dbos_errors.DBOSAwaitedWorkflowCancelledError)
