"""A clock that was set back is told, by the daemon and by the doctor, and only for as long as it is so."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.daemon.set_back_clock import CAUSE, TOLERANCE, ClockCheck, clock_problem
from harness.domain.run import FireKind, FireState
from harness.runs.incidents import LedgerIncidents
from harness.store.database import Database
from harness.store.fires import add_fire
from harness.store.incidents import open_incidents
from harness.store.last_written import LAST_WRITTEN, last_written
from harness.store.peek import peek

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
ZONE = "America/Los_Angeles"


def test_a_clock_that_is_a_day_behind_is_told_with_both_moments() -> None:
    problem = clock_problem(NOW - timedelta(days=1), NOW, ZONE)
    assert problem is not None
    assert problem.startswith("the clock stands at Fri 20 Nov 08:00, the ledger was last written at Sat 21 Nov 08:00")
    assert "nothing fires before the clock has caught up" in problem


@pytest.mark.parametrize("ahead", [-timedelta(days=400), timedelta(0), TOLERANCE])
def test_a_clock_that_runs_or_differs_a_little_is_none_of_it(ahead: timedelta) -> None:
    assert clock_problem(NOW, NOW + ahead, ZONE) is None


def test_an_empty_ledger_says_nothing_of_the_clock() -> None:
    assert clock_problem(NOW, None, ZONE) is None


def fire_at(database: Database, moment: datetime, kind: FireKind = FireKind.CRON) -> None:
    with database.write() as connection:
        add_fire(connection, job_id="scout/morning", due_at=int(moment.timestamp()), kind=kind,
                 state=FireState.SILENT, reason="", run_id=None, now=moment)  # fmt: skip


@pytest.fixture
def check(database: Database) -> Callable[[datetime], list[str]]:
    """Look at the clock as the daemon does, and return what is an incident then."""

    def written_at() -> datetime | None:
        with database.read() as connection:
            return last_written(connection)

    clock = ClockCheck(written_at, LedgerIncidents(database, lambda: NOW))

    def look(now: datetime) -> list[str]:
        clock.look(now, ZONE)
        with database.read() as connection:
            return [f"{row.cause} {row.occurrences}" for row in open_incidents(connection)]

    return look


def test_the_incident_is_one_and_lasts_until_the_clock_has_caught_up(
    database: Database, check: Callable[[datetime], list[str]]
) -> None:
    assert check(NOW) == []
    fire_at(database, NOW)
    assert check(NOW) == []
    assert check(NOW - timedelta(days=1)) == [f"{CAUSE} 1"]
    assert check(NOW - timedelta(hours=1)) == [f"{CAUSE} 1"]
    assert check(NOW) == []


def test_an_incident_of_an_earlier_life_is_closed_by_the_next(
    database: Database, check: Callable[[datetime], list[str]]
) -> None:
    LedgerIncidents(database, lambda: NOW).open(CAUSE, "the clock stands at …")
    assert check(NOW) == []


def test_commands_that_only_read_see_the_same_moment(database: Database) -> None:
    fire_at(database, NOW)
    fire_at(database, NOW + timedelta(hours=3), FireKind.MANUAL)  # many fires by hand of one job stand ahead
    with peek(database.address) as look:
        assert look is not None
        assert look.last_written() == NOW
    with database.read() as connection:
        assert last_written(connection) == NOW


def test_it_is_answered_from_the_end_of_an_index(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "harness.db")) as database:
        database.migrate()
        with database.read() as connection:
            plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()) for query in LAST_WRITTEN]
    assert "USING INDEX fire_due_at" in plans[0]
    assert "USING COVERING INDEX usage_at" in plans[1]
