from __future__ import annotations

from harness.domain.pause import PauseRow
from harness.store.database import Database
from harness.store.pauses import add_pause, all_pauses, remove_pause


def test_a_pause_is_kept_until_it_is_removed(database: Database) -> None:
    row = PauseRow("job:ainews/arxiv", "Sam", "on holiday", 1_800_000_000.5, is_automatic=True)
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
        assert add_pause(connection, PauseRow("all", "Sam", "on holiday", 1.0))
        assert not add_pause(connection, PauseRow("all", "Alex", "also", 2.0))
        assert all_pauses(connection)["all"].paused_by == "Sam"
