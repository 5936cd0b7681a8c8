from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.store.address import file_address
from harness.store.database import Database
from harness.store.failures import database_error
from harness.store.migrations import MIGRATIONS
from harness.store.tables import metadata


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "harness.db")
    opened.migrate()
    yield opened
    opened.close()


def test_migrations_create_exactly_the_tables_and_columns_that_the_queries_use(database: Database) -> None:
    inspector = inspect(database.engine)
    for table in metadata.tables.values():
        columns = [column["name"] for column in inspector.get_columns(table.name)]
        assert columns == [column.name for column in table.columns], table.name
    assert set(inspector.get_table_names()) == {*metadata.tables, "schema_version"}


def test_migrating_twice_changes_nothing(database: Database) -> None:
    database.migrate()
    with database.read() as connection:
        numbers = connection.execute(text("SELECT number FROM schema_version")).scalars().all()
    assert numbers == [migration.number for migration in MIGRATIONS]


def test_every_connection_survives_a_power_cut(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 10_000


def test_a_transaction_that_raises_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.execute(text("INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)"))
        raise RuntimeError
    with database.read() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM seen_item")).scalar() == 0


def test_a_transaction_killed_before_its_commit_leaves_nothing_behind(database: Database) -> None:
    script = (
        "import os, sys; from pathlib import Path; from sqlalchemy import text;"
        "from harness.store.database import Database\n"
        "with Database(Path(sys.argv[1])).write() as connection:\n"
        "    connection.execute(text(\"INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)\"))\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(database.path)], check=False)
    assert killed.returncode == -9
    with database.read() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM seen_item")).scalar() == 0


def test_a_newer_schema_is_not_touched(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("INSERT INTO schema_version VALUES (99, 'of tomorrow')"))
    with pytest.raises(OwnerError, match=r"newer than this harness, which knows .*; upgrade the harness"):
        database.migrate()


def test_a_write_locked_by_another_process_may_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "harness.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN EXCLUSIVE")
    other = sqlite3.connect(path, timeout=0)
    with pytest.raises(sqlite3.OperationalError) as caught:
        other.execute("BEGIN IMMEDIATE")
    assert isinstance(database_error(file_address(path), caught.value), TransientError)
    holder.close()
    other.close()


def test_a_full_disk_names_the_file_and_the_fix(tmp_path: Path) -> None:
    path = tmp_path / "small.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (x)")
    connection.execute("PRAGMA max_page_count = 3")
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("INSERT INTO t VALUES (zeroblob(1000000))")
    connection.close()
    error = database_error(file_address(path), caught.value)
    assert isinstance(error, OwnerError)
    assert "the disk is full; free some space" in str(error)


def test_a_folder_that_does_not_exist_is_the_owners_to_fix(tmp_path: Path) -> None:
    database = Database(tmp_path / "nowhere" / "harness.db")
    with pytest.raises(OwnerError, match="make the folder writable"), database.write():
        pass
    database.close()


def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "harness.db"
    path.write_bytes(b"this is no database, but it is long enough to have a header\n" * 20)
    database = Database(path)
    with pytest.raises(HarnessError, match="damaged"):
        database.migrate()
    database.close()
