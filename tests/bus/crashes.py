"""Processes that end in the middle of a transaction: before any of its statements, or at its commit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, event


class Crash(BaseException):
    """The process is gone; nobody handles this."""


@contextmanager
def broken_off(engine: Engine, at: int) -> Iterator[None]:
    """Let a transaction of the block end before its statement number `at`, or at its commit if it has fewer."""
    left = at

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            raise Crash

    def refuse(connection: Connection) -> None:
        # Whoever opens the database after a crash finds this done.
        connection.connection.rollback()
        raise Crash

    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", refuse)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", count)
        event.remove(engine, "commit", refuse)
