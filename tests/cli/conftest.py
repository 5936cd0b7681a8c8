"""A workspace with a ledger, and the real command beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection

from harness.domain.run import FireKind, FireState, run_id_for
from harness.store.database import Database
from harness.store.fires import JobState, add_fire, close_fire, mark_fire, save_job_state
from harness.store.runs import NewRun, end_run, queue_run
from harness.store.state_folder import StateFolder
from harness.testing.workspace import write_workspace_files


@dataclass
class CommandLine:
    """Starts `harness` as a person would, in the workspace `root`."""

    root: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=self.root,
            env={**clean_environment(), **self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


def clean_environment() -> dict[str, str]:
    """The environment without anything that changes what the command does or how wide it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "_HARNESS"))}
    source = str(Path(__file__).parents[2])
    return {**kept, "COLUMNS": "80", "PYTHONPATH": source, "PYTHONUTF8": "1"}


@dataclass
class Ledger:
    """Writes rows as the daemon does."""

    database: Database

    def write(self, work: Callable[[Connection], object]) -> None:
        with self.database.write() as connection:
            work(connection)

    def plan(self, job_id: str, *, known_since: datetime, next_due: datetime | None, schedule: str = "daily") -> None:
        since = int(known_since.timestamp())
        due = None if next_due is None else int(next_due.timestamp())
        self.write(lambda connection: save_job_state(connection, JobState(job_id, schedule, since, since, due)))

    def fire(
        self,
        job_id: str,
        due_at: datetime,
        state: FireState,
        *,
        reason: str = "",
        items: int | None = None,
        gaps: int | None = None,
        owner: str = "me",
    ) -> str:
        """Write a fire and its run in the given state; return the run's id."""
        due = int(due_at.timestamp())
        run_id = run_id_for(FireKind.CRON, job_id, due)

        def work(connection: Connection) -> None:
            common = {"job_id": job_id, "due_at": due, "kind": FireKind.CRON, "run_id": run_id, "now": due_at}
            if state is FireState.MISSED:
                add_fire(connection, **{**common, "run_id": None}, state=state, reason=reason)  # type: ignore[arg-type]
                return
            add_fire(connection, **common, state=FireState.PLANNED, reason="")  # type: ignore[arg-type]
            queue_run(connection, NewRun(run_id, job_id, "agent", FireKind.CRON, due, 1), due_at)
            if state is FireState.PLANNED:
                return
            mark_fire(connection, run_id, FireState.RUNNING, owner)
            if state.is_open:
                mark_fire(connection, run_id, state, owner)
                return
            close_fire(connection, run_id, state=state, reason=reason, now=due_at, items=items, gaps=gaps)
            end_run(connection, run_id, due_at, stop="completed")

        self.write(work)
        return run_id


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_workspace_files(tmp_path / "team")


@pytest.fixture
def state(root: Path) -> StateFolder:
    folder = StateFolder(root / ".harness")
    folder.create()
    return folder


@pytest.fixture
def ledger(state: StateFolder) -> Iterator[Ledger]:
    database = Database(state.database)
    database.migrate()
    yield Ledger(database)
    database.close()


@pytest.fixture
def harness(root: Path) -> CommandLine:
    return CommandLine(root)
