"""Writers of one process wait for each other, and not for SQLite's alarm clock."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from harness.domain.errors import HarnessError, TransientError
from harness.store.address import file_address
from harness.store.database import Database
from harness.store.failures import database_error
from harness.store.write_line import LinedConnection, WriteLine

Open = Callable[[WriteLine], LinedConnection]


@pytest.fixture
def open_file(tmp_path: Path) -> Iterator[Open]:
    opened: list[LinedConnection] = []

    def connect(line: WriteLine) -> LinedConnection:
        # With no patience of SQLite's own, whoever does not stand in line fails at once.
        connection = sqlite3.connect(
            tmp_path / "t.db", timeout=0, factory=LinedConnection, isolation_level="IMMEDIATE", check_same_thread=False
        )
        connection.line = line
        opened.append(connection)
        return connection

    with closing(connect(WriteLine(0))) as first:
        first.execute("PRAGMA journal_mode=WAL")
        first.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    yield connect
    for connection in opened:
        connection.close()


def insert(connection: LinedConnection, *values: int) -> None:
    connection.cursor().executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])


def values_in(connection: LinedConnection) -> list[int]:
    return [row[0] for row in connection.cursor().execute("SELECT a FROM t ORDER BY a")]


@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "INSERT INTO t VALUES (1)", " insert into t values (1)"])
def test_a_writer_waits_for_the_one_before_it_and_then_writes(open_file: Open, begin: str) -> None:
    line = WriteLine(60)
    first, second = open_file(line), open_file(line)
    first.cursor().execute(begin)
    failures: list[sqlite3.Error] = []

    def write() -> None:
        try:
            insert(second, 2, 3)
            second.commit()
        except sqlite3.Error as error:
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    writer.join(0.2)  # in vain: it waits
    is_waiting = writer.is_alive()
    first.commit()
    writer.join(60)
    assert (is_waiting, failures) == (True, [])
    assert values_in(first)[-2:] == [2, 3]


def test_a_writer_that_waits_too_long_is_told_what_sqlite_would_tell_it(open_file: Open) -> None:
    line = WriteLine(0)
    first, second = open_file(line), open_file(line)
    insert(first, 1)
    with pytest.raises(sqlite3.OperationalError, match="database is locked") as refused:
        insert(second, 2)
    assert isinstance(database_error(file_address(Path("t.db")), refused.value), TransientError), (
        "it may be tried again"
    )
    first.commit()
    insert(second, 2)
    second.commit()
    assert values_in(first) == [1, 2]


def test_reading_needs_no_place_in_the_line(open_file: Open) -> None:
    line = WriteLine(0)
    first, second = open_file(line), open_file(line)
    insert(first, 1)
    second.cursor().execute("BEGIN")
    assert values_in(second) == []
    second.rollback()


def fail_to_begin(connection: LinedConnection) -> None:
    with pytest.raises(sqlite3.OperationalError):
        connection.cursor().execute("INSERT INTO nowhere VALUES (1)")


def fail_and_roll_back(connection: LinedConnection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert(connection, 1, 1)
    connection.rollback()


def write_and_close(connection: LinedConnection) -> None:
    insert(connection, 1)
    connection.close()


def commit_in_words(connection: LinedConnection) -> None:
    connection.cursor().execute("BEGIN IMMEDIATE")
    connection.cursor().execute("COMMIT")


def be_rolled_back(connection: LinedConnection) -> None:
    """Have SQLite itself give the transaction up in the middle, as it does when the disk is full."""
    connection.cursor().execute("CREATE TRIGGER refuse BEFORE UPDATE ON t BEGIN SELECT RAISE(ROLLBACK, 'no'); END")
    insert(connection, 1)
    with pytest.raises(sqlite3.IntegrityError, match="no"):
        connection.cursor().execute("UPDATE t SET a = 2")


@pytest.mark.parametrize("end", [fail_to_begin, fail_and_roll_back, write_and_close, commit_in_words, be_rolled_back])
def test_whoever_fails_or_goes_away_lets_the_next_one_write(
    open_file: Open, end: Callable[[LinedConnection], None]
) -> None:
    line = WriteLine(0)
    first, second = open_file(line), open_file(line)
    end(first)
    insert(second, 7)
    second.commit()
    assert values_in(second) == [7]


def test_a_transaction_of_several_writes_stands_in_line_once_and_leaves_it_at_its_end(open_file: Open) -> None:
    line = WriteLine(0)
    first, second = open_file(line), open_file(line)
    first.cursor().execute("BEGIN IMMEDIATE")
    insert(first, 1)
    insert(first, 2)
    with pytest.raises(sqlite3.OperationalError):
        insert(second, 3)
    first.commit()
    insert(second, 3)
    second.rollback()
    assert values_in(first) == [1, 2]


def test_the_engines_transactions_stand_in_the_same_line_as_ours(tmp_path: Path) -> None:
    database = Database(tmp_path / "t.db")
    begun = threading.Event()
    order: list[str] = []

    def write_as_the_engine_does() -> None:
        begun.set()
        with database.engine.begin() as connection:
            connection.execute(text("INSERT INTO t VALUES (2)"))
            order.append("engine")

    with database.write() as connection:
        connection.execute(text("CREATE TABLE t (a INTEGER)"))
    writer = threading.Thread(target=write_as_the_engine_does)
    with database.write() as connection:
        connection.execute(text("INSERT INTO t VALUES (1)"))
        writer.start()
        assert begun.wait(60)
        writer.join(0.2)  # in vain: it waits
        order.append("ours")
    writer.join(60)
    with database.read() as connection:
        kept = connection.execute(text("SELECT a FROM t")).scalars().all()
    database.close()
    assert (order, kept) == (["ours", "engine"], [1, 2])


def test_what_cannot_be_committed_leaves_neither_the_line_nor_a_connection_occupied(tmp_path: Path) -> None:
    """A full disk is often noticed by the commit only; here a reference that is checked then stands in for it."""
    with closing(Database(tmp_path / "t.db")) as database:
        with database.write() as connection:
            connection.execute(text("CREATE TABLE a (id INTEGER PRIMARY KEY)"))
            connection.execute(text("CREATE TABLE b (a INTEGER REFERENCES a(id) DEFERRABLE INITIALLY DEFERRED)"))
        with pytest.raises(HarnessError, match="FOREIGN KEY"), database.write() as connection:
            connection.execute(text("INSERT INTO b VALUES (1)"))
        with database.write() as connection:
            assert connection.execute(text("SELECT COUNT(*) FROM b")).scalar_one() == 0
