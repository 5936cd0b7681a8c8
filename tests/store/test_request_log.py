"""How a log is read and written; what follows from what, tests/bus/test_fold.py says."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from harness.bus.log import append, open_log, standing_of
from harness.domain.request import Confirmed, Delivered, Progressed, Request, Standing, fold
from harness.store.address import parse_address
from harness.store.database import Database
from harness.store.request_log import UnreadableEvent, append_event, events_of, held_events_of
from harness.store.requests import request_row
from tests.bus.team_of import NOW

REQUEST = Request("r-1", "zoe", "scout", "count the kettles", NOW + timedelta(hours=1), NOW, "kettles")


@pytest.fixture
def server(postgres_url: str, tmp_path: Path) -> Iterator[Database]:
    """A database in which transactions run beside each other."""
    with closing(Database.connect(parse_address(postgres_url, tmp_path))) as opened:
        opened.migrate()
        yield opened


def confirmed(database: Database) -> Standing:
    """Write down a request that scout has confirmed."""
    with database.write() as connection:
        standing = open_log(connection, REQUEST, "zoe", NOW)
        assert standing is not None
        standing = append(connection, standing, Delivered(1), by="system", now=NOW)
        return append(connection, standing, Confirmed(1), by="scout", now=NOW)


def wait_until_it_waits(thread: threading.Thread, observer: Database) -> None:
    while thread.is_alive():
        with observer.engine.connect() as connection:
            if connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar_one():
                return
        thread.join(0.01)


def test_who_waited_for_another_transaction_reads_what_that_one_wrote(server: Database) -> None:
    confirmed(server)
    read: list[str] = []

    def add_a_note() -> None:
        with server.write() as connection:
            standing = standing_of(connection, "r-1", for_change=True)
            read.append(standing.note)
            append(connection, standing, Progressed(1, "all of them"), by="scout", now=NOW)

    other = threading.Thread(target=add_a_note)
    with server.write() as connection:
        standing = standing_of(connection, "r-1", for_change=True)
        append(connection, standing, Progressed(1, "half of them"), by="scout", now=NOW)
        other.start()
        wait_until_it_waits(other, server)
    other.join(60)
    with server.read() as connection:
        assert (read, standing_of(connection, "r-1").note) == (["half of them"], "all of them")


def test_who_reads_a_log_for_change_has_it_until_the_transaction_ends(server: Database) -> None:
    confirmed(server)
    reading = threading.Thread(target=lambda: _hold(server))
    with server.write() as connection:
        held_events_of(connection, "r-1")
        reading.start()
        wait_until_it_waits(reading, server)
        waited = reading.is_alive()
    reading.join(60)
    assert waited


def _hold(database: Database) -> None:
    with database.write() as connection:
        held_events_of(connection, "r-1")


def test_there_is_no_log_of_a_request_that_there_is_not(database: Database) -> None:
    with database.write() as connection:
        assert held_events_of(connection, "r-1") == events_of(connection, "r-1") == []


def test_a_log_says_what_stands_in_the_database_now_however_often_it_was_read(database: Database) -> None:
    standing = confirmed(database)
    with pytest.raises(RuntimeError), database.write() as connection:
        noted = append(connection, standing, Progressed(1, "half of them"), by="scout", now=NOW)
        assert standing_of(connection, "r-1", for_change=True) == noted
        raise RuntimeError
    for read in (events_of, held_events_of):
        with pytest.raises(UnreadableEvent, match="event 2"), database.write() as connection:
            assert fold(read(connection, "r-1")) == standing
            connection.exec_driver_sql('UPDATE event SET body = \'{"token": 2, "run_id": "x"}\' WHERE number = 2')
            assert read(connection, "r-1")[1].body == Delivered(2, "x")
            connection.exec_driver_sql("UPDATE event SET kind = 'confirmed', body = '{\"token\": 1}' WHERE number = 2")
            assert read(connection, "r-1")[1].body == Confirmed(1)
            connection.exec_driver_sql("UPDATE event SET body = '{}' WHERE number = 2")
            read(connection, "r-1")


def test_a_text_too_long_to_be_kept_is_read_like_a_short_one(database: Database) -> None:
    standing = confirmed(database)
    with database.write() as connection:
        for note in ("b" * 100_000, "c" * 100_000):
            standing = append(connection, standing, Progressed(1, note), by="scout", now=NOW)
            assert standing_of(connection, "r-1", for_change=True) == standing


def test_what_is_remembered_of_texts_is_small(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "harness.db")) as database:
        database.migrate()
        with database.write() as connection:
            for number in range(1000):
                task = f"{number} " + "kettles " * (number % 2 or 1000)
                asked = replace(REQUEST, id=f"r-{number}", key=f"{number}", task=task)
                open_log(connection, asked, "zoe", NOW)
            tracemalloc.start()
            try:
                for number in range(1000):
                    held_events_of(connection, f"r-{number}")
                gc.collect()
                kept, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert kept < 1_500_000


def test_an_event_that_the_row_does_not_know_is_not_written_over_and_nothing_is_written(database: Database) -> None:
    standing = confirmed(database)
    with database.write() as connection:
        connection.exec_driver_sql("INSERT INTO event VALUES ('r-1', 4, 1.0, 'scout', 'confirmed', '{\"token\": 9}')")
    with (
        pytest.raises(AssertionError, match="r-1 has an event 4 that its row does not"),
        database.write() as connection,
    ):
        append(connection, standing, Progressed(1, "half of them"), by="scout", now=NOW)
    with database.read() as connection:
        row = request_row(connection, "r-1")
        assert row is not None
        assert (row.version, row.note) == (3, "")
        assert events_of(connection, "r-1")[3].body == Confirmed(9)


def test_of_an_event_that_came_too_late_nothing_is_written(database: Database) -> None:
    before = confirmed(database)
    with database.write() as connection:
        after = append(connection, before, Progressed(1, "half of them"), by="scout", now=NOW)
        (*_, late) = events_of(connection, "r-1")
        assert not append_event(connection, late, before, after)
        assert len(events_of(connection, "r-1")) == 4


def test_an_event_writes_no_column_that_it_leaves_as_it_is(tmp_path: Path) -> None:
    # In SQLite each index of a column that is named is written again, and a request has a dozen.
    with closing(Database(tmp_path / "harness.db")) as database:
        database.migrate()
        standing = confirmed(database)
        with database.write() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER dear BEFORE UPDATE OF receiver, state, run_id, closed_at, noticed_at, is_dead,"
                " deliver_after ON request BEGIN SELECT RAISE(ABORT, 'an index is written for nothing'); END"
            )
            append(connection, standing, Progressed(1, "half of them"), by="scout", now=NOW)
