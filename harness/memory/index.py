"""The index of what is remembered: one file beside the state, made of the person's files and never more than they say.

It may be deleted at any time. Each file is told apart by size, time and content; what changed is read again, each file
in one transaction with all that is found by it, so that whoever searches sees a file as it was or as it is. One process
writes at a time, and those that search never wait for it. An index of another format, and one that is damaged, is made
anew, and the log says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.domain.errors import OwnerError, TransientError
from harness.domain.sizes import counted
from harness.memory.chunking import Gap, chunks_of
from harness.memory.chunks import Chunk
from harness.memory.index_rows import add_chunks, create_tables, drop_tables, remove_file
from harness.memory.sources import Source, Stamp, stamp_of
from harness.memory.view import View

FORMAT = 1
"""Raised with everything that makes the same files another index: chunks, columns, tokens, tables."""
MOST_BYTES = 4 * 1024 * 1024
"""A larger file is named, and not read: nobody writes a note of that size."""

_PATIENCE_S = 5.0
_REBUILD_PATIENCE_S = 600.0
_BEING_MADE = "another process is making the index of memory; try again"
_LOOK_EVERY_S = 0.02
_FILES_AT_ONCE = 50
# An edit within the same tick of the file system's clock changes no time: what was read so soon is looked at again.
_SETTLED_NS = 2_000_000_000
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR})
_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

T = TypeVar("T")

Look = Callable[[], Iterable[Source]]
"""Says which files there are at this moment."""

log = logging.getLogger("harness.memory")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What an update came to. `rebuilt` says why the index was made anew, if it was. `is_current` is false where
    another process was still at work on it. `gaps` are all files and records that cannot be found, and why."""

    read: int = 0
    removed: int = 0
    rebuilt: str = ""
    is_current: bool = True
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True)
class _Content:
    """What a file holds. `problem` says why it is not searched, if so; what is not `is_read` may be another time."""

    data: bytes
    stamp: Stamp
    problem: str = ""
    is_read: bool = True

    @property
    def sha256(self) -> str:
        told = f"{self.stamp.size} {self.problem}".encode() if self.problem else self.data
        return hashlib.sha256(told).hexdigest()


class MemoryIndex:
    """The index in that file. Holds nothing open between two calls; any thread and any process may use it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def refresh(self, look: Look, *, patience_s: float = _PATIENCE_S) -> Refreshed:
        """Make the index what the files are now; cheap if none of them changed.

        While another process updates it, this waits so long and then leaves it as it is. Raises OwnerError where it
        cannot be written.
        """
        return self._mended(lambda rebuilt: self._refresh(look, patience_s, rebuilt))

    def rebuild(self, look: Look, *, patience_s: float = _REBUILD_PATIENCE_S) -> Refreshed:
        """Make the index anew, whatever it holds; until all of it is there, others search the old one.

        Raises TransientError if another process is at it so long.
        """

        def make(damage: str) -> Refreshed:
            with self._writing(patience_s) as is_ours:
                if not is_ours:
                    raise TransientError(_BEING_MADE)
                return self._refresh_as_writer(look, damage or "it was asked for")

        return self._mended(make)

    def ask(self, look: Look | None, question: Callable[[View], T], *, patience_s: float = _PATIENCE_S) -> T:
        """Return what the question comes to on an index that is what the files are now; without a look, as it is.

        While another process updates it, the question is put to what there is. Raises TransientError where there is
        none yet, because another process is making it for the first time, or because nobody has looked.
        """

        def answer(rebuilt: str) -> T:
            if look is not None:
                self._refresh(look, patience_s, rebuilt)
            with self._connected() as connection:
                if _format_of(connection) != FORMAT:
                    raise TransientError(_BEING_MADE)
                return question(View(connection))

        return self._mended(answer)

    # ── Updating ─────────────────────────────────────────────────────────────────────────────────

    def _refresh(self, look: Look, patience_s: float, rebuilt: str) -> Refreshed:
        with self._connected() as connection:
            if _format_of(connection) == FORMAT and not _stale(connection, _by_path(look)):
                return Refreshed(rebuilt=rebuilt, gaps=View(connection).gaps())
        with self._writing(patience_s) as is_ours:
            if is_ours:
                return self._refresh_as_writer(look, rebuilt)
        log.warning("the index of memory is being updated by another process; it is searched as it is")
        with self._connected() as connection:
            gaps = View(connection).gaps() if _format_of(connection) == FORMAT else ()
        return Refreshed(is_current=False, gaps=gaps)

    def _refresh_as_writer(self, look: Look, rebuilt: str) -> Refreshed:
        """Take in what changed, file by file; with a reason to make it anew, or of another format, all at once."""
        with self._connected() as connection:
            known = _format_of(connection)
            if known not in (0, FORMAT):
                rebuilt = f"it was of format {known}, and this version's is {FORMAT}"
            connection.execute("PRAGMA journal_mode=WAL")
            # Looked at anew: whoever wrote before us may have seen more of them.
            found = _by_path(look)
            with _transaction(connection) if rebuilt else nullcontext():
                if rebuilt or not known:
                    self._make_tables(connection)
                read, removed = self._take_all(connection, found, is_together=bool(rebuilt))
            gaps = View(connection).gaps()
        if rebuilt:
            log.warning("the index of memory was made anew: %s (%s)", rebuilt, counted(read, "file"))
        return Refreshed(read, removed, rebuilt, True, gaps)

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        with nullcontext() if connection.in_transaction else _transaction(connection):
            drop_tables(connection)
            create_tables(connection)
            connection.execute(f"PRAGMA user_version = {FORMAT}")

    def _take_all(
        self, connection: sqlite3.Connection, found: dict[str, Source], *, is_together: bool
    ) -> tuple[int, int]:
        """Take in every file that may have changed; return how many did, and how many are gone."""
        read = removed = 0
        stale = _stale(connection, found)
        for start in range(0, len(stale), _FILES_AT_ONCE):
            with nullcontext() if is_together else _transaction(connection):
                for path in stale[start : start + _FILES_AT_ONCE]:
                    source = found.get(path)
                    content = None if source is None else _content(source)
                    if source is None or content is None:
                        removed += remove_file(connection, path)
                    else:
                        read += self._take_in(connection, source, content)
        return read, removed

    def _take_in(self, connection: sqlite3.Connection, source: Source, content: _Content) -> bool:
        """Take the file in as it was read; return whether it says anything else than before."""
        stamp = content.stamp
        is_settled = content.is_read and stamp.mtime_ns < self._file_system_now() - _SETTLED_NS
        known = connection.execute("SELECT id, sha256 FROM file WHERE path = ?", (source.path,)).fetchone()
        times = (stamp.size, stamp.mtime_ns, stamp.inode, is_settled)
        if known is not None and known[1] == content.sha256:
            sql = "UPDATE file SET size = ?, mtime_ns = ?, inode = ?, is_settled = ? WHERE id = ?"
            connection.execute(sql, (*times, known[0]))
            return False
        chunks, gaps = _chunks(content, source)
        remove_file(connection, source.path)
        told = json.dumps([[gap.line, gap.problem] for gap in gaps])
        sql = "INSERT INTO file (path, size, mtime_ns, inode, is_settled, sha256, gaps) VALUES (?, ?, ?, ?, ?, ?, ?)"
        file = connection.execute(sql, (source.path, *times, content.sha256, told)).lastrowid
        add_chunks(connection, int(file or 0), source.path, chunks)
        for gap in gaps:
            log.warning("not searched: %s", gap)
        return True

    # ── The file ─────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        self._make_folder()
        with closing(sqlite3.connect(self._path, timeout=_PATIENCE_S, isolation_level=None)) as connection:
            # A power cut may take the last files along, which are then read again; it breaks nothing.
            connection.execute("PRAGMA synchronous=NORMAL")
            yield connection

    @contextmanager
    def _writing(self, patience_s: float) -> Iterator[bool]:
        """Be the one who writes, over all processes; False if another one still was after so long."""
        self._make_folder()
        try:
            lock = self._lock_file().open("a")
        except OSError as error:
            raise _unusable(self._path, str(error.strerror)) from error
        with lock:
            deadline_s = time.monotonic() + patience_s
            while not _is_locked(lock.fileno()):
                if time.monotonic() >= deadline_s:
                    yield False
                    return
                time.sleep(_LOOK_EVERY_S)  # the lock of another process tells nobody when it is free
            yield True

    def _make_folder(self) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(self._path, str(error.strerror)) from error

    def _lock_file(self) -> Path:
        return self._path.with_name(f"{self._path.name}.lock")

    def _file_system_now(self) -> int:
        """Return the time by the clock that gives files theirs."""
        lock = self._lock_file()
        os.utime(lock)
        return lock.stat().st_mtime_ns

    def _inode(self) -> int | None:
        try:
            return self._path.stat().st_ino
        except OSError:
            return None

    def _delete(self) -> None:
        """Remove a file that is no index any more."""
        for end in ("", "-wal", "-shm"):
            self._path.with_name(f"{self._path.name}{end}").unlink(missing_ok=True)

    def _mended(self, work: Callable[[str], T]) -> T:
        """Do the work; on a damaged index once more, on a new one."""
        before = self._inode()
        try:
            return work("")
        except sqlite3.DatabaseError as error:
            if _code(error) not in _DAMAGED:
                raise self._named(error) from error
            problem = f"it was damaged ({error})"
        with self._writing(_PATIENCE_S) as is_ours:
            if is_ours and self._inode() == before:  # else somebody has mended it meanwhile
                self._delete()
        try:
            return work(problem)
        except sqlite3.DatabaseError as error:
            raise self._named(error) from error

    def _named(self, error: sqlite3.DatabaseError) -> Exception:
        if _code(error) in _BUSY:
            return TransientError(f"the index of memory is in use: {error}")
        return _unusable(self._path, str(error))


def _unusable(path: Path, problem: str) -> OwnerError:
    return OwnerError(path, None, f"cannot be used ({problem})", "free some space or fix the permissions")


def _code(error: sqlite3.DatabaseError) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.execute("COMMIT")


def _format_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _by_path(look: Look) -> dict[str, Source]:
    return {source.path: source for source in look()}


def _stale(connection: sqlite3.Connection, found: dict[str, Source]) -> list[str]:
    """Return the paths of files that are new, may have changed or are gone, in their order."""
    rows = connection.execute("SELECT path, size, mtime_ns, inode FROM file WHERE is_settled").fetchall()
    known = {path: Stamp(size, mtime_ns, inode) for path, size, mtime_ns, inode in rows}
    gone = {path for (path,) in connection.execute("SELECT path FROM file")} - found.keys()
    return sorted(gone) + [path for path, source in found.items() if known.get(path) != source.stamp]


def _content(source: Source) -> _Content | None:
    """Return what the file holds and what it was when it was read; None if it is gone."""
    try:
        with Path(source.file).open("rb") as file:
            stamp = stamp_of(os.fstat(file.fileno()))
            content = file.read(MOST_BYTES + 1) if stamp.size <= MOST_BYTES else b""
    except FileNotFoundError:
        return None
    except OSError as error:
        return _Content(b"", source.stamp, f"cannot be read ({error.strerror})", is_read=False)
    if max(stamp.size, len(content)) > MOST_BYTES:
        problem = f"has {stamp.size:,} bytes, and at most {MOST_BYTES:,} are read; make several files of it"
        return _Content(b"", stamp, problem)
    return _Content(content, stamp, "is no text: it holds binary data" if b"\0" in content else "")


def _chunks(content: _Content, source: Source) -> tuple[list[Chunk], list[Gap]]:
    if content.problem:
        return [], [Gap(source.path, None, content.problem)]
    try:
        text = content.data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = content.data.count(b"\n", 0, error.start) + 1
        return [], [Gap(source.path, line, "is no UTF-8 text; save it as UTF-8")]
    return chunks_of(text, source.origins)
