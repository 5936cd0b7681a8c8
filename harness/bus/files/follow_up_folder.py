"""`shared-context/followups/`: the files of follow-ups on disk, edited while people and agents edit them too."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

from harness.bus.files.follow_ups import FOLDER
from harness.domain.errors import OwnerError, TransientError
from harness.store.durable_file import sync_folder

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.md")
_TRIES = 20


class FollowUpFolder:
    """The files of one workspace. `saved` is called when a new text is on disk beside the file, and not in it yet."""

    def __init__(self, root: Path, saved: Callable[[], None] = lambda: None) -> None:
        self._folder = root / FOLDER
        self._saved = saved

    def days(self) -> list[date]:
        """Return the days that have a file, the earliest first."""
        try:
            names = [entry.name for entry in self._folder.iterdir() if entry.is_file()]
        except FileNotFoundError:
            return []
        return sorted(day for name in names if (day := _day_of(name)) is not None)

    def read(self, day: date) -> str:
        """Return the text of the day's file to the byte; empty if there is none. Raises OwnerError if it is no text."""
        return self._decoded(day, self._bytes(day) or b"")

    def edit(self, day: date, change: Callable[[str], str]) -> str:
        """Make the day's file what `change` makes of it, and return that.

        What somebody saves in between is what the change is made to, again: no line of theirs is lost. Nothing is
        written where nothing changes. Raises TransientError if the file is saved by others again and again.
        """
        for _ in range(_TRIES):
            before = self._bytes(day)
            text = self._decoded(day, before or b"")
            changed = change(text)
            if changed == text or self._replace(day, before, changed.encode("utf-8")):
                return changed
        raise TransientError(f"{path_of(day)} is changed by others all the time; try again later")

    def _bytes(self, day: date) -> bytes | None:
        try:
            return self._path(day).read_bytes()
        except FileNotFoundError:
            return None

    def _decoded(self, day: date, content: bytes) -> str:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise OwnerError(path_of(day), line, "is not UTF-8 text", "save it as UTF-8") from error

    def _replace(self, day: date, before: bytes | None, content: bytes) -> bool:
        """Write the file in one moment if it is as it was read; False if it is not."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # A link stays one; the tools of agents lock the same folder.
        path = Path(os.path.realpath(self._path(day)))
        aside = path.with_name(f".{secrets.token_hex(6)}.new")
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            with aside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._saved()
            # As late as can be: between this look and the next line there is nothing to wait for.
            if self._bytes(day) != before:
                return False
            if before is not None:
                shutil.copymode(path, aside)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
            os.close(folder)
        sync_folder(path.parent)
        return True

    def _path(self, day: date) -> Path:
        return self._folder / f"{day.isoformat()}.md"


def path_of(day: date) -> str:
    """Return the path of the day's file in the workspace."""
    return f"{FOLDER}/{day.isoformat()}.md"


def _day_of(name: str) -> date | None:
    found = _NAME.fullmatch(name)
    try:
        return None if found is None else date.fromisoformat(found[1])
    except ValueError:
        return None
