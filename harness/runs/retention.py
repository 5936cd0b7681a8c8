"""Retention: what a team leaves behind is kept as long as its settings say, and then deleted.

What is to go is marked first and deleted then, so that nothing points at what is gone without saying so. What a
crash left in between is found by its mark the next time. Nothing is held for long: each transaction changes
a few rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from harness.domain.sizes import counted
from harness.domain.workspace import Workspace
from harness.ports import Engine
from harness.runs.run_folders import (
    RunFolder,
    artifacts_to_delete,
    delete_artifacts,
    delete_transcript,
    run_folders,
    transcripts_to_delete,
)
from harness.store.database import Database
from harness.store.expiry import (
    announce_deleted,
    announce_forgotten,
    delete_cached_sources,
    delete_hosts,
    delete_incidents,
    delete_seen_items,
    delete_told,
    marks_of,
    needed_runs,
    record_forgotten,
    runs_to_forget,
)
from harness.store.state_folder import StateFolder

RUNS_AT_ONCE = 20
ROWS_AT_ONCE = 200
_ROUNDS = 100
"""So many batches in one pass, at most: the next pass, an hour later, goes on."""

_SEEN_AT_LEAST = timedelta(days=90)
_INCIDENTS_KEPT = timedelta(days=365)

log = logging.getLogger("harness.retention")


@dataclass(frozen=True, slots=True)
class Retained:
    """What one pass deleted, and what it could not delete."""

    runs: int
    artifacts: int
    freed_bytes: int
    rows: int
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"steps of {self.runs} runs, artifacts of {self.artifacts} ({self.freed_bytes:,} bytes) "
            f"and {self.rows} rows deleted"
        )

    @property
    def problem(self) -> str:
        """What could not be deleted, in one sentence; empty if nothing."""
        more = len(self.problems) - 1
        return "" if not self.problems else self.problems[0] + (f", and {more} more" if more else "")


def retain(database: Database, engine: Engine, state: StateFolder, workspace: Workspace, now: datetime) -> Retained:
    """Delete what is older than the workspace's settings keep, or too much; return what that came to.

    Raises as the database does. A file that cannot be deleted is a problem, and keeps nothing else from it.
    """
    keep = workspace.settings.retention
    problems: list[str] = []
    forgotten = _forget_runs(database, engine, now - timedelta(seconds=keep.runs_s), now, problems)
    rows = _delete_rows(database, workspace, now)
    folders = list(run_folders(state))
    with database.read() as connection:
        marks = marks_of(connection, [folder.run_id for folder in folders])
        needed = needed_runs(connection)
    for folder in transcripts_to_delete(folders, marks):
        _try(delete_transcript, folder, problems)
    chosen = artifacts_to_delete(folders, marks, needed, keep, now)
    freed = 0
    for some in _in_batches(chosen, RUNS_AT_ONCE):
        with database.write() as connection:
            announce_deleted(connection, [folder.run_id for folder in some], now)
        freed += sum(folder.size_bytes for folder in some if _try(delete_artifacts, folder, problems))
    return Retained(forgotten, len(chosen), freed, rows, tuple(problems))


def _forget_runs(database: Database, engine: Engine, before: datetime, now: datetime, problems: list[str]) -> int:
    """Delete the recorded steps of runs that ended before then; return of how many.

    What the engine does not let go is not marked: it is a problem now, and tried again by the next pass.
    """
    forgotten = 0
    kept: list[str] = []
    for _ in range(_ROUNDS):
        with database.read() as connection:
            if not runs_to_forget(connection, before, 1, but=kept):
                break
        # Chosen and announced alone: whoever queues a fork of one of them is seen, or sees it.
        with database.write(alone=True) as connection:
            run_ids = runs_to_forget(connection, before, RUNS_AT_ONCE, but=kept)
            announce_forgotten(connection, run_ids, now)
        left = _forget(engine, run_ids)
        with database.write() as connection:
            record_forgotten(connection, [run_id for run_id in run_ids if run_id not in left])
        forgotten += len(run_ids) - len(left)
        kept += left
    if kept:
        problems.append(f"the steps of {counted(len(kept), 'run')} cannot be deleted, the first: {kept[0]}")
    return forgotten


def _forget(engine: Engine, run_ids: Sequence[str]) -> list[str]:
    """Let the engine forget the runs; return those that it still has.

    A run that ended by the ledger alone (over its deadline, or on a machine that never came back) is unfinished
    in the engine's books, and the engine forgets only what has ended there: so it is ended there first.
    """
    engine.forget(run_ids)
    unfinished = [run_id for run_id in run_ids if engine.state(run_id) is not None]
    for run_id in unfinished:
        log.info("%s ended long ago and is unfinished in the engine; it is cancelled there", run_id)
        engine.cancel(run_id)
    engine.forget(unfinished)
    return [run_id for run_id in unfinished if engine.state(run_id) is not None]


def _delete_rows(database: Database, workspace: Workspace, now: datetime) -> int:
    longest = max((job.contract.unseen_for_s or 0 for job in workspace.jobs()), default=0)
    seen_before = now - max(_SEEN_AT_LEAST, timedelta(seconds=longest))
    of_channels = max((channel.unseen_for_s or 0 for channel in workspace.settings.channels.values()), default=0)
    deletions: tuple[tuple[Callable[[Connection, datetime, int], int], datetime], ...] = (
        (delete_seen_items, seen_before),
        (delete_told, now - max(_SEEN_AT_LEAST, timedelta(seconds=of_channels))),
        (delete_cached_sources, seen_before),
        (delete_hosts, seen_before),
        (delete_incidents, now - _INCIDENTS_KEPT),
    )
    return sum(_delete_all(database, delete_some, before) for delete_some, before in deletions)


def _delete_all(database: Database, delete_some: Callable[[Connection, datetime, int], int], before: datetime) -> int:
    deleted = 0
    for _ in range(_ROUNDS):
        with database.write() as connection:
            last = delete_some(connection, before, ROWS_AT_ONCE)
        deleted += last
        if last < ROWS_AT_ONCE:
            break
    return deleted


def _try(delete: Callable[[RunFolder], None], folder: RunFolder, problems: list[str]) -> bool:
    try:
        delete(folder)
    except OSError as error:
        problems.append(f"{error.filename or folder.path} cannot be deleted ({error.strerror})")
        return False
    return True


def _in_batches(folders: Sequence[RunFolder], size: int) -> Iterator[Sequence[RunFolder]]:
    for start in range(0, len(folders), size):
        yield folders[start : start + size]
