"""Files that a request waits for: the first that matches, holds something and is newer than the request."""

from __future__ import annotations

import errno
import fnmatch
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from harness.bus.evidence import MAX_BYTES, STAMP_TOLERANCE
from harness.domain.errors import Refused, ToolError
from harness.domain.request import Evidence
from harness.gate.paths import PathRules

MAX_NAMES = 5_000
"""How many names are looked at for one pattern, each time: a pattern that needs more is told of."""

_WILD = frozenset("*?[")


class Hopeless(Exception):
    """No file can ever be found for this pattern: it is not one of the workspace, or not the sender's to read."""


class Trouble(Exception):
    """It cannot be looked at for now, and the person should know."""


def first_match(pattern: str, rules: PathRules, since: datetime | None) -> Evidence | None:
    """Return the first file, by name, that counts; None while there is none.

    `*`, `?` and `[…]` stand for parts of one name, `**` for any folders. Links are not followed. Blocks while it reads.
    Raises Hopeless or Trouble.
    """
    parts = _checked(pattern, rules)
    search = _Search(rules)
    for path in search.paths(parts):
        evidence = _look(path, rules, since)
        if evidence is not None:
            return evidence
    return None


def _checked(pattern: str, rules: PathRules) -> tuple[str, ...]:
    """Return the pattern's components if its words are allowed, as those of a path are."""
    try:
        return rules.check(pattern, "read")
    except Refused as refused:
        raise Hopeless(f"{refused.reason} ({refused.rule})") from refused


@dataclass(slots=True)
class _Search:
    """One walk through the workspace; `names` counts what it has looked at."""

    rules: PathRules
    names: int = 0

    def paths(self, parts: tuple[str, ...], folder: str = "") -> Iterator[str]:
        """Yield the files below the folder that match, in the order of their names."""
        if not parts:
            return
        first, rest = parts[0], parts[1:]
        if not _WILD & set(first):
            path = f"{folder}{first}"
            yield from self.paths(rest, f"{path}/") if rest else (path,)
            return
        if first == "**":
            yield from self.paths(rest or ("*",), folder)
        for name, is_folder in self._entries(folder):
            if first == "**":
                if is_folder:
                    yield from self.paths(parts, f"{folder}{name}/")
            elif fnmatch.fnmatchcase(name, first):
                if rest and is_folder:
                    yield from self.paths(rest, f"{folder}{name}/")
                elif not rest and not is_folder:
                    yield f"{folder}{name}"

    def _entries(self, folder: str) -> Iterator[tuple[str, bool]]:
        try:
            entries = self.rules.entries(folder or ".")
        except (Refused, ToolError, OSError) as error:
            if _is_missing(error):
                return
            raise Trouble(f"{folder or 'the workspace'} cannot be looked through: {error}") from error
        for entry in entries:
            self.names += 1
            if self.names > MAX_NAMES:
                raise Trouble(f"more than {MAX_NAMES:,} names would have to be looked at; name the folder more closely")
            yield entry.name, entry.size is None


def _look(path: str, rules: PathRules, since: datetime | None) -> Evidence | None:
    oldest = None if since is None else (since - STAMP_TOLERANCE).timestamp()
    try:
        stamp = (rules.root / path).lstat()
        is_old = oldest is not None and stamp.st_mtime < oldest
        # Its content is not read again and again while it is the old one.
        if stat.S_ISREG(stamp.st_mode) and (stamp.st_size == 0 or is_old):
            return None
        seen = rules.look_at(path, MAX_BYTES)
    except (Refused, ToolError, OSError) as error:
        if _is_missing(error):
            return None
        raise Trouble(f"{path} cannot be looked at: {error}") from error
    if seen.is_blank or (oldest is not None and seen.modified_at < oldest):
        return None
    return Evidence("/".join(rules.check(path, "read")), seen.size_bytes, seen.sha256)


def _is_missing(error: Exception) -> bool:
    behind = error if isinstance(error, OSError) else error.__cause__
    return isinstance(behind, OSError) and behind.errno in (errno.ENOENT, errno.ENOTDIR)
