"""The memory of sources, in a real database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.collectors.cache import DatabaseSourceCache
from harness.collectors.context import CachedSource
from harness.domain.source import Item
from harness.store.database import Database
from harness.store.incidents import open_incidents
from harness.store.sources import CachedSourceRow, save_source

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
URL = "https://feeds.example/rss"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "harness.db")
    opened.migrate()
    yield opened
    opened.close()


def causes(database: Database) -> list[str]:
    with database.read() as connection:
        return [incident.cause for incident in open_incidents(connection)]


def test_an_answer_is_given_back_as_it_was_kept(database: Database) -> None:
    item = Item("A story", "https://a.example/1", "News", "What happened.", NOW - timedelta(hours=3), ("Other",))
    kept = CachedSource(URL, '"v1"', "Sat, 21 Nov 2026 16:00:00 GMT", (item,), NOW)
    cache = DatabaseSourceCache(database)
    cache.save(CachedSource(URL, None, None, (), NOW - timedelta(days=1)))
    cache.save(kept)
    assert cache.load(URL) == kept
    assert cache.load("https://other.example/") is None


def test_three_failures_in_a_row_are_an_incident_until_the_source_works(database: Database) -> None:
    cache = DatabaseSourceCache(database)
    for _ in range(2):
        cache.record(URL, ok=False, problem="answered 503", at=NOW)
    assert causes(database) == []
    cache.record(URL, ok=False, problem="answered 503", at=NOW)
    cache.record(URL, ok=False, problem="answered 503", at=NOW)
    assert causes(database) == [f"source {URL}"]
    cache.record(URL, ok=True, problem="", at=NOW)
    assert causes(database) == []


def test_a_success_forgives_the_failures_before_it(database: Database) -> None:
    cache = DatabaseSourceCache(database)
    for ok in (False, False, True, False, False):
        cache.record(URL, ok=ok, problem="" if ok else "slow", at=NOW)
    assert causes(database) == []


@pytest.mark.parametrize("items", ["", "{", "[{}]", '[{"title": 3}]', "null"])
def test_an_answer_that_cannot_be_read_any_more_is_no_answer(
    database: Database, items: str, caplog: pytest.LogCaptureFixture
) -> None:
    with database.write() as connection:
        save_source(connection, CachedSourceRow(URL, '"v1"', None, items, 0.0))

    assert DatabaseSourceCache(database).load(URL) is None
    assert URL in caplog.text
