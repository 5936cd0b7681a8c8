"""Read-only looks at the database: what `status`, `ledger`, `runs` and `doctor` are told.

Standard library only, because fast commands import this.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from harness.domain.breaker import Breaker
from harness.domain.errors import OwnerError
from harness.domain.pause import PauseRow
from harness.domain.run import Fire, FireKind, FireState
from harness.ports import RecordedStep
from harness.store.address import DatabaseAddress
from harness.store.failures import newer_version
from harness.store.last_written import LAST_WRITTEN, latest
from harness.store.memory_uses import MemoryUses
from harness.store.migrations import LATEST
from harness.store.reader import Reader, Row, opened
from harness.store.records import (
    Delivery,
    FailingSource,
    NodeRecord,
    OpenFire,
    OpenIncident,
    PlannedJob,
    RunRecord,
    Spending,
)
from harness.store.request_records import RequestRecords
from harness.store.step_records import recorded_step
from harness.store.usage_records import UsageRecords

_STEP_TABLES = ("operation_outputs", "dbos.operation_outputs")
_FIRE_COLUMNS = "job_id, due_at, kind, state, run_id, reason, closed_at, artifact, items, gaps"


class Peek:
    """The queries, all within one consistent view of the database."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @property
    def requests(self) -> RequestRecords:
        """The queries on requests, within the same view."""
        return RequestRecords(self._reader)

    @property
    def usage(self) -> UsageRecords:
        """The queries on what model calls used, within the same view."""
        return UsageRecords(self._reader)

    @property
    def memory_uses(self) -> MemoryUses:
        """The queries on what runs were told of memory, within the same view."""
        return MemoryUses(self._reader)

    def planned_jobs(self) -> dict[str, PlannedJob]:
        """Return what the schedule remembers of every job."""
        rows = self._rows("SELECT job_id, schedule, known_since, planned_until, next_due FROM job_state")
        return {row["job_id"]: PlannedJob(*row) for row in rows}

    def fires_between(self, start: datetime, end: datetime) -> tuple[Fire, ...]:
        """Return the fires due in [start, end), in order of time and job."""
        rows = self._rows(
            f"SELECT {_FIRE_COLUMNS} FROM fire WHERE due_at >= ? AND due_at < ? ORDER BY due_at, job_id",  # noqa: S608
            _whole(start),
            _whole(end),
        )
        return tuple(_fire(row) for row in rows)

    def last_fires(self, job_id: str, limit: int) -> tuple[Fire, ...]:
        """Return the job's newest fires, newest first."""
        rows = self._rows(
            f"SELECT {_FIRE_COLUMNS} FROM fire WHERE job_id = ? ORDER BY due_at DESC LIMIT ?",  # noqa: S608
            job_id,
            limit,
        )
        return tuple(_fire(row) for row in rows)

    def fire_of_run(self, run_id: str) -> Fire | None:
        """Return the fire that the run belongs to."""
        rows = self._rows(f"SELECT {_FIRE_COLUMNS} FROM fire WHERE run_id = ?", run_id)  # noqa: S608
        return _fire(rows[0]) if rows else None

    def fire_at(self, job_id: str, due_at: int) -> Fire | None:
        """Return the job's fire of that moment, whichever run it has now."""
        rows = self._rows(f"SELECT {_FIRE_COLUMNS} FROM fire WHERE job_id = ? AND due_at = ?", job_id, due_at)  # noqa: S608
        return _fire(rows[0]) if rows else None

    def open_fires(self) -> tuple[OpenFire, ...]:
        """Return all fires that have not ended, oldest first."""
        rows = self._rows(
            f"SELECT {_FIRE_COLUMNS}, owner, created_at, (SELECT node FROM run WHERE run.id = fire.run_id) AS node"  # noqa: S608
            " FROM fire WHERE closed_at IS NULL ORDER BY due_at, job_id"
        )
        return tuple(OpenFire(_fire(row), row["owner"], row["created_at"], row["node"]) for row in rows)

    def node_of_run(self, run_id: str) -> str | None:
        """Return the name of the node that alone may begin the run; None if any may."""
        rows = self._rows("SELECT node FROM run WHERE id = ?", run_id)
        return rows[0]["node"] if rows else None

    def slots_with_a_row(self, since: datetime) -> frozenset[tuple[str, int]]:
        """Return (job id, due epoch) of every fire due since then."""
        rows = self._rows("SELECT job_id, due_at FROM fire WHERE due_at >= ?", _whole(since))
        return frozenset((row["job_id"], row["due_at"]) for row in rows)

    def closed_since(self, since: datetime) -> tuple[Fire, ...]:
        """Return the fires that ended since then, oldest first."""
        rows = self._rows(
            f"SELECT {_FIRE_COLUMNS} FROM fire WHERE closed_at >= ? ORDER BY closed_at, job_id",  # noqa: S608
            since.timestamp(),
        )
        return tuple(_fire(row) for row in rows)

    def counts_since(self, since: datetime) -> dict[FireState, int]:
        """Return how many fires due since then are in each state."""
        rows = self._rows("SELECT state, COUNT(*) FROM fire WHERE due_at >= ? GROUP BY state", _whole(since))
        counts = {FireState(row[0]): int(row[1]) for row in rows}
        return {state: counts[state] for state in FireState if state in counts}

    def open_incidents(self) -> tuple[OpenIncident, ...]:
        """Return what is broken now, oldest first."""
        rows = self._rows(
            "SELECT cause, message, first_at, last_at, occurrences, run_id, jobs FROM incident"
            " WHERE resolved_at IS NULL ORDER BY first_at, cause"
        )
        return tuple(_incident(row) for row in rows)

    def pauses(self) -> dict[str, PauseRow]:
        """Return what is paused, by scope."""
        rows = self._rows("SELECT scope, paused_by, reason, paused_at, is_automatic FROM pause ORDER BY scope")
        return {row[0]: PauseRow(row[0], row[1], row[2], row[3], bool(row[4])) for row in rows}

    def open_breakers(self) -> tuple[Breaker, ...]:
        """Return the endpoints that are left alone, as they have not answered, the longest first."""
        rows = self._rows(
            "SELECT endpoint, state, failures_in_a_row, opened_at, retry_at, problem FROM breaker"
            " WHERE state <> 'closed' ORDER BY opened_at, endpoint"
        )
        return tuple(Breaker(row[0], row[1], row[2], _moment(row[3]), _moment(row[4]), problem=row[5]) for row in rows)

    def unacknowledged_deliveries(self) -> tuple[Delivery, ...]:
        """Return the deliveries that wait or were given up, oldest first."""
        return self._deliveries("state IN ('pending', 'dead')")

    def deliveries_of_run(self, run_id: str) -> tuple[Delivery, ...]:
        """Return all deliveries of one run."""
        return self._deliveries("run_id = ?", run_id)

    def was_delivered_by_retry(self, run_id: str, channel: str) -> bool:
        """Say whether a run that repeats this one has reached the channel."""
        rows = self._rows(
            "SELECT 1 FROM run JOIN outbox ON outbox.run_id = run.id"
            " WHERE run.source_run = ? AND outbox.channel = ? AND outbox.state = 'acknowledged' LIMIT 1",
            run_id,
            channel,
        )
        return bool(rows)

    def runs(self, limit: int, agent: str | None = None, job_id: str | None = None) -> tuple[RunRecord, ...]:
        """Return the newest runs, newest first."""
        conditions, values = ["1 = 1"], []
        for column, value in (("agent", agent), ("job_id", job_id)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        where = f"WHERE {' AND '.join(conditions)} ORDER BY created_at DESC, id LIMIT ?"
        return tuple(_run(row) for row in self._rows(f"SELECT * FROM run {where}", *values, limit))  # noqa: S608

    def run(self, run_id: str) -> RunRecord | None:
        """Return one run."""
        rows = self._rows("SELECT * FROM run WHERE id = ?", run_id)
        return _run(rows[0]) if rows else None

    def runs_beginning(self, prefix: str, limit: int) -> tuple[str, ...]:
        """Return the ids of runs that begin so, in their order; at most `limit`."""
        query = "SELECT id FROM run WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT ?"
        return tuple(row[0] for row in self._rows(query, len(prefix), prefix, limit))

    def steps_of_run(self, run_id: str) -> tuple[RecordedStep, ...]:
        """Return the finished steps of one run, in their order; empty if nothing is recorded of it."""
        # The engine's own table; on a server it lies in the engine's own schema.
        table = next((name for name in _STEP_TABLES if self._reader.has_table(name)), None)
        if table is None:
            return ()
        rows = self._rows(
            "SELECT function_id, output, started_at_epoch_ms, completed_at_epoch_ms"  # noqa: S608
            f" FROM {table} WHERE workflow_uuid = ? AND output IS NOT NULL ORDER BY function_id",
            run_id,
        )
        steps = (recorded_step(row[0], json.loads(row[1]), row[2], row[3]) for row in rows)
        return tuple(step for step in steps if step is not None)

    def job_ids(self) -> tuple[str, ...]:
        """Return every job that ever had a fire."""
        return tuple(row[0] for row in self._rows("SELECT DISTINCT job_id FROM fire ORDER BY job_id"))

    def spending_of_run(self, run_id: str) -> Spending:
        """Return what one run's model calls used."""
        return self._spending("run_id = ?", run_id)

    def failing_sources(self, at_least: int) -> tuple[FailingSource, ...]:
        """Return the sources that failed at least that often in a row, worst first."""
        rows = self._rows(
            "SELECT source, failures_in_a_row, last_ok_at, problem FROM source_health"
            " WHERE failures_in_a_row >= ? ORDER BY failures_in_a_row DESC, source",
            at_least,
        )
        return tuple(FailingSource(*row) for row in rows)

    def last_daemon_start(self) -> float | None:
        """Return when a daemon last started, in epoch seconds."""
        started_at: float | None = self._rows("SELECT MAX(started_at) FROM node WHERE role = 'daemon'")[0][0]
        return started_at

    def last_written(self) -> datetime | None:
        """Return when anything was last written into the ledger, by the clocks of those who wrote it."""
        return latest([self._rows(query)[0][0] for query in LAST_WRITTEN])

    def nodes(self) -> tuple[NodeRecord, ...]:
        """Return every life of every daemon that is remembered, the latest first."""
        rows = self._rows(
            "SELECT executor_id, node_id, name, host, pid, state, role, version, started_at, heartbeat_at, left_at,"
            " left_why, (SELECT COUNT(*) FROM run WHERE run.owner = node.executor_id AND run.state = 'running')"
            " FROM node ORDER BY started_at DESC, executor_id"
        )
        return tuple(NodeRecord(*row) for row in rows)

    def _deliveries(self, condition: str, *values: object) -> tuple[Delivery, ...]:
        rows = self._rows(
            "SELECT id, run_id, channel, state, attempts, created_at, next_try_at, acknowledged_at, receipt,"  # noqa: S608
            f" last_error FROM outbox WHERE {condition} ORDER BY created_at, id",
            *values,
        )
        return tuple(Delivery(*row) for row in rows)

    def _spending(self, condition: str, value: object) -> Spending:
        rows = self._rows(
            "SELECT model, COUNT(*), SUM(input_tokens), SUM(cached_tokens), SUM(output_tokens), SUM(cost_usd)"  # noqa: S608
            f" FROM usage WHERE {condition} GROUP BY model ORDER BY model",
            value,
        )
        return Spending(
            calls=sum(row[1] for row in rows),
            input_tokens=sum(row[2] for row in rows),
            cached_tokens=sum(row[3] for row in rows),
            output_tokens=sum(row[4] for row in rows),
            cost_usd=float(sum(row[5] for row in rows)),
            models=tuple(row[0] for row in rows),
        )

    def _rows(self, query: str, *values: object) -> Sequence[Row]:
        return self._reader.rows(query, values)


@contextmanager
def peek(database: DatabaseAddress) -> Iterator[Peek | None]:
    """Look at the database without changing it; None if no run has ever been planned there.

    Raises TransientError if it stays locked or cannot be reached, OwnerError if it cannot be read or has
    the tables of another version.
    """
    with opened(database) as reader:
        if reader is None or not reader.has_table("fire"):
            yield None
            return
        _check_version(database, reader)
        yield Peek(reader)


def _check_version(database: DatabaseAddress, reader: Reader) -> None:
    version = int(reader.rows("SELECT MAX(number) FROM schema_version")[0][0] or 0)
    if version > LATEST:
        raise newer_version(database, version, LATEST)
    if version < LATEST:
        problem = f"the database has schema {version}, this harness works with {LATEST}"
        raise OwnerError(database, None, problem, "bring it up to date: harness up, or any harness run, does it")


def _whole(moment: datetime) -> int:
    """Return the first whole second that is not before the moment: slots are whole, and so is their index."""
    return math.ceil(moment.timestamp())


def _incident(row: Row) -> OpenIncident:
    *values, jobs = row
    return OpenIncident(values[0], values[1], values[2], values[3], values[4], values[5], tuple(json.loads(jobs)))


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _fire(row: Row) -> Fire:
    return Fire(
        job_id=row["job_id"],
        due_at=datetime.fromtimestamp(row["due_at"], UTC),
        kind=FireKind(row["kind"]),
        state=FireState(row["state"]),
        run_id=row["run_id"],
        reason=row["reason"],
        closed_at=None if row["closed_at"] is None else datetime.fromtimestamp(row["closed_at"], UTC),
        artifact=row["artifact"],
        items=row["items"],
        gaps=row["gaps"],
    )


def _run(row: Row) -> RunRecord:
    return RunRecord(
        id=row["id"],
        job_id=row["job_id"],
        lane=row["lane"],
        kind=row["kind"],
        due_at=row["due_at"],
        state=row["state"],
        inputs=json.loads(row["inputs"]),
        owner=row["owner"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        stop=row["stop"],
        prompt_sha256=row["prompt_sha256"],
        manifest=None if row["manifest"] is None else json.loads(row["manifest"]),
        outcome=None if row["outcome"] is None else json.loads(row["outcome"]),
        options=json.loads(row["options"]),
        attempt=row["attempt"],
        source_run=row["source_run"],
        cancel_reason=row["cancel_reason"],
        forgotten_at=row["forgotten_at"],
        artifacts_deleted_at=row["artifacts_deleted_at"],
        revision=row["revision"],
    )
