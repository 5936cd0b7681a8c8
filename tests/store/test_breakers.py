from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.domain.breaker import OPENS_AFTER, Breaker, after_answer, after_failure, let_through
from harness.store.breakers import load_breaker, save_breaker
from harness.store.database import Database

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


def test_a_breaker_survives_a_restart_and_is_forgotten_when_it_closes(tmp_path: Path) -> None:
    breaker = Breaker("api.example.org:443")
    for _ in range(OPENS_AFTER):
        breaker = after_failure(breaker, NOW, "no connection")
    for state in (breaker, let_through(breaker, NOW)):
        database = Database(tmp_path / "harness.db")
        database.migrate()
        with database.write() as connection:
            save_breaker(connection, state)
        database.close()
        database = Database(tmp_path / "harness.db")
        with database.write() as connection:
            assert load_breaker(connection, breaker.endpoint, for_change=True) == state
            assert load_breaker(connection, "other:1").is_new
        database.close()
    database = Database(tmp_path / "harness.db")
    with database.write() as connection:
        save_breaker(connection, after_answer(breaker))
        assert load_breaker(connection, breaker.endpoint).is_new
    database.close()
