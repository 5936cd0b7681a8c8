"""What a condition remembers: one row a job, of the newest slot."""

from __future__ import annotations

from datetime import UTC, datetime

from harness.store.conditions import ConditionRow, load_condition, save_condition
from harness.store.database import Database

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


def save(database: Database, state: str, due_at: int, job_id: str = "scout/morning") -> None:
    with database.write() as connection:
        save_condition(connection, job_id=job_id, state=state, run_id=f"cron:{due_at}", due_at=due_at, now=NOW)


def load(database: Database, job_id: str = "scout/morning") -> ConditionRow | None:
    with database.read() as connection:
        return load_condition(connection, job_id)


def test_nothing_is_remembered_of_a_job_that_never_succeeded(database: Database) -> None:
    assert load(database) is None


def test_a_newer_run_takes_the_place_of_an_older_one_and_never_the_other_way_round(database: Database) -> None:
    save(database, "first", 100)
    save(database, "second", 200)
    save(database, "late", 150)
    save(database, "of another job", 300, "ranger/morning")
    row = ConditionRow("scout/morning", "second", "cron:200", 200, NOW.timestamp())
    assert load(database) == row


def test_the_same_slot_attempted_again_is_the_newer_one(database: Database) -> None:
    save(database, "first attempt", 100)
    save(database, "second attempt", 100)
    row = load(database)
    assert row is not None
    assert row.state == "second attempt"
