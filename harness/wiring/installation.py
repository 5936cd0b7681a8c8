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
    if state.executor_id.exists():
        return state.executor_id.read_text(encoding="ascii").strip()
    made = f"{host}-{uuid.uuid4().hex[:8]}"
    # Whole or not at all: a crash must not leave an installation with half a name.
    written = state.executor_id.with_suffix(".new")
    written.write_text(made + "\n", encoding="ascii", errors="replace")
    written.replace(state.executor_id)
    return made
