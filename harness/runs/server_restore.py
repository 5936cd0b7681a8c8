"""Restoring the tables of a database on a server: all of it in one transaction, and never twice."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, inspect

from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.runs.nodes import LOST_AFTER_S
from harness.runs.restored_ledger import restore_ledger
from harness.store.address import DatabaseAddress
from harness.store.database import Database
from harness.store.migrations import migrate
from harness.store.nodes import all_nodes
from harness.store.restorations import Restoration, last_restoration
from harness.store.server_dump import is_empty, load_server, rename_away
from harness.store.tables import restoration


def refuse_server(address: DatabaseAddress, root: Path, now: datetime, *, is_forced: bool) -> None:
    """Raise OwnerError if the database cannot be restored into, TransientError while other daemons use it."""
    if address.kind != "postgresql":
        problem = f"the backup holds the tables of a server, and the database of this workspace is the file {address}"
        raise OwnerError(root, None, problem, "name an empty database on a server in HARNESS_DATABASE_URL")
    with closing(Database.connect(address)) as database:
        refuse_while_used(database, now)
        with database.read() as connection:
            if not is_forced and not is_empty(connection):
                fix = "name an empty one, or say --force to rename what is there and restore nevertheless"
                raise OwnerError(address, None, "this database is not empty", fix)


def refuse_while_used(database: Database, now: datetime) -> None:
    """Raise TransientError while a daemon beats in the database."""
    silent_since = database.now(now).timestamp() - LOST_AFTER_S
    with database.read() as connection:
        if not _is_ours_and_of_now(connection):
            return
        at_work = [row for row in all_nodes(connection) if row.is_here and row.heartbeat_at > silent_since]
    if at_work:
        names = ", ".join(row.name or row.host for row in at_work)
        raise TransientError(f"{database.address}: daemons use this database ({names}); try again when they have ended")


def restore_server(address: DatabaseAddress, dump: Path, *, stamp: str, made_at: datetime, now: datetime) -> int:
    """Put the dump in the place of whatever the database has; return how many fires were closed for it.

    Done again with the same `now`, it changes nothing.
    """
    with closing(Database.connect(address)) as database, database.write(alone=True) as connection:
        done = _restoration_of(connection, now)
        if done is not None:
            return done.fires_closed
        if not is_empty(connection):
            rename_away(connection, stamp)
        load_server(connection, dump, progress=lambda done, total: None)
        migrate(connection)
        return restore_ledger(connection, made_at, now)


def is_surely_not_restored(address: DatabaseAddress, now: datetime) -> bool:
    """Say whether it is certain that the database is as it was before; a server that does not answer leaves doubt."""
    try:
        with closing(Database.connect(address)) as database, database.read() as connection:
            return _restoration_of(connection, now) is None
    except HarnessError:
        return False


def _restoration_of(connection: Connection, now: datetime) -> Restoration | None:
    if not inspect(connection).has_table(restoration.name):
        return None
    last = last_restoration(connection)
    return last if last is not None and last.restored_at == now.timestamp() else None


def _is_ours_and_of_now(connection: Connection) -> bool:
    """Say whether there are nodes to ask for: an older harness that is at work here wrote them otherwise."""
    inspector = inspect(connection)
    return inspector.has_table("node") and any(one["name"] == "left_at" for one in inspector.get_columns("node"))
