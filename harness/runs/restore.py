"""Putting a backup back: unpacked and checked beside its place, and only then swapped in.

Until the swap begins, what was there is untouched; from then on a journal says how to go on. At no moment is
there less than one whole state on the disk.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.domain.errors import HarnessError, OwnerError, TransientError
from harness.runs.backup_contents import kept_names, walk_workspace
from harness.runs.restore_staging import DUMP, Staging, Target, set_aside, stamp_of, unpack
from harness.runs.restored_ledger import restore_ledger
from harness.runs.server_restore import is_surely_not_restored, refuse_server, restore_server
from harness.store.address import database_address
from harness.store.archive import Manifest, read_archive
from harness.store.database import Database
from harness.store.failures import newer_version
from harness.store.migrations import LATEST
from harness.store.state_folder import StateFolder
from harness.store.swapping import (
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
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class _Order:
    """What is to be put back, and where."""

    backup: Path
    manifest: Manifest
    target: Target
    now: datetime
    is_forced: bool


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
        order = _Order(backup, manifest, target, now, is_forced)
        _refuse(order)
        journal, closed = _prepare(order, progress, reached)
        return _finish(target, journal, closed, reached)


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
        return _finish(target, journal, None, reached)


def is_interrupted(target: Target) -> bool:
    """Say whether a restore into the target was begun and not finished."""
    return journal_of(target.root).exists()


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────


def _refuse(order: _Order) -> None:
    manifest, target, root = order.manifest, order.target, order.target.root
    if manifest.schema_version > LATEST:
        raise newer_version(database_address(root, target.environ), manifest.schema_version, LATEST)
    if root.exists() and not root.is_dir():
        raise OwnerError(root, None, "is not a folder", "name another one with --to")
    if not root.is_dir() or not any(root.iterdir()):
        return
    if not (root / SETTINGS_FILE).is_file():
        raise OwnerError(root, None, "is not empty, and no workspace", "name another folder with --to")
    made_at = _moment(manifest.about.made_at)
    if not order.is_forced and _newest_change(target) > made_at.timestamp():
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


def _prepare(order: _Order, progress: Progress, reached: Reached) -> tuple[Journal, int | None]:
    """Unpack and check everything, and announce the swap; return the journal and how many fires were closed."""
    manifest, target = order.manifest, order.target
    staging = Staging(target, order.now)
    path = journal_of(target.root)
    stamp, total = stamp_of(order.now), sum(file.size for file in manifest.files)
    journal = Journal(str(order.backup.absolute()), manifest.about.made_at, stamp, "unpacking", staging.folders)
    try:
        target.root.parent.mkdir(parents=True, exist_ok=True)
        journal.write(path)
        reached("begun")
        staging.make()
        unpack(order.backup, manifest, staging, lambda done: progress("unpacking", done, total))
        reached("unpacked")
        closed, dump = _prepare_database(order, staging)
        journal = replace(journal, aside=staging.asides(), into_place=staging.places(), dump=dump)
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


def _prepare_database(order: _Order, staging: Staging) -> tuple[int | None, str]:
    """Make a database file ready for its place, or see that a server may be restored into.

    Returns how many fires were closed, None where that is still to be done, and where the tables to load are.
    """
    if order.manifest.database == "postgresql":
        refuse_server(staging.address, order.target.root, order.now, is_forced=order.is_forced)
        return None, str(staging.dump)
    path = staging.put_database()
    if path is None:
        return 0, ""
    with closing(Database(path)) as database:
        database.migrate()
        with database.write() as connection:
            return restore_ledger(connection, _moment(order.manifest.about.made_at), order.now), ""


def _give_up(target: Target, journal: Journal) -> None:
    target.state.on_hold.unlink(missing_ok=True)
    discard(journal, journal_of(target.root))


# ── Swapping ─────────────────────────────────────────────────────────────────────────────────────────


def _finish(target: Target, journal: Journal, closed: int | None, reached: Reached) -> Restored:
    if Path(journal.dump or "/nowhere").is_dir():
        closed = _load(target, journal)
        reached("loaded")
    try:
        swap(journal, reached)
    except OwnerError:
        if not journal.dump and not has_begun(journal):
            _give_up(target, journal)
        raise
    carried = (*_carry_workspace(target, journal.stamp), *_carry_state(target, journal.stamp))
    reached("carried")
    old = _old_state(target, journal.stamp)
    if old.root.is_dir():
        day = f"{_stamped(journal.stamp):%Y-%m-%d}"
        where = f"this was set aside by a restore on {day}; the team is in {target.root} now\n"
        old.on_hold.write_text(where, encoding="utf-8")
    shutil.rmtree(target.state.root / DUMP, ignore_errors=True)
    target.state.on_hold.unlink(missing_ok=True)
    discard(journal, journal_of(target.root))
    reached("finished")
    asides = tuple(Path(move.target) for move in journal.aside)
    kept = tuple(path for path in asides if path.exists())
    return Restored(target.root, journal.made_at, kept, carried, closed)


def _load(target: Target, journal: Journal) -> int:
    """Load the tables of a server; the same restore does it once, however often it is gone on with."""
    workspace, now = Path(journal.staging[0]), _stamped(journal.stamp)
    address = database_address(workspace if workspace.is_dir() else target.root, target.environ)
    made_at = _moment(journal.made_at)
    try:
        return restore_server(address, Path(journal.dump), stamp=journal.stamp, made_at=made_at, now=now)
    except HarnessError:
        if not has_begun(journal) and is_surely_not_restored(address, now):
            _give_up(target, journal)
        raise


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
