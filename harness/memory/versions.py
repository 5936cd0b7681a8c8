"""What a file of a person's was before: the texts that the harness wrote into it, and those that it found there.

They are what a text is merged with that was written from an older one. Beside the state, never in a folder of the
person's; the newest few are kept.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_KEPT = 200
_HELD_FILES = 20
_HELD = "held-"
_NAME = re.compile(r"(\d{8})-([0-9a-f]{16})\.txt")
_STALE_S = 120.0
"""An editor that still holds a text which was replaced so long before it saves has been told by then."""


def versions_of(state_root: Path, file: PurePosixPath) -> Versions:
    """Return the versions of a file of the workspace, named from there."""
    return Versions(state_root / "versions" / file)


def text_hash(text: str) -> str:
    """Return what a version is called by: equal texts, equal hashes."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Version:
    """One text that the file had. `seen_at` is when it was written or found, epoch seconds of the file system."""

    number: int
    sha: str
    path: Path
    seen_at: float

    def text(self) -> str:
        """Return the text of then."""
        return self.path.read_bytes().decode("utf-8")


class Versions:
    """The versions of one file, in a folder of their own. Whoever writes there holds the file's lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest_first(self) -> Iterator[Version]:
        """Yield the versions, those of last first."""
        try:
            names = sorted((path.name for path in self._folder.iterdir()), reverse=True)
        except FileNotFoundError:
            return
        for name in names:
            found = _NAME.fullmatch(name)
            if found:
                path = self._folder / name
                yield Version(int(found[1]), found[2], path, path.stat().st_mtime)

    def find(self, sha: str) -> str | None:
        """Return the text of that hash, if it is still kept."""
        return next((version.text() for version in self.newest_first() if version.sha == sha), None)

    def add(self, text: str) -> None:
        """Remember a text, if it is not the last one that was remembered."""
        known = list(self.newest_first())
        sha = text_hash(text)
        if known and known[0].sha == sha:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        number = known[0].number + 1 if known else 1
        path = self._folder / f"{number:08d}-{sha}.txt"
        path.write_text(text, encoding="utf-8", newline="")
        for version in known[_KEPT - 1 :]:
            version.path.unlink(missing_ok=True)

    def hold(self, file: Path, text: str) -> None:
        """Keep the very file that held the text for a while: a slow editor may still be writing into it."""
        held = self._held()
        number = int(held[-1].name.split("-")[1]) + 1 if held else 1
        try:
            file.rename(self._folder / f"{_HELD}{number:08d}-{text_hash(text)}")
            for old in held[: 1 - _HELD_FILES]:
                old.unlink()
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            file.unlink()  # the state lies on another disk: there is no place for it

    def changed_in_hold(self) -> Iterator[tuple[str, str]]:
        """Yield what was written into a held file since: the hash of the text that it was, and the text now."""
        for file in self._held():
            sha, text = file.name.rpartition("-")[2], file.read_bytes().decode("utf-8", "replace")
            if text_hash(text) != sha:
                file.unlink()
                yield sha, text

    def _held(self) -> list[Path]:
        return sorted(self._folder.glob(f"{_HELD}*"))

    def origin_of(self, text: str, saved_at: float, *, unseen: str | None = None) -> str | None:
        """Return the text from which somebody made this one; None if no version can be it.

        That is the version it differs from least, of those that were not replaced long before it was saved: whoever
        edits changes less than all that others have added since. `unseen` is one that nobody can have seen yet.
        """
        best: str | None = None
        least, follower = 0, None
        for version in self.newest_first():
            if follower is not None and follower.seen_at < saved_at - _STALE_S:
                break
            candidate = version.text()
            if candidate != unseen:
                distance = _distance(candidate, text)
                if best is None or distance < least:
                    best, least = candidate, distance
            follower = version
        return best


def _distance(one: str, other: str) -> int:
    """Return how many lines stand in only one of the texts."""
    lines, others = Counter(one.split("\n")), Counter(other.split("\n"))
    return (lines - others).total() + (others - lines).total()
