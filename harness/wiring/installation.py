"""What is here before a life begins: the state folder, who it is among others, and its database."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection

from harness.domain.errors import OwnerError
from harness.domain.settings import Settings
from harness.runs.nodes import Installation
from harness.store.address import DatabaseAddress, database_address
from harness.store.database import Database
from harness.store.durable_file import read_if_there, replace_text
from harness.store.identity import Claim, claim_database, require_team
from harness.store.node_name import keep_node_name
from harness.store.state_folder import StateFolder
from harness.workspace.find import SETTINGS_FILE


def open_database(root: Path, environ: Mapping[str, str], state: StateFolder, settings: Settings) -> Database:
    """Make the state folder, and return the database that this workspace may use, migrated.

    Raises OwnerError for a state folder that cannot be made and for a database of somebody else.
    """
    try:
        state.create()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        fix = "make it writable, or name another folder in HARNESS_HOME"
        raise OwnerError(state.root, None, f"the state folder cannot be made ({reason})", fix) from error
    address, claim = database_address(root, environ), Claim(settings.team, root.resolve())
    require_team(address, claim)
    database = Database.connect(address)
    try:
        database.migrate(lambda connection: _claim(connection, address, claim))
    except BaseException:
        database.close()
        raise
    return database


def _claim(connection: Connection, address: DatabaseAddress, claim: Claim) -> None:
    if not address.is_own:
        claim_database(connection, address, claim, lambda folder: (folder / SETTINGS_FILE).is_file())


def installation_of(state: StateFolder, environ: Mapping[str, str]) -> Installation:
    """Return what this state folder is called, the same over restarts, so that its runs are known as its own."""
    host = socket.gethostname()
    return Installation(_installation_id(state, host), keep_node_name(environ, state, host), host)


def _installation_id(state: StateFolder, host: str) -> str:
    known = (read_if_there(state.executor_id) or "").strip()
    if known:
        return known
    ascii_host = host.encode("ascii", "replace").decode("ascii")
    made = f"{ascii_host}-{uuid.uuid4().hex[:8]}"
    replace_text(state.executor_id, f"{made}\n")
    return made
