"""The database: connections, transactions, and what its failures mean to the person."""

from __future__ import annotations

import select
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from harness.domain.errors import OwnerError, TransientError
from harness.store.address import DatabaseAddress, file_address
from harness.store.failures import database_error, driver_missing, newer_version
from harness.store.migrations import LATEST, migrate
from harness.store.write_line import LinedConnection, WriteLine

_BUSY_TIMEOUT_MS = 10_000
_CACHE_KIB = 256
"""What a connection to a file keeps of its pages: whenever another one has written, it reads them anew anyway."""
_WRITTEN_PAGES = 500
"""How many pages a transaction may change before it writes down some of them early."""
_STANDSTILL_MS = 10_000
_TRY_AGAIN_S = 0.5
_ALONE = 0x6861726E657373
"""The lock of PostgreSQL that `write(alone=True)` takes; any number will do that no other program takes."""

_SERVER_DEFAULTS = {
    # A server that is gone without a word is noticed in half a minute, not in two hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "application_name": "agent-team-harness",
}


class Database:
    """A SQLite file in WAL mode, or a PostgreSQL database; what is committed survives any crash.

    `engine` is shared with the durable engine, so that both see the same settings and stand in the same line:
    in a file, one transaction of this process writes at a time, as SQLite starves writers that compete.
    """

    def __init__(self, path: Path) -> None:
        """Open a file; nothing is touched before the first transaction."""
        self._set_up(file_address(path), _file_engine(path))

    @classmethod
    def connect(cls, address: DatabaseAddress) -> Database:
        """Open the database at an address; nothing is touched before the first transaction.

        Raises OwnerError for a server's address that cannot be used, or without the driver for it.
        """
        database = cls.__new__(cls)
        database._set_up(address, _engine_for(address))
        return database

    def _set_up(self, address: DatabaseAddress, engine: Engine) -> None:
        self.address = address
        self.engine = engine
        self._closing = threading.Event()
        self._patience_s = 0.0

    def patiently(self, within_s: float = 60.0) -> Database:
        """Return the same database for work that must not break off because its server is away for a moment.

        A transaction waits so long for the server before it begins; one that has begun is never repeated.
        Not for an event loop: it blocks.
        """
        patient = copy(self)
        patient._patience_s = within_s
        return patient

    @property
    def is_server(self) -> bool:
        return self.address.kind == "postgresql"

    @property
    def path(self) -> Path:
        """The SQLite file; there is none of a server's."""
        assert self.address.path is not None, "a database on a server has no file"
        return self.address.path

    def migrate(self, check: Callable[[Connection], None] = lambda connection: None) -> None:
        """Bring the tables up to date, and check that the database may be used, all or nothing.

        Raises OwnerError if a newer harness has written it, and whatever `check` raises; then nothing of it
        has changed.
        """
        with self.write(alone=True) as connection:
            version = migrate(connection)
            if version > LATEST:
                raise newer_version(self.address, version, LATEST)
            check(connection)

    @contextmanager
    def write(self, *, alone: bool = False) -> Iterator[Connection]:
        """One write transaction: all of it is on disk when the block ends, or none of it.

        With `alone`, no other such transaction of any process runs meanwhile. In a SQLite file none ever does.

        Raises TransientError if the database is locked or cannot be reached for now, OwnerError if it cannot
        be written.
        """
        with self.translated():
            if self.is_server:
                with self._connected() as connection, connection.begin():
                    if alone:
                        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ALONE})")
                    yield connection
                return
            with self.engine.connect() as connection:
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
        with self.translated(), self._connected() as connection:
            if self.is_server:
                connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            else:
                connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.rollback()

    def now(self, clock_now: datetime) -> datetime:
        """Return the time that all users of the database share: the server's, where there is one."""
        if not self.is_server:
            return clock_now
        with self.translated(), self.engine.connect() as connection:
            moment = connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one()
        return datetime.fromtimestamp(float(moment), UTC)

    def close(self) -> None:
        """Give back all connections; whoever waits for the server is told that it is in vain."""
        self._closing.set()
        self.engine.dispose()

    def _connected(self) -> Connection:
        """Return a connection, if need be after a while. Raises what the driver says."""
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return self.engine.connect()
            except DBAPIError as error:
                is_for_now = isinstance(database_error(self.address, error.orig or error), TransientError)
                if not is_for_now or time.monotonic() >= deadline or self._closing.wait(_TRY_AGAIN_S):
                    raise

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn the drivers' errors of the block into ours."""
        try:
            yield
        except DBAPIError as error:
            raise database_error(self.address, error.orig or error) from error
        except PoolTimeout as error:
            raise TransientError(f"{self.address}: all connections of this process are in use") from error


def _engine_for(address: DatabaseAddress) -> Engine:
    if address.kind == "sqlite":
        assert address.path is not None
        return _file_engine(address.path)
    try:
        return _server_engine(address.url)
    except ImportError as error:
        raise driver_missing(address) from error
    except ArgumentError as error:
        raise OwnerError(address, None, "the address of the database cannot be read", "correct database_url") from error


def _file_engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"factory": LinedConnection},
        pool_size=8,
        max_overflow=24,
        pool_use_lifo=True,  # one that was just used has its pages still, and the others need none
    )
    event.listen(engine, "connect", partial(_set_up_file, WriteLine(_BUSY_TIMEOUT_MS / 1000)))
    return engine


def _set_up_file(line: WriteLine, connection: LinedConnection, _record: object) -> None:
    connection.line = line
    # The durable engine sets neither WAL nor FULL by itself; without FULL a power cut loses commits.
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(f"PRAGMA cache_size=-{_CACHE_KIB}")
    connection.execute(f"PRAGMA cache_spill={_WRITTEN_PAGES}")
    if sqlite3.sqlite_version_info < (3, 42):
        # From Python 3.12 on DBOS uses unixepoch('subsec') for column defaults, which older SQLite answers
        # with NULL. The columns are for the eye only: nothing of ours reads them.
        connection.create_function("unixepoch", -1, lambda *_: time.time())  # noqa: TID251


def _server_engine(url: str) -> Engine:
    asked = make_url(url).set(drivername="postgresql+psycopg")
    defaults = {name: value for name, value in _SERVER_DEFAULTS.items() if name not in asked.query}
    engine = create_engine(
        asked,
        connect_args=defaults,
        isolation_level="READ COMMITTED",
        pool_size=5,
        max_overflow=15,
    )
    event.listen(engine, "connect", _set_time_limits)
    event.listen(engine, "checkout", _refuse_ended)
    return engine


def _refuse_ended(connection: Any, _record: object, _fairy: object) -> None:
    """Have the pool replace a connection that the server has ended, as in a restart, without asking the server.

    Nothing is to be read from a sound connection that nobody uses.
    """
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError


def _set_time_limits(connection: Any, _record: object) -> None:
    """Keep a process that stands still, frozen or cut off, from holding the others up for ever."""
    cursor = connection.cursor()
    cursor.execute(
        "SELECT set_config('lock_timeout', %s, false),"
        " set_config('idle_in_transaction_session_timeout', %s, false), set_config('synchronous_commit', 'on', false)",
        (str(_BUSY_TIMEOUT_MS), str(_STANDSTILL_MS)),
    )
    cursor.close()
    connection.commit()
