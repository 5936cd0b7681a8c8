"""Fixtures for tests that run over a SQLite file and over PostgreSQL.

One server serves the whole test session, all workers of pytest-xdist included: the first test that asks
for it starts it, and it ends with the last process that used it. HARNESS_TEST_POSTGRES_URL names another
one, whose user must be allowed to create databases.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import psycopg
import pytest

from harness.store.address import DatabaseAddress, file_address, parse_address
from harness.store.database import Database
from tests import postgres_server
from tests.postgres_server import Server, new_server

_START_S = 60.0


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server's first database."""
    if url := os.environ.get("HARNESS_TEST_POSTGRES_URL"):
        yield url
        return
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"
    with _shared_server(Path(tempfile.gettempdir()) / f"harness-postgres-{session[:12]}") as url:
        yield url


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """The address of an empty database, dropped when the test is over."""
    name = f"t_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
        yield urlsplit(postgres)._replace(path=f"/{name}").geturl()
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def own_postgres() -> Iterator[Server]:
    """A server of this test alone, which it may stop."""
    server = new_server()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> DatabaseAddress:
    """The address of an empty database of either kind."""
    if request.param == "sqlite":
        return file_address(tmp_path / "harness.db")
    return parse_address(request.getfixturevalue("postgres_url"), tmp_path)


@pytest.fixture
def database(address: DatabaseAddress) -> Iterator[Database]:
    """A database of either kind with our tables."""
    opened = Database.connect(address)
    opened.migrate()
    yield opened
    opened.close()


@contextmanager
def _shared_server(folder: Path) -> Iterator[str]:
    """Share one server with all processes that name the same folder; the last one to leave sees it end."""
    users, is_first = _join(folder)
    keeper = _start_keeper(folder) if is_first else None
    _wait_for(folder / "url", folder / "keeper.log", keeper)
    try:
        yield (folder / "url").read_text()
    finally:
        users.close()
        if keeper is not None:
            keeper.wait()


def _join(folder: Path) -> tuple[IO[str], bool]:
    """Hold the folder's file `users`; say whether it is for this process to start the server."""
    while True:
        folder.mkdir(mode=0o711, exist_ok=True)
        users = (folder / "users").open("a")
        fcntl.flock(users, fcntl.LOCK_SH)
        # A keeper that nobody needed any more may have taken the folder away meanwhile.
        if (folder / "users").exists() and os.path.samestat(os.fstat(users.fileno()), (folder / "users").stat()):
            return users, _is_first(folder)
        users.close()


def _is_first(folder: Path) -> bool:
    try:
        (folder / "starter").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _start_keeper(folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "keeper.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, postgres_server.__file__, "keep", str(folder)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def _wait_for(url: Path, log: Path, keeper: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + _START_S
    while not url.exists():
        if (keeper is not None and keeper.poll() is not None) or time.monotonic() > deadline:
            raise RuntimeError(log.read_text()[-2000:])
        time.sleep(0.02)
