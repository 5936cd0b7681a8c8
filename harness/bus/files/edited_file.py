"""A text file of the workspace that people, agents and the harness all write: changed, and never overwritten."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.domain.errors import OwnerError, TransientError
from harness.store.durable_file import sync_folder

_TRIES = 20


class EditedFile:
    """One file; `shown` is its path as a person knows it.

    `saved` is called when a new text is on disk beside the file, and not in it yet.
    """

    def __init__(self, path: Path, shown: str, saved: Callable[[], None] = lambda: None) -> None:
        self._path = path
        self._shown = shown
        self._saved = saved

    def read(self) -> str:
        """Return the text to the byte; empty if there is no file. Raises OwnerError if it is no text."""
        return self._decoded(self._bytes() or b"")

    def edit(self, change: Callable[[str], str]) -> str:
        """Make the file what `change` makes of it, and return that.

        What somebody saves in between is what the change is made to, again: no line of theirs is lost. Nothing is
        written where nothing changes. Raises TransientError if the file is saved by others again and again.
        """
        for _ in range(_TRIES):
            before = self._bytes()
            text = self._decoded(before or b"")
            changed = change(text)
            if changed == text or self._replace(before, changed.encode("utf-8")):
                return changed
        raise TransientError(f"{self._shown} is changed by others all the time; try again later")

    def _bytes(self) -> bytes | None:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def _decoded(self, content: bytes) -> str:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise OwnerError(self._shown, line, "is not UTF-8 text", "save it as UTF-8") from error

    def _replace(self, before: bytes | None, content: bytes) -> bool:
        """Write the file in one moment if it is as it was read; False if it is not."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        path = Path(os.path.realpath(self._path))  # a link stays one
        aside = path.with_name(f".{secrets.token_hex(6)}.new")
        with locked_folder(path.parent):
            try:
                with aside.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                self._saved()
                # As late as can be: between this look and the next line there is nothing to wait for.
                if self._bytes() != before:
                    return False
                if before is not None:
                    shutil.copymode(path, aside)
                aside.replace(path)
            finally:
                aside.unlink(missing_ok=True)
        sync_folder(path.parent)
        return True


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Keep the lock that the harness and the tools of agents take to write in the folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
