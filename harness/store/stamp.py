"""What tells that a file was written anew, or is another one by now."""

from __future__ import annotations

from os import stat_result
from pathlib import Path

Stamp = tuple[int, int, int]
"""When it was last written, in nanoseconds, how long it is, and which file it is."""


def stamp_of(path: Path) -> Stamp:
    """Return the stamp of the file, and of a link itself; raises OSError."""
    return stamp_in(path.lstat())


def stamp_in(found: stat_result) -> Stamp:
    """Return the stamp of a file that was looked at already."""
    return found.st_mtime_ns, found.st_size, found.st_ino
