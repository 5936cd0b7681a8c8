"""Empty databases of both kinds, for as long as chaos lasts."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from harness.store.address import DatabaseAddress, file_address, parse_address

POSTGRES_VARIABLE = "HARNESS_TEST_POSTGRES_URL"
NewDatabase = Callable[[Path], DatabaseAddress]
"""Makes an empty database for what is played in a folder."""


@contextmanager
def databases(kind: str) -> Iterator[NewDatabase]:
    """Provide empty databases: files, or on the server of HARNESS_TEST_POSTGRES_URL or else one of our own."""
    if kind == "sqlite":
        yield lambda folder: file_address(folder / "shared.db")
        return
    # Needs the development packages, which a checkout for SQLite alone can do without.
    from tests.postgres_server import new_server

    if url := os.environ.get(POSTGRES_VARIABLE):
        yield lambda folder: _new_database(url, folder)
        return
    server = new_server()
    try:
        yield lambda folder: _new_database(server.url, folder)
    finally:
        server.remove()


def _new_database(url: str, folder: Path) -> DatabaseAddress:
    import psycopg

    name = f"chaos_{uuid.uuid4().hex}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0'.encode())
    return parse_address(urlsplit(url)._replace(path=f"/{name}").geturl(), folder)
