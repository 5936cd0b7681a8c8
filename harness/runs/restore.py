"""Putting a backup back: unpacked and checked beside its place, and only then swapped in.

Until the swap begins, what was there is untouched; from then on a journal says how to go on. At no moment is
there less than one whole state on the disk.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.runs.backup_contents import kept_names, walk_workspace
from harness.store.address import DatabaseAddress, database_address
from harness.store.archive import DamagedBackup, Manifest, read_archive
from harness.store.database import Database
from harness.store.dumping import DATABASE_FILE, check_dump
from harness.store.failures import newer_version
from harness.store.migrations import LATEST
from harness.store.restorations import record_restoration
from harness.store.state_folder import StateFolder, state_folder
from harness.store.swapping import (
    Aside,
    IntoPlace,
    Journal,
    discard,
    has_begun,
    journal_of,
    read_journal,
    swap,
)
from harness.workspace.find import SETTINGS_FILE

Progress = Callable[[str, int, int], None]
Reached = Callable[[str], None]
_DUMP = ".restored-database"
_FULL = (errno.ENOSPC, errno.EDQUOT)


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


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back. `set_aside` is what was there before; `carried` was taken along from it.

    `fires_closed` is None if this run of the command only finished what another one had begun.
    """

    root: Path
    made_at: str
    set_aside: tuple[Path, ...]
    carried: tuple[str, ...]
    fires_closed: int | None = None


def restore(
    backup: Path,
    target: Target,
    *,
    is_forced: bool,
    now: datetime,
    progress: Progress = lambda what, done, total: None,
    reached: Reached = lambda step: None,
) -> Restored:
    """Put the backup back and return what that came to; the caller holds the state folder, if there is one.

    Raises DamagedBackup before anything is written; OwnerError for a target that is something else, that the
    team has worked in since the backup was made (unless forced), or that cannot be written; TransientError
    while another restore is at work. Then nothing has changed. `reached` is told each step that is on disk.
    """
    with _only_one(target):
        if read_journal(journal_of(target.root)) is not None:
            raise OwnerError(target.root, None, "a restore was interrupted here", "go on with: harness restore")
        size = max(1, backup.stat().st_size) if backup.is_file() else 1
        manifest = read_archive(backup, lambda name: None, progress=lambda done: progress("checking", done, size))
        reached("checked")
        _refuse(manifest, target, is_forced=is_forced)
        journal, closed = _prepare(backup, manifest, target, now, progress, reached)
        return _finish(target, journal, manifest.about.made_at, closed, reached)


def go_on(target: Target, *, reached: Reached = lambda step: None) -> Restored | None:
    """Finish the restore that was interrupted, or clear it away if it had not begun to change anything: then None.

    Raises HarnessError if there is none.
    """
    with _only_one(target):
        journal = read_journal(journal_of(target.root))
        if journal is None:
            raise HarnessError(f"no restore into {target.root} was interrupted; name the backup to restore")
        if journal.stage == "unpacking":
            target.state.on_hold.unlink(missing_ok=True)
            discard(journal, journal_of(target.root))
            return None
        return _finish(target, journal, "", None, reached)


def is_interrupted(target: Target) -> bool:
    """Say whether a restore into the target was begun and not finished."""
    return journal_of(target.root).exists()


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────


def _refuse(manifest: Manifest, target: Target, *, is_forced: bool) -> None:
    root = target.root
    if manifest.schema_version > LATEST:
        raise newer_version(database_address(root, target.environ), manifest.schema_version, LATEST)
    if root.exists() and not root.is_dir():
        raise OwnerError(root, None, "is not a folder", "name another one with --to")
    if not root.is_dir() or not any(root.iterdir()):
        return
    if not (root / SETTINGS_FILE).is_file():
        raise OwnerError(root, None, "is not empty, and no workspace", "name another folder with --to")
    made_at = _moment(manifest.about.made_at)
    if not is_forced and _newest_change(target) > made_at.timestamp():
        problem = f"the team has worked since this backup was made ({made_at:%Y-%m-%d %H:%M} UTC)"
        fix = "to set that aside and restore nevertheless, say --force"
        raise OwnerError(root, None, problem, fix)


def _newest_change(target: Target) -> float:
    """Return when the last file of the workspace or its database was written, in epoch seconds."""
    files = [target.root / found.path for found in walk_workspace(target.root, (target.state.root,))]
    database = database_address(target.root, target.environ).path
    files += [Path(f"{database}{suffix}") for suffix in ("", "-wal")] if database is not None else []
    return max((path.lstat().st_mtime for path in files if path.is_file()), default=0.0)


# ── Unpacking beside the place ───────────────────────────────────────────────────────────────────────


def _prepare(
    backup: Path, manifest: Manifest, target: Target, now: datetime, progress: Progress, reached: Reached
) -> tuple[Journal, int]:
    """Unpack and check everything, and announce the swap; return the journal and how many fires were closed."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    staging = _Staging(target, stamp)
    path = journal_of(target.root)
    journal = Journal(str(backup.absolute()), stamp, "unpacking", staging.folders)
    try:
        target.root.parent.mkdir(parents=True, exist_ok=True)
        journal.write(path)
        reached("begun")
        staging.make()
        _unpack(backup, manifest, staging, progress)
        reached("unpacked")
        closed = _tell_database(staging, manifest, now)
        journal = Journal(journal.backup, stamp, "unpacking", staging.folders, staging.asides(), staging.places())
        unfinished = f"a restore into {target.root} is not finished; go on with: harness restore --to {target.root}\n"
        (staging.state / target.state.on_hold.name).write_text(unfinished, encoding="utf-8")
        os.sync()
        if target.state.root.is_dir():
            target.state.on_hold.write_text(unfinished, encoding="utf-8")
        reached("prepared")
        journal = journal.at("swapping")
        journal.write(path)
        reached("announced")
    except BaseException as error:
        _give_up(target, journal)
        if isinstance(error, OSError):
            raise _for_the_owner(target.root, error) from error
        raise
    return journal, closed


def _give_up(target: Target, journal: Journal) -> None:
    target.state.on_hold.unlink(missing_ok=True)
    discard(journal, journal_of(target.root))


class _Staging:
    """Where things are unpacked, each on the disk on which it will stay."""

    def __init__(self, target: Target, stamp: str) -> None:
        self._target = target
        self._stamp = stamp
        self.workspace = _beside(target.root, stamp)
        if target.has_state_inside:
            self.state = self.workspace / target.state.root.relative_to(target.root)
        else:
            self.state = _beside(target.state.root, stamp)
        self.dump = self.state / _DUMP
        self._outside: DatabaseAddress | None = None

    @property
    def folders(self) -> tuple[str, ...]:
        return tuple(map(str, dict.fromkeys((self.workspace, self.state))))

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
        address = database_address(self.workspace, self._target.environ)
        if address.path is None:
            problem = f"the backup holds a database file, and the database of this workspace is {address}"
            raise OwnerError(self._target.root, None, problem, "restore it with HARNESS_DATABASE_URL=sqlite:///FILE")
        if address.path.is_relative_to(self.workspace):
            final = address.path
        elif address.path == self._target.state.database:
            final = self.state / DATABASE_FILE
        else:
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


def _beside(path: Path, stamp: str) -> Path:
    return path.parent / f".{path.name}.restore-{stamp}"


def _unpack(backup: Path, manifest: Manifest, staging: _Staging, progress: Progress) -> None:
    free = min(shutil.disk_usage(folder).free for folder in (staging.workspace, staging.state))
    total = sum(file.size for file in manifest.files)
    unpacked = read_archive(
        backup, staging.place, max_bytes=free, progress=lambda done: progress("unpacking", done, total)
    )
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


def _tell_database(staging: _Staging, manifest: Manifest, now: datetime) -> int:
    """Let the database know that it was restored; return how many fires were closed for it."""
    path = staging.put_database()
    if path is None:
        return 0
    database = Database(path)
    try:
        database.migrate()
        with database.write() as connection:
            return record_restoration(connection, _moment(manifest.about.made_at), now)
    finally:
        database.close()


# ── Swapping ─────────────────────────────────────────────────────────────────────────────────────────


def _finish(target: Target, journal: Journal, made_at: str, closed: int | None, reached: Reached) -> Restored:
    try:
        swap(journal, reached)
    except OwnerError:
        if not has_begun(journal):
            _give_up(target, journal)
        raise
    carried = (*_carry_workspace(target, journal.stamp), *_carry_state(target, journal.stamp))
    reached("carried")
    old = _old_state(target, journal.stamp)
    if old.root.is_dir():
        day = f"{_stamped(journal.stamp):%Y-%m-%d}"
        where = f"this was set aside by a restore on {day}; the team is in {target.root} now\n"
        old.on_hold.write_text(where, encoding="utf-8")
    target.state.on_hold.unlink(missing_ok=True)
    discard(journal, journal_of(target.root))
    reached("finished")
    asides = tuple(Path(move.target) for move in journal.aside)
    return Restored(target.root, made_at, tuple(path for path in asides if path.exists()), carried, closed)


def _carry_workspace(target: Target, stamp: str) -> Iterator[str]:
    """Take along what no backup holds: repositories, environments, keys."""
    old = set_aside(target.root, stamp)
    if not old.is_dir():
        return
    for found in list(walk_workspace(old, (_old_state(target, stamp).root,))):
        destination = target.root / found.path
        if found.kind == "left" and destination.parent.is_dir() and not os.path.lexists(destination):
            (old / found.path).rename(destination)
            yield found.path


def _carry_state(target: Target, stamp: str) -> Iterator[str]:
    """Take along what no backup of the state holds: the other backups, logs."""
    old = _old_state(target, stamp)
    if not old.root.is_dir():
        return
    stays = {
        *kept_names(old), old.lock.name, old.heartbeat.name, old.control_socket.name, old.on_hold.name,
        *(f"{old.database.name}{suffix}" for suffix in ("", "-wal", "-shm")),
    }  # fmt: skip
    for path in sorted(old.root.iterdir()):
        destination = target.state.root / path.name
        if path.name not in stays and not os.path.lexists(destination):
            path.rename(destination)
            yield f"{target.state.root.name}/{path.name}"


def _old_state(target: Target, stamp: str) -> StateFolder:
    if target.has_state_inside:
        return StateFolder(set_aside(target.root, stamp) / target.state.root.relative_to(target.root))
    return StateFolder(set_aside(target.state.root, stamp))


@contextmanager
def _only_one(target: Target) -> Iterator[None]:
    parent = next(folder for folder in target.root.parents if folder.is_dir())
    descriptor = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TransientError(f"another restore is at work in {parent}; try again when it has ended") from None
        yield
    finally:
        os.close(descriptor)


def _moment(made_at: str) -> datetime:
    return datetime.strptime(made_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _stamped(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def _for_the_owner(root: Path, error: OSError) -> OwnerError:
    if error.errno in _FULL:
        return OwnerError(root, None, "the disk is full", "free some space; nothing was changed")
    problem = f"the backup cannot be unpacked ({error.strerror or type(error).__name__}: {error.filename or root})"
    return OwnerError(root, None, problem, "make the folder around it writable; nothing was changed")
