"""Where a backup is unpacked before it takes its place: beside it, on the same disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.domain.errors import OwnerError
from harness.runs.server_restore import refuse_while_used
from harness.store.address import DatabaseAddress, database_address
from harness.store.archive import DamagedBackup, Manifest, read_archive
from harness.store.database import Database
from harness.store.dumping import DATABASE_FILE, check_dump
from harness.store.state_folder import StateFolder, state_folder
from harness.store.swapping import Aside, IntoPlace

DUMP = ".restored-database"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup is put back: the workspace folder `root`, absolute and without links."""

    root: Path
    environ: Mapping[str, str]

    @property
    def state(self) -> StateFolder:
        return state_folder(self.root, self.environ)

    @property
    def has_state_inside(self) -> bool:
        return self.state.root.is_relative_to(self.root)


class Staging:
    """Where things are unpacked, each on the disk on which it will stay."""

    def __init__(self, target: Target, now: datetime) -> None:
        self._target = target
        self._now = now
        self._stamp = stamp = stamp_of(now)
        self.workspace = _beside(target.root, stamp)
        if target.has_state_inside:
            self.state = self.workspace / target.state.root.relative_to(target.root)
        else:
            self.state = _beside(target.state.root, stamp)
        self.dump = self.state / DUMP
        self._outside: DatabaseAddress | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(map(str, dict.fromkeys((self.workspace, self.state))))

    @property
    def address(self) -> DatabaseAddress:
        """The database that the restored workspace names."""
        return database_address(self.workspace, self._target.environ)

    def make(self) -> None:
        self.workspace.mkdir()
        self.state.mkdir(mode=0o700, parents=True)
        self.dump.mkdir()

    def place(self, name: str) -> Path:
        part, _, rest = name.partition("/")
        return {"workspace": self.workspace, "state": self.state, "database": self.dump}[part] / rest

    def put_database(self) -> Path | None:
        """Move the database to where it will be used from, and return it; None if the backup has none."""
        file = self.dump / DATABASE_FILE
        if not file.exists():
            self.dump.rmdir()
            return None
        address = self.address
        if address.path is None:
            problem = f"the backup holds a database file, and the database of this workspace is {address}"
            raise OwnerError(self._target.root, None, problem, "restore it with HARNESS_DATABASE_URL=sqlite:///FILE")
        if address.path.is_relative_to(self.workspace):
            final = address.path
        elif address.path == self._target.state.database:
            final = self.state / DATABASE_FILE
        else:
            if address.path.exists():
                with closing(Database(address.path)) as shared:
                    refuse_while_used(shared, self._now)
            self._outside = address
            final = _beside(address.path, self._stamp)
        final.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(file, final)
        self.dump.rmdir()
        return final

    def asides(self) -> tuple[Aside, ...]:
        paths = [self._target.root]
        if not self._target.has_state_inside:
            paths.append(self._target.state.root)
        if self._outside is not None:
            paths += [Path(f"{self._outside.path}{suffix}") for suffix in ("", "-wal", "-shm")]
        return tuple(Aside(str(path), str(set_aside(path, self._stamp))) for path in paths if path.exists())

    def places(self) -> tuple[IntoPlace, ...]:
        places = [IntoPlace(str(self.workspace), str(self._target.root))]
        if not self._target.has_state_inside:
            places.append(IntoPlace(str(self.state), str(self._target.state.root)))
        if self._outside is not None and self._outside.path is not None:
            places.append(IntoPlace(str(_beside(self._outside.path, self._stamp)), str(self._outside.path)))
        return tuple(places)


def set_aside(path: Path, stamp: str) -> Path:
    """Return what is called what was at `path` before the restore."""
    return path.parent / f"{path.name}.before-restore-{stamp}"


def stamp_of(now: datetime) -> str:
    """Return the moment as it stands in names."""
    return now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def _beside(path: Path, stamp: str) -> Path:
    return path.parent / f".{path.name}.restore-{stamp}"


def unpack(backup: Path, manifest: Manifest, staging: Staging, progress: Callable[[int], None]) -> None:
    """Unpack everything and compare it once more. Raises DamagedBackup, OwnerError if there is no room for it."""
    free = min(shutil.disk_usage(folder).free for folder in (staging.workspace, staging.state))
    unpacked = read_archive(backup, staging.place, max_bytes=free, progress=progress)
    if unpacked != manifest:
        raise DamagedBackup(backup, "it changed while it was read")
    for folder in manifest.folders:
        staging.place(folder).mkdir(parents=True, exist_ok=True)
    for link in manifest.links:
        path = staging.place(link.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(link.leads_to)
    if check_dump(manifest.database, staging.dump) != manifest.tables:
        raise DamagedBackup(backup, "its database is not the one that was packed")
