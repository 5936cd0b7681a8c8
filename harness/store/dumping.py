"""The database as files in a folder: written while others work, checked when they are read back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import HarnessError
from harness.store.address import DatabaseAddress
from harness.store.copying import check_copy, copy_database
from harness.store.database import Database
from harness.store.server_dump import VERSION_TABLE, ServerDump, dump_server, read_dump, rows_in

DATABASE_FILE = "harness.db"


@dataclass(frozen=True, slots=True)
class Dump:
    """What was written: the schema's number, and the rows of each table."""

    schema_version: int
    tables: Mapping[str, int]


def dump_database(
    address: DatabaseAddress, folder: Path, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Dump:
    """Write the database as it is at one moment into files of the folder; one that is not there has no tables.

    Raises TransientError if it is locked or cannot be reached, OwnerError if it cannot be read, OSError as the
    disk of the folder does.
    """
    if address.path is None:
        with closing(Database.connect(address)) as database, database.read() as connection:
            dumped = dump_server(connection, folder, progress=progress)
        return Dump(_version_in(folder, dumped), dumped.counts)
    if not address.path.exists():
        return Dump(0, {})
    copy = folder / DATABASE_FILE
    tables = copy_database(address.path, copy, progress=progress)
    return Dump(_version_of(copy), tables)


def check_dump(kind: str, folder: Path) -> Mapping[str, int]:
    """Return the rows of each table of a dump that is sound. Raises HarnessError naming what is wrong with it."""
    if kind == "postgresql":
        return read_dump(folder).counts
    if kind != "sqlite":
        raise HarnessError(f"a database of the kind {kind!r} is not known to this harness")
    copy = folder / DATABASE_FILE
    return check_copy(copy) if copy.exists() else {}


def _version_of(copy: Path) -> int:
    """Return the number of the schema that a copy has; 0 if it has none of ours."""
    with closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        named = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchone()
        return connection.execute("SELECT MAX(number) FROM schema_version").fetchone()[0] if named else 0


def _version_in(folder: Path, dumped: ServerDump) -> int:
    numbers = (rows_in(folder, table) for table in dumped.tables if table.name == VERSION_TABLE)
    return max((int(row[0] or 0) for rows in numbers for row in rows), default=0)
