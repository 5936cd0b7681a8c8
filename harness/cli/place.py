"""Where a command works: the workspace, its state folder, and what time it is there.

Standard library only: every fast command starts here.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from harness.domain.errors import OwnerError
from harness.store.address import DatabaseAddress, database_address
from harness.store.state_folder import StateFolder, state_folder
from harness.workspace.find import SETTINGS_FILE, find_workspace

_FALLBACK_ZONE = "UTC"


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace that the command line found; `now` is aware UTC, `zone` the home zone of the person."""

    root: Path
    state: StateFolder
    environ: Mapping[str, str]
    now: datetime
    zone: str

    @property
    def database(self) -> DatabaseAddress:
        """The address of the database. Raises OwnerError if what is written for it is no address."""
        return database_address(self.root, self.environ)


def find_place(workspace: Path | None) -> Place:
    """Return the workspace that is named, or the nearest one upwards from here.

    Raises OwnerError if there is none.
    """
    root = find_root(workspace, Path.cwd())
    state = state_folder(root, os.environ)
    return Place(root, state, os.environ, present_moment(), home_zone(root, state))


def find_root(workspace: Path | None, here: Path) -> Path:
    """Return the folder with `harness.toml`. Raises OwnerError if there is none."""
    if workspace is None:
        return find_workspace(here)
    root = workspace.expanduser().resolve()
    if not (root / SETTINGS_FILE).is_file():
        fix = f"name another, or make one: harness init {workspace}"
        raise OwnerError(root, None, f"no {SETTINGS_FILE} in this folder", fix)
    return root


def present_moment() -> datetime:
    """Return the time of the machine; commands that only look need no other clock."""
    return datetime.now(UTC)  # noqa: TID251 - the edge: everything below is given `now`


def home_zone(root: Path, state: StateFolder) -> str:
    """Return the home zone of the settings; those last known to be good where they cannot be read.

    Times are shown even if the settings are broken, so this never fails: UTC is the last resort.
    """
    for folder in (root, state.last_good):
        zone = _zone_in(folder / SETTINGS_FILE)
        if zone is not None:
            return zone
    return _FALLBACK_ZONE


def _zone_in(settings: Path) -> str | None:
    try:
        zone = tomllib.loads(settings.read_text(encoding="utf-8")).get("home")
        ZoneInfo(zone if isinstance(zone, str) else "")
    except (OSError, ValueError, ZoneInfoNotFoundError):
        return None
    return str(zone)
