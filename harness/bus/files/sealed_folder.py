"""A folder of files that the harness alone writes, in the person's workspace, where anybody can edit them.

A file is replaced only if its seal says that the harness wrote every byte of it. What somebody edited is moved
aside under a name of its own, and never overwritten.
"""

from __future__ import annotations

import os
import stat
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from harness.bus.files.seal import is_sealed, made_from
from harness.store.stamp import Stamp, stamp_in, stamp_of

_EDITED = ".edited-"
_STAMP = struct.Struct("<qqQ")
_UNWRITTEN = bytes(_STAMP.size)


@dataclass(frozen=True, slots=True)
class Aside:
    """An edited file that was moved aside: the name it had in the folder, and its present one."""

    name: str
    moved_to: str


class SealedFolder:
    """The files of one folder whose names end in `suffix`; all methods raise OSError, naming the file.

    Of each it remembers from which versions of the logs it was made, as of the last look.
    """

    def __init__(self, folder: Callable[[], Path], suffix: str) -> None:
        self._folder = folder
        self._suffix = suffix
        # The stamp, then the fingerprint where there is one, as bytes: a team has ten thousand files.
        self._known: dict[str, bytes] = {}

    def names(self) -> set[str]:
        """Return the names of the files that it knows of."""
        return set(self._known)

    def made_from(self, name: str) -> str | None:
        """Return the fingerprint of the logs that the file was made from; None if it is missing or was edited."""
        return self._known.get(name, b"")[_STAMP.size :].hex() or None

    def remember(self, name: str, fingerprint: str) -> None:
        """Count a file as made of these logs that has nothing to say, and is not written."""
        self._known[name] = _UNWRITTEN + bytes.fromhex(fingerprint)

    def put(self, name: str, text: str, now: datetime) -> bool:
        """Make `text` what the file holds, in one moment; True if what somebody else wrote there was moved aside."""
        path = self._folder() / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            is_aside = self._put(path, text, now)
        except OSError as error:
            # The person knows the file, not the one that was to take its place.
            raise OSError(error.errno, error.strerror, str(path)) from error
        self._known[name] = _STAMP.pack(*stamp_of(path)) + bytes.fromhex(made_from(text) or "")
        return is_aside

    def look_over(self) -> None:
        """Learn what the files say that are there; those that are as they were written here are not read again."""
        folder = self._folder()
        gone = {name for name, known in self._known.items() if not known.startswith(_UNWRITTEN)}
        for name, stamp in self._listed(folder):
            gone.discard(name)
            packed = _STAMP.pack(*stamp)
            if self._known.get(name, b"").startswith(packed):
                continue
            text = _read(folder / name)
            is_whole = text is not None and is_sealed(text)
            found = made_from(text) if is_whole and text is not None else None
            # Without a stamp that fits, what was edited is read again at the next look.
            self._known[name] = (packed if is_whole else _UNWRITTEN) + bytes.fromhex(found or "")
        for name in gone:
            del self._known[name]

    def remove(self, names: Iterable[str]) -> int:
        """Delete those of these files that are the harness's own; what was edited stays. Return how many it deleted."""
        others = sorted(names)
        removed = sum(self._remove(name) for name in others if self.made_from(name) is not None)
        for name in others:
            self._known.pop(name, None)
        return removed

    def aside(self) -> list[Aside]:
        """Return the files that were moved aside and are there still."""
        names = sorted(one.name for one in _entries(self._folder()) if f"{self._suffix}{_EDITED}" in one.name)
        return [Aside(name.partition(_EDITED)[0], name) for name in names]

    def _remove(self, name: str) -> bool:
        """Delete the file if the harness wrote all of it; False if it stays, as somebody edited it, or is gone."""
        path = self._folder() / name
        if not _is_ours(path):
            return False
        path.unlink(missing_ok=True)
        return True

    def _put(self, path: Path, text: str, now: datetime) -> bool:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)  # noqa: PTH101 mkstemp's files are closed to the group
            is_aside = os.path.lexists(path) and not _is_ours(path)
            if is_aside:
                path.rename(_free_name(path, now))
            Path(temporary).replace(path)
            return is_aside
        except OSError:
            with suppress(OSError):
                Path(temporary).unlink(missing_ok=True)
            raise

    def _listed(self, folder: Path) -> Iterator[tuple[str, Stamp]]:
        for entry in _entries(folder):
            if entry.name.endswith(self._suffix) and not entry.name.startswith("."):
                with suppress(FileNotFoundError):
                    yield entry.name, stamp_in(entry.stat(follow_symlinks=False))


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        listed = os.scandir(folder)  # one after the other, of ten thousand files
    except (FileNotFoundError, NotADirectoryError):
        return  # writing into it will say so
    with listed:
        yield from listed


def _is_ours(path: Path) -> bool:
    text = _read(path)
    return text is not None and is_sealed(text)


def _read(path: Path) -> str | None:
    """Return the file's text; None for what the harness cannot have written: no text, a link, a folder."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _free_name(path: Path, now: datetime) -> Path:
    stem = f"{path.name}{_EDITED}{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    names = (stem, *(f"{stem}.{number}" for number in range(2, 1000)))
    return next(path.with_name(name) for name in names if not os.path.lexists(path.with_name(name)))
