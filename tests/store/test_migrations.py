"""Databases of every released version come up to date with all their rows, on a file and on a server."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, MetaData, inspect, select, text

from harness.domain.errors import OwnerError
from harness.domain.run import FireState, RunState
from harness.store import fires, incidents, outbox, runs
from harness.store.address import DatabaseAddress
from harness.store.database import Database
from harness.store.migrations import LATEST, MIGRATIONS
from harness.store.peek import peek
from harness.store.tables import metadata

RELEASED = sorted((Path(__file__).parent / "released").glob("schema-*.sql"))
Rows = dict[str, list[dict[str, object]]]


def load(address: DatabaseAddress, dump: Path) -> None:
    """Make the database what the dump says."""
    script = re.sub(r"^--.*\n", "", dump.read_text(encoding="utf-8"), flags=re.MULTILINE)
    if address.kind == "postgresql":
        script = script.replace("%", "%%")  # its driver looks for places of values
    with closing(Database.connect(address)) as database, database.write() as connection:
        for statement in re.split(r";\n(?=CREATE |INSERT |\Z)", script.strip() + "\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)


def rows_of(connection: Connection) -> Rows:
    """Return every row of every table that there is, in an order of its own."""
    there = MetaData()
    there.reflect(connection)
    return {
        table.name: sorted((dict(row._mapping) for row in connection.execute(select(table))), key=repr)
        for table in there.tables.values()
    }


def version_of(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(text("SELECT MAX(number) FROM schema_version")).scalar_one())


@pytest.fixture(params=RELEASED, ids=lambda path: path.stem)
def old(request: pytest.FixtureRequest, address: DatabaseAddress) -> Iterator[Database]:
    """A database of each released version, on a file and on a server."""
    load(address, request.param)
    with closing(Database.connect(address)) as database:
        yield database


def test_there_is_a_dump_of_every_version_before_the_newest() -> None:
    assert [path.stem for path in RELEASED] == [f"schema-{migration.number}" for migration in MIGRATIONS[:-1]]


def test_every_row_of_a_released_version_is_there_afterwards(old: Database) -> None:
    with old.read() as connection:
        before = rows_of(connection)
    assert all(before.values()), "the dump shows every table in use"
    old.migrate()
    with old.read() as connection:
        after = rows_of(connection)
    for table, old_rows in before.items():
        if table != "schema_version":
            known = old_rows[0].keys()
            assert [{name: row[name] for name in known} for row in after[table]] == old_rows, table
    assert set(after) == {*metadata.tables, "schema_version"}


def test_a_migrated_database_has_the_columns_of_a_new_one(old: Database) -> None:
    old.migrate()
    inspector = inspect(old.engine)
    for table in metadata.tables.values():
        assert {column["name"] for column in inspector.get_columns(table.name)} == {c.name for c in table.columns}


def test_what_the_old_version_left_open_is_found_by_the_queries_of_today(old: Database) -> None:
    old.migrate()
    with old.read() as connection:
        states = {fire.state for fire in fires.open_fires(connection)}
        assert states == {FireState.PLANNED, FireState.RUNNING, FireState.SUSPENDED}
        (running,) = runs.runs_in(connection, RunState.RUNNING)
        assert (running.attempt, running.owner) == (1, "studio-1a2b3c4d")
        assert outbox.count_pending(connection) == 1
        assert len(incidents.open_incidents(connection)) == 3
        assert {state.failures_in_a_row for state in fires.job_states(connection).values()} == {0}
    with peek(old.address) as look:
        assert look is not None
        assert {entry.fire.state for entry in look.open_fires()} == states
        assert look.run(running.id) is not None


def test_looking_at_an_older_database_says_what_brings_it_up_to_date(old: Database) -> None:
    with (
        pytest.raises(OwnerError, match=r"schema \d+, this harness works with .*harness up") as caught,
        peek(old.address),
    ):
        pass
    assert "not-to-be-shown" not in str(caught.value)


def test_looking_at_a_newer_database_says_to_upgrade(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text(f"INSERT INTO schema_version VALUES ({LATEST + 1}, 'of tomorrow')"))
    with pytest.raises(OwnerError, match=r"newer than this harness.*upgrade the harness"), peek(database.address):
        pass


def test_what_is_refused_after_the_migration_undoes_it(old: Database) -> None:
    def refuse(connection: Connection) -> None:
        raise OwnerError("x", None, "not yours", "leave it")

    before = version_of(old)
    with pytest.raises(OwnerError, match="not yours"):
        old.migrate(refuse)
    assert version_of(old) == before < LATEST


MIGRATE = """
import os, sys
from pathlib import Path
from harness.store.address import parse_address
from harness.store.database import Database
from harness.store.migrations import migrate

class Dying:
    # Passes statements on, and has the process killed before the n-th.
    def __init__(self, connection, n):
        self.connection, self.left = connection, n

    def exec_driver_sql(self, statement):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), 9)
        return self.connection.exec_driver_sql(statement)

database = Database.connect(parse_address(sys.argv[1], Path()))
with database.write(alone=True) as connection:
    migrate(Dying(connection, int(sys.argv[2])))
"""


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 1.0])
def test_a_migration_killed_in_the_middle_leaves_the_old_version_intact(old: Database, share: float) -> None:
    current = version_of(old)
    # Two ask for the version; after those of each migration it is written down.
    to_do = sum(len(migration.statements) + 1 for migration in MIGRATIONS if migration.number > current)
    statements = 3 + round(share * (to_do - 1))
    with old.read() as connection:
        before = rows_of(connection)
    killed = subprocess.run([sys.executable, "-c", MIGRATE, old.address.url, str(statements)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with old.read() as connection:
        assert rows_of(connection) == before
    old.migrate()
    assert version_of(old) == LATEST


START = """
import sys
from pathlib import Path
from harness.store.address import parse_address
from harness.store.database import Database

database = Database.connect(parse_address(sys.argv[1], Path()))
print("here", flush=True)
sys.stdin.readline()
database.migrate()
"""


def test_daemons_that_start_at_once_migrate_once(old: Database) -> None:
    daemons = [
        subprocess.Popen(
            [sys.executable, "-c", START, old.address.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for daemon in daemons:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "here\n"
    for daemon in daemons:
        assert daemon.stdin is not None
        daemon.stdin.write("go\n")
        daemon.stdin.flush()
    assert [daemon.wait() for daemon in daemons] == [0, 0, 0, 0]
    for daemon in daemons:
        daemon.communicate()
    with old.read() as connection:
        numbers = connection.execute(text("SELECT number FROM schema_version ORDER BY number")).scalars().all()
    assert numbers == [migration.number for migration in MIGRATIONS]
