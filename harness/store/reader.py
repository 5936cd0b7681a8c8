"""A connection that only reads: SQLite with the standard library, PostgreSQL with its plain driver.

Fast commands import this; SQLAlchemy alone takes longer than all of `harness status`, and the driver is
imported only where there is a server to talk to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from harness.store.address import DatabaseAddress
from harness.store.failures import database_error, driver_missing

if TYPE_CHECKING:
    import psycopg

_BUSY_TIMEOUT_S = 2.0


class Row(Protocol):
    """A row that is read by name or by position."""

    def __getitem__(self, key: str | int, /) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class Reader(Protocol):
    """One consistent view of a database. A place for a value in a query is written `?` for both kinds."""

    def rows(self, query: str, values: Sequence[object] = ()) -> Sequence[Row]:
        """Return all rows of the answer."""
        ...

    def has_table(self, name: str) -> bool:
        """Say whether there is such a table."""
        ...


@contextmanager
def opened(address: DatabaseAddress) -> Iterator[Reader | None]:
    """Open the database to read it, and never change it; None if it is a file that is not there.

    Raises TransientError if it stays locked or cannot be reached, OwnerError if it cannot be read.
    """
    if address.kind == "postgresql":
        with _opened_server(address) as reader:
            yield reader
        return
    assert address.path is not None
    try:
        with _opened_file(address.path) as file_reader:
            yield file_reader
    except sqlite3.Error as error:
        raise database_error(address, error, "read") from error


class _FileReader:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, query: str, values: Sequence[object] = ()) -> Sequence[Row]:
        return self._connection.execute(query, tuple(values)).fetchall()

    def has_table(self, name: str) -> bool:
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)))


@contextmanager
def _opened_file(path: Path) -> Iterator[_FileReader | None]:
    if not path.exists():
        yield None
        return
    connection = _connect(path)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        yield _FileReader(connection)
    finally:
        connection.close()


def _connect(database: Path) -> sqlite3.Connection:
    try:
        return _checked(database, "mode=ro", timeout_s=_BUSY_TIMEOUT_S)
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF not in _NO_PLACE_FOR_AN_INDEX:
            raise
        return _connect_without_index(database, error)


_NO_PLACE_FOR_AN_INDEX = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR)
"""What SQLite says if it cannot make a log's index: in a folder that cannot be written, and on a full disk."""


def _connect_without_index(database: Path, error: sqlite3.Error) -> sqlite3.Connection:
    """Connect to a database whose log's index cannot be made; a daemon that is alive would have made it."""
    log = Path(f"{database}-wal")
    if not log.exists() or log.stat().st_size == 0:
        # Nobody is writing, and the file alone is the whole truth.
        return _checked(database, "mode=ro&immutable=1")
    try:
        # Whoever has the file for himself keeps the index in memory. The log is what a killed daemon left.
        return _checked(database, "mode=rw", "PRAGMA locking_mode=EXCLUSIVE")
    except sqlite3.Error as second:
        raise error from second


def _checked(database: Path, options: str, *pragmas: str, timeout_s: float = 0.0) -> sqlite3.Connection:
    address = f"{database.absolute().as_uri()}?{options}"
    connection = sqlite3.connect(address, uri=True, timeout=timeout_s, isolation_level=None)
    try:
        for statement in (*pragmas, "SELECT COUNT(*) FROM sqlite_master"):
            connection.execute(statement).fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class _ServerReader:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def rows(self, query: str, values: Sequence[object] = ()) -> Sequence[Row]:
        cursor = self._connection.execute(query.replace("%", "%%").replace("?", "%s").encode(), tuple(values))
        positions = {column.name: position for position, column in enumerate(cursor.description or ())}
        return [_NamedRow(row, positions) for row in cursor.fetchall()]

    def has_table(self, name: str) -> bool:
        return self.rows("SELECT to_regclass(?)", (name,))[0][0] is not None


class _NamedRow:
    """A row of PostgreSQL, read as one of SQLite is."""

    __slots__ = ("_positions", "_values")

    def __init__(self, values: tuple[Any, ...], positions: dict[str, int]) -> None:
        self._values = values
        self._positions = positions

    def __getitem__(self, key: str | int, /) -> Any:
        return self._values[self._positions[key] if isinstance(key, str) else key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)


@contextmanager
def _opened_server(address: DatabaseAddress) -> Iterator[_ServerReader]:
    try:
        import psycopg
    except ImportError as error:
        raise driver_missing(address) from error
    try:
        with psycopg.connect(address.url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield _ServerReader(connection)
            connection.rollback()
    except psycopg.Error as error:
        raise database_error(address, error, "read") from error
