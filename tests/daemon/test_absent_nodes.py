from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.daemon.absent_nodes import PATIENCE, tell_absent_nodes
from harness.domain.run import FireKind
from harness.runs.incidents import LedgerIncidents
from harness.runs.nodes import Installation, Membership
from harness.store.database import Database
from harness.store.incidents import open_incidents
from harness.store.runs import NewRun, queue_run
from harness.testing.engine import MemoryEngine

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
LATER = NOW + PATIENCE


class Team:
    def __init__(self, database: Database) -> None:
        self.database = database

    def queue(self, *jobs: str, node: str | None = "mac") -> None:
        with self.database.write() as connection:
            for job in jobs:
                queue_run(connection, NewRun(f"cron:{job}:1", job, "agent", FireKind.CRON, 1, 1, node=node), NOW)

    def told_at(self, now: datetime) -> list[str]:
        tell_absent_nodes(self.database, LedgerIncidents(self.database, lambda: now), now)
        with self.database.read() as connection:
            return [f"{incident.cause}: {incident.message}" for incident in open_incidents(connection)]

    def mac(self) -> Membership:
        here = Installation("id", "mac", "host")
        joined = Membership(self.database, MemoryEngine(), here, workflow_version=1, now=lambda: NOW)
        joined.join("daemon")
        return joined


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    database = Database(tmp_path / "harness.db")
    database.migrate()
    yield Team(database)
    database.close()


def test_work_that_waits_for_a_node_which_does_not_come_is_told_once_and_closed_when_it_comes(team: Team) -> None:
    team.queue("scout/morning", "macro/wrap")
    assert team.told_at(LATER - timedelta(seconds=1)) == []
    told = team.told_at(LATER)
    assert told == [
        "node mac: macro/wrap, scout/morning wait for the node mac, which is not there;"
        " start the daemon on mac, or take `on: mac` away"
    ]
    assert team.told_at(LATER + timedelta(hours=1)) == told
    with team.database.read() as connection:
        assert [incident.occurrences for incident in open_incidents(connection)] == [1]
    team.mac()
    assert team.told_at(LATER + timedelta(hours=2)) == []


def test_nothing_is_told_of_a_node_that_is_there_nor_of_work_that_any_node_may_do(team: Team) -> None:
    team.mac()
    team.queue("scout/morning")
    team.queue("scout/other", node=None)
    assert team.told_at(LATER) == []


def test_many_jobs_that_wait_are_told_in_one_line(team: Team) -> None:
    team.queue("scout/a", "scout/b", "scout/c", "scout/d", "scout/e")
    (told,) = team.told_at(LATER)
    assert "scout/a, scout/b, scout/c and 2 more wait for the node mac" in told
