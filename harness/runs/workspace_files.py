"""Looking for files of the workspace that a job names: inside of it only, and through no link that leads out."""

from __future__ import annotations

from itertools import islice
from pathlib import Path, PurePosixPath

_MOST_MATCHES = 10_000
"""So many matches that lead out of the workspace are passed over before a pattern counts as matching nothing."""


def path_inside(root: Path, path: str) -> Path | None:
    """Return the existing file or folder that the path leads to, or None if it leads out of the workspace.

    Raises FileNotFoundError if there is nothing, OSError if it cannot be looked at, ValueError for what can be
    no path.
    """
    home = root.resolve()
    found = (home / path).resolve(strict=True)
    return found if found.is_relative_to(home) else None


def matches(root: Path, pattern: str) -> bool:
    """Return whether the path or glob pattern (`**` is any folders) matches something in the workspace."""
    parts = PurePosixPath(pattern)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        return False
    if _is_inside(root, pattern):
        return True
    try:
        return any(_is_inside(root, str(found)) for found in islice(root.glob(pattern), _MOST_MATCHES))
    except (OSError, ValueError, NotImplementedError):
        return False  # a pattern that nothing can match, or a folder that cannot be read


def _is_inside(root: Path, path: str) -> bool:
    try:
        return path_inside(root, path) is not None
    except (OSError, ValueError, RuntimeError):  # nothing there, a NUL in the name, a loop of links
        return False
