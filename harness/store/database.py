"""The one database file: connections, pragmas, transactions, and what its failures mean to the person."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.store.migrations import MIGRATIONS, migrate

_BUSY_TIMEOUT_MS = 10_000


class Database:
    """A SQLite file in WAL mode that survives a crash of the process and of the machine.

    `engine` is shared with the durable engine, so that both see the same pragmas. Writes of one process
    stand in one line behind a lock: SQLite starves writers that compete.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine: Engine = create_engine(f"sqlite:///{path}", pool_size=8, max_overflow=24)
        self._writing = threading.Lock()
        event.listen(self.engine, "connect", _set_pragmas)

    def migrate(self) -> None:
        """Bring the tables up to date. Raises OwnerError if a newer harness has written the file."""
        with self.write() as connection:
            version = migrate(connection)
        if version > MIGRATIONS[-1].number:
            raise OwnerError(
                self.path, None, f"the database has schema {version}, newer than this harness", "upgrade the harness"
            )

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[Connection]:
        """One write transaction: all of it is on disk when the block ends, or none of it.

        With `alone`, no other such transaction of any process runs meanwhile. In a SQLite file none ever does.

        Raises TransientError if another process keeps the file locked, OwnerError if it cannot be written.
        """
        with self._writing, self._translated(), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view. Raises as `write` does."""
        with self._translated(), self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    def close(self) -> None:
        """Give back all connections."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise database_error(self.path, error.orig or error) from error


def database_error(path: Path, error: BaseException) -> HarnessError:
    """Return what a failure of the database means: who must act, and how."""
    message = str(error)
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary == sqlite3.SQLITE_FULL:
        return OwnerError(path, None, "the disk is full", "free some space; nothing already written is lost")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return OwnerError(path, None, f"the database cannot be written ({message})", "make the folder writable")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return TransientError(f"{path}: the database is locked by another process")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return OwnerError(path, None, f"the database is damaged ({message})", "restore it from a backup")
    if primary == sqlite3.SQLITE_IOERR:
        return OwnerError(path, None, f"the disk reports an error ({message})", "check the disk and its free space")
    return HarnessError(f"{path}: {message}")


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    # The durable engine sets neither WAL nor FULL by itself; without FULL a power cut loses commits.
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    if sqlite3.sqlite_version_info < (3, 42):
        # From Python 3.12 on DBOS uses unixepoch('subsec') for column defaults, which older SQLite answers
        # with NULL. The columns are for the eye only: nothing of ours reads them.
        connection.create_function("unixepoch", -1, lambda *_: time.time())  # noqa: TID251
