"""Files below a root, opened one folder at a time and never through a link.

Each folder is opened relative to the one before, without following links: what was checked is what is
opened, whatever happens to the tree in between.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import Refused, ToolError

# A fixed name below the folder's lock: what a crash leaves behind is cleared by the next write.
_TEMPORARY = ".harness-write.tmp"
_CHUNK_BYTES = 1 << 20
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# Non-blocking, because opening a named pipe would otherwise wait for its writer for ever.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder; `size` is in bytes, and None for a folder."""

    name: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was looked at: what was hashed is what `size_bytes` counts, whatever was written meanwhile.

    `modified_at` is its stamp in epoch seconds; `is_blank`: there is nothing in it but white space.
    """

    size_bytes: int
    sha256: str
    modified_at: float
    is_blank: bool


def look_at_file(root: Path, parts: Sequence[str], max_bytes: int) -> Seen:
    """Return what the file is, without keeping its content.

    Raises Refused (`path-link`, `path-special`), ToolError if it is missing, a folder or over max_bytes.
    """
    with _folder(root, parts[:-1]) as folder, _regular(folder, parts[-1]) as descriptor:
        if os.fstat(descriptor).st_size > max_bytes:
            raise ToolError(f"{'/'.join(parts)} is longer than {max_bytes:,} bytes")
        digest, size, is_blank = hashlib.sha256(), 0, True
        while chunk := os.read(descriptor, min(_CHUNK_BYTES, max_bytes + 1 - size)):
            digest.update(chunk)
            size += len(chunk)
            is_blank = is_blank and not chunk.strip()
            if size > max_bytes:  # it grows while it is read
                raise ToolError(f"{'/'.join(parts)} is longer than {max_bytes:,} bytes")
        modified_at = os.fstat(descriptor).st_mtime
    return Seen(size, digest.hexdigest(), modified_at, is_blank)


def read_file(root: Path, parts: Sequence[str], max_bytes: int) -> bytes:
    """Return the whole file.

    Raises Refused (`path-link`, `path-special`), ToolError if it is missing, a folder or over max_bytes.
    """
    with _folder(root, parts[:-1]) as folder:
        content = _read(folder, parts[-1], max_bytes)
    if len(content) > max_bytes:
        raise ToolError(f"{'/'.join(parts)} is longer than {max_bytes:,} bytes")
    return content


def list_folder(root: Path, parts: Sequence[str], is_shown: Callable[[str], bool]) -> list[Entry]:
    """Return the files and folders in it by name: no links, and only names that are shown.

    Raises Refused (`path-link`), ToolError if it is missing or no folder.
    """
    entries = []
    with _folder(root, parts) as folder, os.scandir(folder) as found:
        for entry in found:
            if entry.is_symlink() or not is_shown(entry.name):
                continue
            is_folder = entry.is_dir(follow_symlinks=False)
            with suppress(FileNotFoundError):  # it went away since
                entries.append(Entry(entry.name, None if is_folder else entry.stat(follow_symlinks=False).st_size))
    return sorted(entries, key=lambda entry: entry.name)


def replace_file(root: Path, parts: Sequence[str], content: bytes, *, replaces: str | None) -> None:
    """Write the file in one step: a reader, or a crash, meets the old content or the new, nothing between.

    `replaces` is the SHA-256 of the content that may be overwritten, None if the file must be new. Missing
    folders are made. Writing what already stands there changes nothing and is allowed, so that a write which
    is repeated after a crash succeeds.
    Raises Refused (`overwrite` if there is other content, `path-link`, `path-special`).
    """
    name = parts[-1]
    with _folder(root, parts[:-1], is_made=True) as folder:
        # One writer per folder at a time, so that what is compared is what is replaced.
        fcntl.flock(folder, fcntl.LOCK_EX)
        present = _present_hash(folder, name)
        if present == hashlib.sha256(content).hexdigest():
            return
        if present is not None and present != replaces:
            raise Refused("overwrite", f"{'/'.join(parts)} has content that this run has not read; read it first")
        _replace(folder, name, content)


@contextmanager
def _folder(root: Path, parts: Sequence[str], *, is_made: bool = False) -> Iterator[int]:
    # The root itself may be reached through links: it is the person's choice.
    descriptor = os.open(root, _FOLDER)
    try:
        for part in parts:
            if is_made:
                _make_folder(descriptor, part)
            inner = _open(descriptor, part, _FOLDER | os.O_NOFOLLOW)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


def _make_folder(folder: int, name: str) -> None:
    try:
        os.mkdir(name, dir_fd=folder)
    except FileExistsError:
        return
    os.fsync(folder)


def _open(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and _is_link(folder, name):
            raise Refused("path-link", f"{name} is a link") from error
        if error.errno == errno.ENXIO:  # a socket
            raise Refused("path-special", f"{name} is no regular file") from error
        raise ToolError(f"{name}: {error.strerror}") from error


def _is_link(folder: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:  # it went away since
        return False


@contextmanager
def _regular(folder: int, name: str) -> Iterator[int]:
    descriptor = _open(folder, name, _FILE)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise ToolError(f"{name} is a folder")
        if not stat.S_ISREG(mode):
            raise Refused("path-special", f"{name} is no regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _read(folder: int, name: str, max_bytes: int) -> bytes:
    with _regular(folder, name) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
        return file.read(max_bytes + 1)


def _present_hash(folder: int, name: str) -> str | None:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    with _regular(folder, name) as descriptor, os.fdopen(descriptor, "rb", closefd=False) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(folder: int, name: str, content: bytes) -> None:
    with suppress(FileNotFoundError):
        os.unlink(_TEMPORARY, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(_TEMPORARY, flags, 0o644, dir_fd=folder), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(_TEMPORARY, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)
