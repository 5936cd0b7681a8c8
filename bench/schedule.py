"""What the tick costs: with nothing due among many jobs, and with a herd that is due at once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.workload import percentile, timed_s
from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.schedule import Cron
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from harness.runs.clock import sync_jobs, tick
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.database import Database
from harness.store.runs import claim_runs

_NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_AGENTS = 20


@dataclass(frozen=True, slots=True)
class TickCost:
    """Seconds: a tick with nothing due, its 99th percentile, and making so many jobs expected."""

    jobs: int
    idle_s: float
    idle_p99_s: float
    expect_s: float


@dataclass(frozen=True, slots=True)
class HerdCost:
    """Seconds: the one tick in which all are due, and one claim among them while they wait."""

    jobs: int
    tick_s: float
    claim_s: float


def measure_ticks(jobs: int, rounds: int) -> TickCost:
    """Tick `rounds` times over so many jobs of which none is due."""
    workspace = _team(jobs, "0 0 1 1 *")
    with _database() as database:
        expect_s, _ = timed_s(lambda: sync_jobs(database, workspace, _NOW, WORKFLOW_VERSION))
        ticks = [
            timed_s(lambda: tick(database, workspace, _NOW + timedelta(seconds=n), WORKFLOW_VERSION))[0]  # noqa: B023
            for n in range(rounds)
        ]
    return TickCost(jobs, percentile(ticks, 0.5), percentile(ticks, 0.99), expect_s)


def measure_herd(jobs: int) -> HerdCost:
    """Let so many jobs be due in the same second."""
    workspace = _team(jobs, "30 12 * * *")
    due = _NOW + timedelta(minutes=30)
    with _database() as database:
        sync_jobs(database, workspace, _NOW, WORKFLOW_VERSION)
        tick_s, ticked = timed_s(lambda: tick(database, workspace, due, WORKFLOW_VERSION))
        assert len(ticked.queued) == jobs

        def claim() -> None:
            with database.write() as connection:
                claim_runs(connection, "bench.1", 64, due)

        claim_s, _ = timed_s(claim)
    return HerdCost(jobs, tick_s, claim_s)


def _team(jobs: int, expression: str) -> Workspace:
    agents: dict[str, dict[str, Job]] = {f"agent-{n}": {} for n in range(_AGENTS)}
    for n in range(jobs):
        agent = f"agent-{n % _AGENTS}"
        name = f"job-{n}"
        agents[agent][name] = Job(agent, name, "", (Cron(expression),), "UTC", schedule_text=expression)
    made = {name: Agent(name, "", "", "", jobs=theirs) for name, theirs in agents.items()}
    return Workspace(Path("/"), Settings(home_zone="UTC"), agents=made)


@contextmanager
def _database() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        database = Database(Path(folder) / "harness.db")
        database.migrate()
        try:
            yield database
        finally:
            database.close()
