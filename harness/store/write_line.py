"""The line in which all writers of a SQLite file in one process stand, ours and the durable engine's.

SQLite itself lets writers that compete sleep for longer and longer, up to a tenth of a second each time, while
others who come later go first: of several runs that are due together, one fell behind by that much.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "BEGIN IMMEDIATE")


class WriteLine:
    """Lets one transaction that writes go at a time."""

    def __init__(self, patience_s: float) -> None:
        self._free = threading.Lock()
        self._patience_s = patience_s

    def enter(self) -> None:
        """Wait for the others. Raises sqlite3.OperationalError, as SQLite does, if they take too long."""
        if not self._free.acquire(timeout=self._patience_s):
            locked = sqlite3.OperationalError("database is locked")
            # By it, and not by the words, everybody tells what may be tried again.
            locked.sqlite_errorcode, locked.sqlite_errorname = sqlite3.SQLITE_BUSY, "SQLITE_BUSY"
            raise locked

    def leave(self) -> None:
        """Let the next one go."""
        self._free.release()


class LinedConnection(sqlite3.Connection):
    """A connection whose transactions stand in `line` from their first write to their end."""

    line: WriteLine | None = None
    _is_in_line = False

    def cursor(self, factory: Any = None) -> Any:
        """Return a cursor that stands in line before it writes."""
        return super().cursor(factory or _LinedCursor)

    def stand_in_line(self, statement: str) -> None:
        """Wait until this statement may begin a transaction, if that is what it does."""
        if self.line is None or self.in_transaction or not statement.lstrip().upper().startswith(_WRITES):
            return
        self.line.enter()
        self._is_in_line = True

    def leave_line(self) -> None:
        """Let the next one go, unless the transaction goes on."""
        if self.line is not None and self._is_in_line and not self.in_transaction:
            self._is_in_line = False
            self.line.leave()

    def commit(self) -> None:
        """End the transaction, and the wait of the next one.

        What cannot be committed is taken back here: SQLAlchemy takes the transaction for closed from then on, and
        the connection would go back to its pool with it, and with the place in line.
        """
        try:
            super().commit()
        except BaseException:
            self.rollback()
            raise
        self.leave_line()

    def rollback(self) -> None:
        """Take the transaction back, and end the wait of the next one."""
        try:
            super().rollback()
        finally:
            self.leave_line()

    def close(self) -> None:
        """Close, which ends what was not committed."""
        try:
            super().close()
        finally:
            if self.line is not None and self._is_in_line:
                self._is_in_line = False
                self.line.leave()


class _LinedCursor(sqlite3.Cursor):
    connection: LinedConnection

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        self.connection.stand_in_line(sql)
        try:
            return super().execute(sql, parameters)
        finally:
            # It began nothing, because it failed, or it has ended what was begun: SQLite takes a transaction back by
            # itself when the disk is full.
            self.connection.leave_line()

    def executemany(self, sql: str, parameters: Any) -> Any:
        self.connection.stand_in_line(sql)
        try:
            return super().executemany(sql, parameters)
        finally:
            self.connection.leave_line()
