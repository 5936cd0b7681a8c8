"""`shared-context/followups/`: the files of follow-ups on disk, edited while people and agents edit them too."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

from harness.bus.files.edited_file import EditedFile
from harness.bus.files.follow_ups import FOLDER

_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.md")


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
        return self._file(day).read()

    def edit(self, day: date, change: Callable[[str], str]) -> str:
        """Make the day's file what `change` makes of it, and return that; see `EditedFile.edit`."""
        return self._file(day).edit(change)

    def _file(self, day: date) -> EditedFile:
        return EditedFile(self._folder / f"{day.isoformat()}.md", path_of(day), self._saved)


def path_of(day: date) -> str:
    """Return the path of the day's file in the workspace."""
    return f"{FOLDER}/{day.isoformat()}.md"


def _day_of(name: str) -> date | None:
    found = _NAME.fullmatch(name)
    try:
        return None if found is None else date.fromisoformat(found[1])
    except ValueError:
        return None
