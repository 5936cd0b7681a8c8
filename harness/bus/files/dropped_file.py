"""Files that somebody dropped into a folder: which of them are meant, what stands in them, and how they are called."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import HarnessError
from harness.store.stamp import Stamp, stamp_in, stamp_of

MAX_BYTES = 1_000_000
_LONGEST_NAME = 200
_UNFINISHED_STARTS = (".", "#", "~")
_UNFINISHED_ENDS = ("~", ".swp", ".swx", ".tmp", ".new", ".bak", ".part", ".crdownload", "___jb_tmp___", "___jb_old___")
_NOT_FOR_US = frozenset({"README.md", "4913", "desktop.ini", "Thumbs.db"})


class NotARequest(HarnessError):
    """The file cannot be taken, for a reason that the person is told."""


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file as it was read."""

    path: Path
    stamp: Stamp
    content: bytes

    @property
    def key(self) -> str:
        """The idempotency key of what it asks for: the same file asks for the same."""
        return f"inbox {shown(self.path)} {hashlib.sha256(self.content).hexdigest()[:32]}"


def paths_in(folder: Path) -> list[Path]:
    """Return all that lies in the folder and is not hidden; nothing if there is no folder."""
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []


def lying_in(folder: Path) -> Iterator[tuple[Path, Stamp]]:
    """Yield the files that may be meant for the harness: neither folders nor what editors and systems leave."""
    for path in paths_in(folder):
        name = path.name
        if name in _NOT_FOR_US or name.startswith(_UNFINISHED_STARTS) or name.endswith(_UNFINISHED_ENDS):
            continue
        with suppress(FileNotFoundError):
            if not stat.S_ISDIR(path.lstat().st_mode):
                yield path, stamp_of(path)


def read_dropped(path: Path) -> DroppedFile | None:
    """Return the file as it is now; None if it is gone. Raises NotARequest for what is no plain file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise NotARequest(f"{shown(path)} is a link or no regular file; put the text itself there") from error
        if error.errno == errno.EACCES:
            raise NotARequest(
                f"{shown(path)} may not be read by whoever runs the harness; change its permissions"
            ) from error
        raise
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotARequest(f"{shown(path)} is a link or no regular file; put the text itself there")
        content = file.read(MAX_BYTES + 1)
        found = os.fstat(descriptor)
    if len(content) > MAX_BYTES:
        raise NotARequest(
            f"{shown(path)} is longer than {MAX_BYTES:,} bytes; put the long part into a file, and name that in inputs"
        )
    return DroppedFile(path, stamp_in(found), content)


def shown(path: Path) -> str:
    """Return the file's name as text that can be written anywhere, whatever bytes it is made of."""
    name = os.fsencode(path.name).decode("utf-8", "replace")
    return "".join(char if char.isprintable() else "?" for char in name)


def short_name(name: str) -> str:
    """Return the beginning of a name, so that something can be added to it: names have at most 255 bytes."""
    return os.fsdecode(os.fsencode(name)[:_LONGEST_NAME])


def stem_of(path: Path) -> str:
    """Return the name without its `.md`."""
    return path.name.removesuffix(".md")


def free_path(path: Path) -> Path:
    """Return the path, with a number in its name if there is something already."""
    if not os.path.lexists(path):
        return path
    numbered = (path.with_name(f"{stem_of(path)}.{number}.md") for number in range(2, 100_000))
    return next(one for one in numbered if not os.path.lexists(one))
