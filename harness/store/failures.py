"""What a failure of the database means: who must act, and how. Standard library only.

The drivers' errors are told apart by their codes alone, so that no driver is imported for it. Only what
PostgreSQL answers to a connection attempt has no code; there its words decide.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Literal
from urllib.parse import unquote, urlsplit

from harness.domain.cause import DATABASE, cause_of
from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.store.address import DatabaseAddress

Access = Literal["read", "written"]


def database_error(address: DatabaseAddress, error: BaseException, access: Access = "written") -> HarnessError:
    """Return what a driver's error means, naming the database without its password."""
    is_file = address.kind == "sqlite"
    meant = _sqlite_error(address, error, access) if is_file else _postgresql_error(address, error)
    meant.cause = cause_of(error) or DATABASE
    return meant


def newer_version(address: DatabaseAddress, version: int, known: int) -> OwnerError:
    """Return what to say of a database that a newer harness has written."""
    problem = f"the database has schema {version}, newer than this harness, which knows {known}"
    return OwnerError(address, None, problem, "upgrade the harness")


def driver_missing(address: DatabaseAddress) -> OwnerError:
    """Return what to say where the driver of PostgreSQL is not installed."""
    return OwnerError(
        address,
        None,
        "the driver for PostgreSQL is not installed",
        "install it: pip install 'agent-team-harness[postgres]'",
    )


def _sqlite_error(address: DatabaseAddress, error: BaseException, access: Access) -> HarnessError:
    message = str(error)
    code = getattr(error, "sqlite_errorcode", None)
    match code & 0xFF if isinstance(code, int) else None:
        case sqlite3.SQLITE_FULL:
            return OwnerError(address, None, "the disk is full", "free some space; nothing already written is lost")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            fix = "make the folder writable" if access == "written" else "run this as its owner"
            return OwnerError(address, None, f"the database cannot be {access} ({message})", fix)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return TransientError(f"{address}: the database is locked by another process")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return OwnerError(address, None, f"the database is damaged ({message})", "restore it from a backup")
        case sqlite3.SQLITE_IOERR:
            fix = "check the disk and its free space"
            return OwnerError(address, None, f"the disk reports an error ({message})", fix)
    return HarnessError(f"{address}: {message}")


_CHECK = "check database_url in harness.toml, or HARNESS_DATABASE_URL"
_OWNERS: dict[str, tuple[str, str]] = {
    "53100": ("the disk of the server is full", "free some space there; nothing already written is lost"),
    "53200": ("the server is out of memory", "give it more"),
    "25006": ("the server only lets it be read", "name the server that accepts writes: " + _CHECK),
    "42501": ("its user is not allowed to do this", "let that user create and change tables in it"),
    "28P01": ("the password is wrong", _CHECK),
    "28000": ("its server does not let this user in", _CHECK),
    "3D000": ("there is no such database", "create it: createdb NAME, or " + _CHECK),
    "XX001": ("the database is damaged", "restore it from a backup"),
    "XX002": ("the database is damaged", "restore it from a backup"),
    "58030": ("the disk of the server reports an error", "check that disk"),
}
_TRANSIENT = {
    "40001": "others changed the same rows at the same time",
    "40P01": "others changed the same rows at the same time",
    "53300": "the server has too many connections",
    "55P03": "the database is locked by another process",
    "57014": "the server interrupted the query",
    "25P03": "the server ended the connection, as this process stood still in the middle of a transaction",
    "57P01": "the server is shutting down",
    "57P02": "the server crashed and starts again",
    "57P03": "the server is starting or shutting down",
}
_NO_ADDRESS = r"invalid (URI|connection option|port number|integer value)|missing \"=\" after"
_ANSWERS: tuple[tuple[str, str], ...] = (
    # What a server says to a connection attempt, and the code that it stands for.
    (r"too many (connections|clients)|remaining connection slots", "53300"),
    (r"is (starting up|shutting down)|in recovery mode|not yet accepting connections", "57P03"),
    (r"password authentication failed|no password supplied", "28P01"),
    (r"database \".*\" does not exist", "3D000"),
    (r"permission denied for database", "42501"),
    (r"no pg_hba\.conf entry|role \".*\" (does not exist|is not permitted)|authentication failed", "28000"),
)


def _postgresql_error(address: DatabaseAddress, error: BaseException) -> HarnessError:
    code = getattr(error, "sqlstate", None)
    message = _first_line(address, error)
    code = code or next((code for words, code in _ANSWERS if re.search(words, message)), None)
    if code in _OWNERS:
        problem, fix = _OWNERS[code]
        return OwnerError(address, None, f"{problem} ({message})", fix)
    if code in _TRANSIENT:
        return TransientError(f"{address}: {_TRANSIENT[code]}")
    if code is not None and not code.startswith("08"):
        return HarnessError(f"{address}: {message}")
    if re.search(_NO_ADDRESS, message):
        return OwnerError(address, None, f"this is no address of a database ({message})", _CHECK)
    if type(error).__name__ == "OperationalError":
        return TransientError(f"{address}: the database cannot be reached ({message})")
    return HarnessError(f"{address}: {message}")


def _first_line(address: DatabaseAddress, error: BaseException) -> str:
    """Return the driver's words in one line, without the address that stands before them anyway."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    for connecting in (r"^connection failed: ", r"^connection to server at .*? failed: ", r"^FATAL:\s+"):
        line = re.sub(connecting, "", line)
    password = urlsplit(address.url).password
    for spelling in {password, unquote(password)} if password else ():
        line = line.replace(spelling, "***")
    return line
