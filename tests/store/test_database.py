from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, inspect, text

from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.store.address import file_address, parse_address
from harness.store.database import Database
from harness.store.failures import database_error
from harness.store.migrations import MIGRATIONS
from harness.store.tables import metadata
from tests.postgres_server import PASSWORD, Server


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


def test_every_connection_to_a_file_survives_a_power_cut(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "harness.db")) as database, database.read() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 10_000


def test_connections_to_a_file_keep_little_of_it_and_who_is_alone_uses_one(tmp_path: Path) -> None:
    database = Database(tmp_path / "harness.db")
    with database.read(), database.read(), database.read():
        pass
    used = set()
    for _ in range(4):
        with database.read() as connection:
            assert connection.execute(text("PRAGMA cache_size")).scalar() == -256
            used.add(id(connection.connection.dbapi_connection))
    assert len(used) == 1
    database.close()


def test_a_transaction_that_raises_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.execute(text("INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)"))
        raise RuntimeError
    with database.read() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM seen_item")).scalar() == 0


def test_a_transaction_killed_before_its_commit_leaves_nothing_behind(database: Database) -> None:
    script = (
        "import os, sys; from pathlib import Path; from sqlalchemy import text;"
        "from harness.store.address import parse_address; from harness.store.database import Database\n"
        "with Database.connect(parse_address(sys.argv[1], Path())).write() as connection:\n"
        "    connection.execute(text(\"INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)\"))\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, database.address.url], check=False)
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


# Alone, and consistent


def test_who_writes_alone_waits_for_the_other_and_sees_what_it_wrote(database: Database) -> None:
    first_is_in, may_end = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        with database.write(alone=True) as connection:
            first_is_in.set()
            assert may_end.wait(30)
            connection.execute(text("INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)"))
            order.append("first")

    def second() -> None:
        assert first_is_in.wait(30)
        with database.write(alone=True) as connection:
            assert connection.execute(text("SELECT COUNT(*) FROM seen_item")).scalar() == 1
            order.append("second")

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    assert first_is_in.wait(30)
    wait_until_somebody_waits(database)
    may_end.set()
    for thread in threads:
        thread.join(30)
    assert order == ["first", "second"]


def wait_until_somebody_waits(database: Database) -> None:
    """On a server, see the second one in the queue; in a file, it stands before a lock of the process."""
    query = text("SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    if database.is_server:
        for _ in range(10_000):
            with database.read() as connection:
                if connection.execute(query).scalar():
                    return
        raise AssertionError("nobody waits")


def test_what_is_read_is_one_moment(database: Database) -> None:
    count = text("SELECT COUNT(*) FROM seen_item")
    with database.read() as reading:
        before = reading.execute(count).scalar()
        with database.write() as writing:
            writing.execute(text("INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)"))
        assert reading.execute(count).scalar() == before == 0
    with database.read() as reading:
        assert reading.execute(count).scalar() == 1


def test_the_time_is_the_servers_where_there_is_one(database: Database) -> None:
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)
    assert (database.now(long_ago) == long_ago) is not database.is_server


# A server's failures


@pytest.fixture
def server(postgres_url: str) -> Iterator[Database]:
    with closing(on(postgres_url)) as opened:
        opened.migrate()
        yield opened


def on(url: str) -> Database:
    return Database.connect(parse_address(url, Path()))


def failure_of(url: str) -> HarnessError:
    """Return what using the address comes to, which never shows the password."""
    with closing(on(url)) as database, pytest.raises(HarnessError) as caught, database.read():
        pass
    assert PASSWORD not in str(caught.value)
    assert str(database.address) in str(caught.value)
    return caught.value


def test_a_server_that_does_not_answer_may_be_tried_again() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        error = failure_of(f"postgresql://harness:{PASSWORD}@127.0.0.1:{nobody.getsockname()[1]}/team")
    assert isinstance(error, TransientError)
    assert "the database cannot be reached" in str(error)


def test_a_host_without_a_name_may_be_tried_again() -> None:
    error = failure_of(f"postgresql://harness:{PASSWORD}@no-such-host.invalid/team")
    assert isinstance(error, TransientError)


def test_a_wrong_password_and_a_missing_database_are_the_owners_to_fix(own_postgres: Server) -> None:
    wrong = failure_of(own_postgres.url.replace(PASSWORD, f"{PASSWORD}x"))
    assert isinstance(wrong, OwnerError)
    assert wrong.problem.startswith("the password is wrong")
    missing = failure_of(f"{own_postgres.url}x")
    assert isinstance(missing, OwnerError)
    assert missing.problem.startswith("there is no such database")
    unknown_option = failure_of(f"{own_postgres.url}?colour=red")
    assert isinstance(unknown_option, OwnerError)
    assert "no address of a database" in unknown_option.problem


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("53100", OwnerError, "the disk of the server is full"),
        ("25006", OwnerError, "only lets it be read"),
        ("42501", OwnerError, "not allowed"),
        ("XX001", OwnerError, "damaged"),
        ("40001", TransientError, "at the same time"),
        ("40P01", TransientError, "at the same time"),
        ("53300", TransientError, "too many connections"),
        ("55P03", TransientError, "locked by another process"),
        ("22012", HarnessError, "said so"),
    ],
)
def test_what_a_server_reports_says_who_must_act(
    server: Database, code: str, kind: type[HarnessError], words: str
) -> None:
    script = f"DO $$ BEGIN RAISE EXCEPTION 'the server said so' USING ERRCODE = '{code}'; END $$"
    with pytest.raises(HarnessError, match=words) as caught, server.write() as connection:
        connection.exec_driver_sql(script)
    assert type(caught.value) is kind


def test_too_many_connections_may_be_tried_again(server: Database, postgres_url: str) -> None:
    role = f"r_{uuid.uuid4().hex}"
    with server.write() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}' CONNECTION LIMIT 1")
    parts = urlsplit(postgres_url)
    url = parts._replace(netloc=f"{role}:{PASSWORD}@{parts.netloc.rpartition('@')[2]}").geturl()
    try:
        with closing(on(url)) as first, first.read():
            error = failure_of(url)
    finally:
        with server.write() as connection:
            connection.exec_driver_sql(f"DROP ROLE {role}")
    assert isinstance(error, TransientError)
    assert "too many connections" in str(error)


def test_a_connection_that_is_lost_in_a_transaction_leaves_nothing_and_the_next_one_works(server: Database) -> None:
    def insert(connection: Connection) -> None:
        connection.execute(text("INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)"))

    with pytest.raises(TransientError), server.write() as connection:
        insert(connection)
        with server.write() as other:
            pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        insert(connection)
    with server.write() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM seen_item")).scalar() == 0
        insert(connection)


def test_who_stands_still_in_a_transaction_does_not_hold_the_others_up(server: Database) -> None:
    with server.read() as connection:
        limits = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in
                  ("idle_in_transaction_session_timeout", "lock_timeout", "synchronous_commit")]  # fmt: skip
    assert limits == ["10s", "10s", "on"]
    with pytest.raises(TransientError, match="stood still"), server.write(alone=True) as frozen:
        frozen.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '200ms'")
        with server.write(alone=True):
            pass
        frozen.exec_driver_sql("SELECT 1")


def test_after_a_restart_of_the_server_the_first_transaction_works(own_postgres: Server) -> None:
    with closing(on(own_postgres.url)) as database:
        database.migrate()
        own_postgres.stop()
        with pytest.raises(TransientError, match="cannot be reached"), database.read():
            pass
        own_postgres.start()
        with database.write() as connection:
            connection.execute(text("INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)"))
        own_postgres.stop(signal.SIGQUIT)
        own_postgres.start()
        with database.read() as connection:
            assert connection.execute(text("SELECT COUNT(*) FROM seen_item")).scalar() == 1


def test_a_patient_transaction_waits_for_its_server_and_begins_once(own_postgres: Server) -> None:
    begun: list[Connection] = []

    def insert(database: Database) -> None:
        with database.patiently(within_s=60).write() as connection:
            begun.append(connection)
            connection.execute(text("INSERT INTO seen_item VALUES ('a/b', 'https://x', 1)"))

    with closing(on(own_postgres.url)) as database:
        database.migrate()
        own_postgres.stop()
        waiting = threading.Thread(target=insert, args=(database,))
        waiting.start()
        with pytest.raises(TransientError), database.patiently(within_s=0.1).read():
            pass
        assert begun == []
        own_postgres.start()
        waiting.join(60)
        with database.read() as connection:
            assert connection.execute(text("SELECT COUNT(*) FROM seen_item")).scalar() == len(begun) == 1


def test_closing_the_database_ends_all_waiting_for_its_server(own_postgres: Server) -> None:
    own_postgres.stop()
    database = on(own_postgres.url)
    told: list[str] = []

    def wait() -> None:
        try:
            with database.patiently(within_s=3600).read():
                pass
        except TransientError as error:
            told.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    database.close()
    waiting.join(60)
    assert "cannot be reached" in told[0]


def test_without_the_driver_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from pathlib import Path\n"
        "from harness.store.address import parse_address\n"
        "from harness.store.database import Database\n"
        "from harness.store.peek import peek\n"
        "address = parse_address('postgresql://db/team', Path())\n"
        "for use in (lambda: Database.connect(address), lambda: peek(address).__enter__()):\n"
        "    try:\n        use()\n    except Exception as error:\n        print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    line = (
        "OwnerError postgresql://db/team: the driver for PostgreSQL is not installed; "
        "install it: pip install 'agent-team-harness[postgres]'\n"
    )
    assert done.stdout == line * 2
