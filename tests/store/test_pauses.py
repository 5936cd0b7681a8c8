from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.store.database import Database
from harness.store.pauses import PauseRow, add_pause, all_pauses, pause_of, remove_pause, why_paused

MONDAY = datetime(2026, 11, 16, 9, 10, tzinfo=UTC).timestamp()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "harness.db")
    opened.migrate()
    yield opened
    opened.close()


def _row(scope: str, by: str = "Sam", reason: str = "on holiday", *, is_automatic: bool = False) -> PauseRow:
    return PauseRow(scope, by, reason, MONDAY, is_automatic)


def test_a_pause_is_kept_until_it_is_removed(database: Database) -> None:
    row = _row("job:ainews/arxiv", is_automatic=True)
    with database.write() as connection:
        assert add_pause(connection, row)
    with database.read() as connection:
        assert all_pauses(connection) == {row.scope: row}
    with database.write() as connection:
        assert remove_pause(connection, row.scope) == row
        assert remove_pause(connection, row.scope) is None
        assert all_pauses(connection) == {}


def test_whoever_pauses_first_stays_named(database: Database) -> None:
    with database.write() as connection:
        assert add_pause(connection, _row("all", "Sam", "on holiday"))
        assert not add_pause(connection, _row("all", "Alex", "also"))
        assert all_pauses(connection)["all"].paused_by == "Sam"


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (["all"], "paused (everything) by Sam since Mon 16 Nov 09:10 UTC: all"),
        (["all", "agent:ainews"], "paused (all of ainews) by Sam since Mon 16 Nov 09:10 UTC: agent:ainews"),
        (["all", "agent:ainews", "job:ainews/arxiv"], "paused by Sam since Mon 16 Nov 09:10 UTC: job:ainews/arxiv"),
        (["agent:ain", "agent:ainews2", "job:ainews/arxiv2", "job:arxiv"], None),
        ([], None),
    ],
)
def test_the_most_specific_pause_says_why(scopes: list[str], expected: str | None) -> None:
    pauses = {scope: _row(scope, reason=scope) for scope in scopes}
    assert why_paused(pauses, "ainews/arxiv") == expected


def test_the_time_of_a_pause_is_told_in_the_persons_zone() -> None:
    pauses = {"job:zoe/backup": _row("job:zoe/backup", reason="")}
    assert why_paused(pauses, "zoe/backup", "Europe/Berlin") == "paused by Sam since Mon 16 Nov 10:10"


def test_a_job_that_nothing_covers_has_no_pause() -> None:
    assert pause_of({"agent:zoe": _row("agent:zoe")}, "ainews/arxiv") is None
