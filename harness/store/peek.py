"""Read-only looks at the state of a harness: what `status`, `ledger`, `runs` and `doctor` are told.

Standard library only, because fast commands import this: SQLAlchemy alone takes longer than all of `status`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.domain.run import Fire, FireKind, FireState

_BUSY_TIMEOUT_S = 2.0
_FIRE_COLUMNS = "job_id, due_at, kind, state, run_id, reason, closed_at, artifact, items, gaps"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What the daemon last said of itself; `at` and `started_at` are epoch seconds."""

    pid: int
    executor_id: str
    at: float
    started_at: float
    is_ready: bool
    running: int
    held_back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job's place in its schedule; epoch seconds. `planned_until`: every slot up to it has its row."""

    job_id: str
    schedule: str
    known_since: int
    planned_until: int
    next_due: int | None


@dataclass(frozen=True, slots=True)
class OpenFire:
    """A fire that has not ended, and the executor that holds it, if any."""

    fire: Fire
    owner: str | None
    created_at: float


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """A cause of failure that still holds; epoch seconds."""

    cause: str
    message: str
    first_at: float
    last_at: float
    occurrences: int
    run_id: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A promised delivery; `state` is `pending`, `acknowledged` or `dead`, times are epoch seconds."""

    id: str
    run_id: str
    channel: str
    state: str
    attempts: int
    created_at: float
    next_try_at: float
    acknowledged_at: float | None
    receipt: str | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A durable run; epoch seconds. `manifest` and `outcome` are plain JSON values."""

    id: str
    job_id: str
    lane: str
    kind: str
    due_at: int
    state: str
    inputs: dict[str, str]
    owner: str | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    stop: str | None
    prompt_sha256: str | None
    manifest: Any
    outcome: Any


@dataclass(frozen=True, slots=True)
class Spending:
    """What model calls used and cost."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FailingSource:
    """A source that has been failing; epoch seconds."""

    source: str
    failures_in_a_row: int
    last_ok_at: float | None
    problem: str


class Peek:
    """The queries, all within one consistent view of the database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def planned_jobs(self) -> dict[str, PlannedJob]:
        """Return what the schedule remembers of every job."""
        rows = self._rows("SELECT job_id, schedule, known_since, planned_until, next_due FROM job_state")
        return {row["job_id"]: PlannedJob(*row) for row in rows}

    def fires_between(self, start: datetime, end: datetime) -> tuple[Fire, ...]:
        """Return the fires due in [start, end), in order of time and job."""
        rows = self._rows(
            f"SELECT {_FIRE_COLUMNS} FROM fire WHERE due_at >= ? AND due_at < ? ORDER BY due_at, job_id",  # noqa: S608
            start.timestamp(),
            end.timestamp(),
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

    def open_fires(self) -> tuple[OpenFire, ...]:
        """Return all fires that have not ended, oldest first."""
        rows = self._rows(
            f"SELECT {_FIRE_COLUMNS}, owner, created_at FROM fire WHERE closed_at IS NULL"  # noqa: S608
            " ORDER BY due_at, job_id"
        )
        return tuple(OpenFire(_fire(row), row["owner"], row["created_at"]) for row in rows)

    def slots_with_a_row(self, since: datetime) -> frozenset[tuple[str, int]]:
        """Return (job id, due epoch) of every fire due since then."""
        rows = self._rows("SELECT job_id, due_at FROM fire WHERE due_at >= ?", since.timestamp())
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
        rows = self._rows("SELECT state, COUNT(*) FROM fire WHERE due_at >= ? GROUP BY state", since.timestamp())
        counts = {FireState(row[0]): int(row[1]) for row in rows}
        return {state: counts[state] for state in FireState if state in counts}

    def open_incidents(self) -> tuple[OpenIncident, ...]:
        """Return what is broken now, oldest first."""
        rows = self._rows(
            "SELECT cause, message, first_at, last_at, occurrences, run_id FROM incident"
            " WHERE resolved_at IS NULL ORDER BY first_at"
        )
        return tuple(OpenIncident(*row) for row in rows)

    def unacknowledged_deliveries(self) -> tuple[Delivery, ...]:
        """Return the deliveries that wait or were given up, oldest first."""
        return self._deliveries("state <> 'acknowledged'")

    def deliveries_of_run(self, run_id: str) -> tuple[Delivery, ...]:
        """Return all deliveries of one run."""
        return self._deliveries("run_id = ?", run_id)

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
        started_at: float | None = self._rows("SELECT MAX(started_at) FROM node")[0][0]
        return started_at

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

    def _rows(self, query: str, *values: object) -> Sequence[sqlite3.Row]:
        return self._connection.execute(query, values).fetchall()


@contextmanager
def peek(database: Path) -> Iterator[Peek | None]:
    """Look at the database without changing it; None if no run has ever been planned here.

    Raises TransientError if it stays locked, OwnerError if it cannot be read.
    """
    try:
        with _opened(database) as connection:
            yield None if connection is None or not _has_tables(connection) else Peek(connection)
    except sqlite3.Error as error:
        raise _meaning(database, error) from error


@contextmanager
def _opened(database: Path) -> Iterator[sqlite3.Connection | None]:
    if not database.exists():
        yield None
        return
    connection = _connect(database)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield connection
    finally:
        connection.close()


def _connect(database: Path) -> sqlite3.Connection:
    try:
        return _checked(database, "mode=ro", timeout_s=_BUSY_TIMEOUT_S)
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF not in _NO_PLACE_FOR_AN_INDEX:
            raise
        return _connect_without_index(database, error)


_NO_PLACE_FOR_AN_INDEX = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR)
"""What SQLite says if it cannot make a log's index: in a folder that cannot be written, and on a full disk."""


def _connect_without_index(database: Path, error: sqlite3.Error) -> sqlite3.Connection:
    """Connect to a database whose log's index cannot be made; a daemon that is alive would have made it."""
    log = Path(f"{database}-wal")
    if not log.exists() or log.stat().st_size == 0:
        # Nobody is writing, and the file alone is the whole truth.
        return _checked(database, "mode=ro&immutable=1")
    try:
        # Whoever has the file for himself keeps the index in memory. The log is what a killed daemon left.
        return _checked(database, "mode=rw", "PRAGMA locking_mode=EXCLUSIVE")
    except sqlite3.Error as second:
        raise error from second


def _checked(database: Path, options: str, *pragmas: str, timeout_s: float = 0.0) -> sqlite3.Connection:
    address = f"{database.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(address, uri=True, timeout=timeout_s, isolation_level=None)
    try:
        for statement in (*pragmas, "SELECT COUNT(*) FROM sqlite_master"):
            connection.execute(statement).fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _has_tables(connection: sqlite3.Connection) -> bool:
    query = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'fire'"
    return bool(connection.execute(query).fetchone()[0])


def read_heartbeat(path: Path) -> Heartbeat | None:
    """Return what the daemon last said, or None if there is no heartbeat that can be read.

    Raises OwnerError if the file is there and is not ours to read.
    """
    try:
        beat = json.loads(path.read_bytes())
        return Heartbeat(
            pid=int(beat["pid"]),
            executor_id=str(beat["executor_id"]),
            at=float(beat["at"]),
            started_at=float(beat["started_at"]),
            is_ready=bool(beat["ready"]),
            running=int(beat["running"]),
            held_back=tuple(str(name) for name in beat.get("held_back", ())),
        )
    except PermissionError as error:
        raise OwnerError(path, None, "the heartbeat cannot be read", "run this as the user of the daemon") from error
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        # Absent, or half written when the machine lost power: either way nobody vouches for a daemon.
        return None


def _fire(row: sqlite3.Row) -> Fire:
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


def _run(row: sqlite3.Row) -> RunRecord:
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
    )


def _meaning(database: Path, error: sqlite3.Error) -> HarnessError:
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TransientError(f"{database}: the database is locked by another process")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return OwnerError(database, None, f"the database is damaged ({error})", "restore it from a backup")
    if primary in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY):
        return OwnerError(database, None, f"the database cannot be read ({error})", "run this as its owner")
    if primary == sqlite3.SQLITE_IOERR:
        return OwnerError(database, None, f"the disk reports an error ({error})", "check the disk and its free space")
    return HarnessError(f"{database}: {error}")
