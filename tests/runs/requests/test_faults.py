"""A request that cannot be served: told once, in nobody's way, and over when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from harness.domain.errors import HarnessError, TransientError
from harness.runs.requests.faults import BusFaults
from harness.store.database import Database
from harness.store.incidents import open_incidents

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


def fails(_: str = "") -> bool:
    raise HarnessError("its log has a gap")


def messages(database: Database) -> list[str]:
    with database.read() as connection:
        return [f"{row.message} ({row.occurrences})" for row in open_incidents(connection)]


def test_one_that_fails_keeps_no_other_from_being_served(database: Database) -> None:
    faults = BusFaults(database)

    def serve(name: str) -> bool:
        return fails() if name == "r-2" else name != "r-3"

    assert faults.all_of(["r-1", "r-2", "r-3", "r-4"], serve, NOW) == ("r-1", "r-4")


def test_what_fails_in_every_tick_is_one_incident_that_is_written_once(database: Database) -> None:
    faults = BusFaults(database)
    for second in range(30):
        assert faults.guarded("r-2", fails, NOW + timedelta(seconds=second)) is None
        faults.resolve_past(NOW + timedelta(seconds=second))
    assert messages(database) == ["request r-2: its log has a gap (1)"]


def test_what_has_not_failed_for_a_while_is_over(database: Database) -> None:
    faults = BusFaults(database)
    faults.guarded("r-2", fails, NOW)
    assert faults.resolve_past(NOW + timedelta(seconds=59)) == []
    assert faults.resolve_past(NOW + timedelta(seconds=60)) == ["request r-2"]
    assert messages(database) == []
    faults.guarded("r-2", fails, NOW + timedelta(seconds=61))
    assert len(messages(database)) == 1


def test_a_new_life_resolves_what_an_earlier_one_told(database: Database) -> None:
    BusFaults(database).guarded("r-2", fails, NOW)
    assert BusFaults(database).resolve_past(NOW) == ["request r-2"]


def test_a_clock_that_is_set_back_leaves_no_incident_behind(database: Database) -> None:
    faults = BusFaults(database)
    faults.guarded("r-2", fails, NOW)
    assert faults.resolve_past(NOW - timedelta(days=1)) == ["request r-2"]


def test_a_database_that_is_away_is_no_fault_of_a_request(database: Database) -> None:
    def is_away() -> bool:
        raise TransientError("the database is locked")

    with pytest.raises(TransientError):
        BusFaults(database).guarded("r-2", is_away, NOW)
    assert messages(database) == []
