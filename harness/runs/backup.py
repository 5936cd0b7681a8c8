"""A backup: the workspace and its state in one file that was read back before it got its name."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import harness
from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.domain.settings import Settings
from harness.domain.sizes import in_bytes
from harness.runs.backup_contents import Contents, gather_contents
from harness.store.address import DatabaseAddress
from harness.store.archive import FORMAT, About, ArchiveWriter, LeftOut, Manifest, read_about, read_archive
from harness.store.dumping import check_dump, dump_database
from harness.store.durable_file import sync_folder
from harness.store.state_folder import StateFolder

Progress = Callable[[str, int, int], None]
"""Told what is being done, and how far it is: `done` of `total`."""

_NAME = re.compile(r"harness-backup-(\d{8}T\d{6}Z)(?:-(\d+))?\.tar\.gz")
_UNFINISHED = ".harness-backup-"
_LOCK = ".harness-backup.lock"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class BackupSource:
    """What is backed up."""

    root: Path
    state: StateFolder
    settings: Settings
    database: DatabaseAddress

    @property
    def folder(self) -> Path:
        """Where its settings keep backups."""
        return self.state.root / Path(self.settings.backups.folder).expanduser()

    @property
    def team(self) -> str:
        return self.settings.team or self.root.name


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was read back. `removed` are the older ones that made room, `kept` how many there are now."""

    path: Path
    size_bytes: int
    took_s: float
    manifest: Manifest
    removed: tuple[Path, ...]
    kept: int

    def __str__(self) -> str:
        manifest = self.manifest
        return (
            f"{self.path.name}: {in_bytes(self.size_bytes)}, {len(manifest.files):,} files and {manifest.rows:,} rows "
            f"of {len(manifest.tables)} tables, read back in {self.took_s:.1f} s; {self.kept} kept"
        )


def back_up(
    source: BackupSource,
    folder: Path,
    *,
    now: datetime,
    stopwatch: Callable[[], float],
    progress: Progress = lambda what, done, total: None,
) -> Backup:
    """Write a backup into the folder, read all of it back, and only then give it its name.

    Others may work meanwhile. What a crash left unfinished is cleared first; older backups of this workspace
    beyond `settings.backups.keep` are deleted last, so that a sound one is always there.
    Raises TransientError while another backup is made there, OwnerError if the disk is full or read-only;
    then nothing is left behind and the older ones stay.
    """
    begun = stopwatch()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _only_one(folder):
            _clear_unfinished(folder)
            with tempfile.TemporaryDirectory(dir=folder, prefix=_UNFINISHED, ignore_cleanup_errors=True) as scratch:
                unfinished = Path(scratch) / "backup.tar.gz"
                packed = _pack(source, folder, unfinished, now, progress)
                _read_back(unfinished, packed, Path(scratch), progress)
                size_bytes = unfinished.stat().st_size
                path = _free_name(folder, now)
                unfinished.replace(path)
                sync_folder(folder)
            removed, kept = _rotate(folder, packed.about, source.settings.backups.keep)
    except OSError as error:
        raise _for_the_owner(folder, error) from error
    return Backup(path, size_bytes, stopwatch() - begun, packed, removed, kept)


def backups_in(folder: Path) -> list[Path]:
    """Return the backups in the folder, oldest first."""
    named = ((match, path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)) and path.is_file())
    return [path for _, path in sorted(((match[1], int(match[2] or 1)), path) for match, path in named)]


def _pack(source: BackupSource, folder: Path, unfinished: Path, now: datetime, progress: Progress) -> Manifest:
    made_at = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = About(FORMAT, harness.__version__, made_at, source.team, str(source.root.absolute()))
    dumped = unfinished.parent / "database"
    dumped.mkdir()
    dump = dump_database(source.database, dumped, progress=lambda done, total: progress("database", done, total))
    contents = gather_contents(source.root, source.state, source.settings, besides=folder)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        writer = ArchiveWriter(file, about)
        try:
            for name in sorted(path.name for path in dumped.iterdir()):
                writer.add(dumped / name, f"database/{name}")
                (dumped / name).unlink()
            unread = _add_files(writer, contents, progress)
            manifest = writer.finish(
                schema_version=dump.schema_version,
                database=source.database.kind,
                tables=dump.tables,
                links=contents.links,
                folders=contents.folders,
                left_out=(*contents.left_out, *unread),
            )
        except BaseException:
            writer.abandon()
            raise
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _add_files(writer: ArchiveWriter, contents: Contents, progress: Progress) -> list[LeftOut]:
    unread: list[LeftOut] = []
    for done, (name, path) in enumerate(contents.files, start=1):
        try:
            writer.add(path, name)
        except FileNotFoundError:
            continue  # it was deleted since
        except PermissionError as error:
            unread.append(LeftOut(name, f"cannot be read ({error.strerror})"))
        progress("files", done, len(contents.files))
    return unread


def _read_back(unfinished: Path, packed: Manifest, scratch: Path, progress: Progress) -> None:
    """Raise HarnessError if what stands on the disk is not what was packed."""
    total = sum(file.size for file in packed.files)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:

        def place(name: str) -> Path | None:
            return Path(folder) / name if name.startswith("database/") else None

        found = read_archive(unfinished, place, progress=lambda done: progress("reading back", done, total))
        rows = check_dump(packed.database, Path(folder) / "database")
    if found != packed or rows != packed.tables:
        raise HarnessError(
            f"the backup did not read back as it was packed, and was deleted: {unfinished.parent.parent}"
        )


def _free_name(folder: Path, now: datetime) -> Path:
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"harness-backup-{stamp}.tar.gz"
    number = 2
    while path.exists():
        path = folder / f"harness-backup-{stamp}-{number}.tar.gz"
        number += 1
    return path


def _rotate(folder: Path, about: About, keep: int) -> tuple[tuple[Path, ...], int]:
    """Delete this workspace's oldest backups beyond `keep`; those of others in the same folder stay."""
    own = [path for path in backups_in(folder) if _is_of(path, about)]
    old = tuple(own[: max(0, len(own) - max(1, keep))])
    for path in old:
        path.unlink()
    return old, len(own) - len(old)


def _is_of(path: Path, about: About) -> bool:
    try:
        found = read_about(path)
    except OwnerError:
        return False  # no backup of ours, or of another version: not ours to delete
    return (found.team, found.workspace) == (about.team, about.workspace)


def _clear_unfinished(folder: Path) -> None:
    """Delete what a backup that was killed left; nobody else is at work here."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TransientError(f"another backup is being made in {folder}; try again when it is done") from None
        yield
    finally:
        os.close(descriptor)


def _for_the_owner(folder: Path, error: OSError) -> OwnerError:
    if error.errno in _FULL:
        return OwnerError(folder, None, "the disk is full", "free some space; the older backups are untouched")
    problem = f"the backup cannot be made ({error.strerror or type(error).__name__}: {error.filename or folder})"
    return OwnerError(folder, None, problem, "make it readable and writable, or name another folder with --to")
