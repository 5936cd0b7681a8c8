"""Copies of the SQLite file that are whole: taken while others write, and checked when they are read back."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from harness.domain.errors import HarnessError
from harness.store.address import file_address
from harness.store.failures import database_error

_BUSY_TIMEOUT_S = 10.0
_PAGES_PER_STEP = 5_000

Progress = Callable[[int, int], None]
"""Told how far a copy is: pages copied, pages in all."""


def copy_database(source: Path, target: Path, *, progress: Progress = lambda done, total: None) -> Mapping[str, int]:
    """Write the database as it is at one moment into the new file `target`; return the rows of each table.

    Others may read and write meanwhile: what they commit after that moment is not in the copy. The copy is
    one file, without a write-ahead log beside it.
    Raises TransientError if the file stays locked, OwnerError if it is damaged, OSError if the copy's disk is full.
    """
    try:
        with closing(_open(source, "mode=rw")) as origin:
            # An open read transaction holds the moment: without it a copy begins anew with every commit of
            # another process, and the counts could be of another moment than the copy.
            origin.execute("BEGIN")
            counts = _count_rows(origin)
            with closing(sqlite3.connect(target, isolation_level=None)) as copy:
                origin.backup(
                    copy, pages=_PAGES_PER_STEP, progress=lambda _, left, total: progress(total - left, total)
                )
                copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:  # only the copy is written to
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
        raise database_error(file_address(source), error) from error
    return counts


def check_copy(path: Path) -> Mapping[str, int]:
    """Return the rows of each table of a copy whose every page is sound.

    Raises HarnessError naming what is wrong with it; OwnerError if it is no database at all.
    """
    try:
        with closing(_open(path, "mode=ro&immutable=1")) as copy:
            problems = [row[0] for row in copy.execute("PRAGMA integrity_check(3)")]
            if problems != ["ok"]:
                raise HarnessError(f"{path}: the copy of the database is damaged: {'; '.join(problems)}")
            return _count_rows(copy)
    except sqlite3.Error as error:
        raise database_error(file_address(path), error, "read") from error


def _open(path: Path, options: str) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?{options}"
    return sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None)


def _count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute(
        r"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY name"
    ).fetchall()
    return {name: connection.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for (name,) in tables}  # noqa: S608
