"""Looking for files of the workspace that a job names: inside of it only, and through no link that leads out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path, PurePosixPath

from harness.domain.errors import OwnerError

_MOST_MATCHES = 10_000
"""So many matches that lead out of the workspace are passed over before a pattern counts as matching nothing."""

_ABSENT = (FileNotFoundError, NotADirectoryError)
"""What the system says where nothing is. Whatever else it says leaves open whether something is there."""


def path_inside(root: Path, path: str) -> Path | None:
    """Return the existing file or folder that the path leads to, or None if it leads out of the workspace.

    Raises FileNotFoundError if there is nothing, OSError if it cannot be looked at, ValueError for what can be
    no path.
    """
    home = root.resolve()
    # Not Path.resolve: before Python 3.13 it raises RuntimeError for a loop of links.
    found = Path(os.path.realpath(home / path, strict=True))
    return found if found.is_relative_to(home) else None


def matches(root: Path, pattern: str) -> bool:
    """Return whether the path or glob pattern (`**` is any folders) matches something in the workspace.

    Raises OwnerError where that cannot be told: nothing matches, and something that the pattern leads through
    could not be looked at.
    """
    parts = PurePosixPath(pattern)
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        return False
    problems: list[OSError] = []
    # As it is written first: a name may hold brackets.
    candidates = (root / pattern, *islice(_expand(root, parts.parts, problems), _MOST_MATCHES))
    if any(_is_inside(root, found, problems) for found in candidates):
        return True
    if problems:
        raise _cannot_tell(root, pattern, problems[0])
    return False


def _expand(folder: Path, parts: tuple[str, ...], problems: list[OSError]) -> Iterator[Path]:
    """Yield what the parts of a pattern lead to; folders that cannot be listed are among the problems.

    Unlike Path.glob, which takes a folder that it cannot list for an empty one.
    """
    if not parts:
        yield folder
    elif parts[0] == "**":
        yield from _expand(folder, parts[1:], problems)
        for name in _names(folder, problems, only_folders=True):
            yield from _expand(folder / name, parts, problems)
    elif any(sign in parts[0] for sign in "*?["):
        for name in _names(folder, problems):
            if fnmatchcase(name, parts[0]):
                yield from _expand(folder / name, parts[1:], problems)
    else:
        yield from _expand(folder / parts[0], parts[1:], problems)


def _names(folder: Path, problems: list[OSError], *, only_folders: bool = False) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not only_folders or entry.is_dir(follow_symlinks=False)]
    except _ABSENT:
        return []
    except ValueError:  # a NUL in the name
        return []
    except OSError as error:
        problems.append(error)
        return []


def _is_inside(root: Path, path: Path, problems: list[OSError]) -> bool:
    try:
        return path_inside(root, str(path.relative_to(root))) is not None
    except _ABSENT:
        return False
    except ValueError:  # a NUL in the name
        return False
    except OSError as error:
        problems.append(error)
        return False


def _cannot_tell(root: Path, pattern: str, error: OSError) -> OwnerError:
    where = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else root / pattern
    # A folder that may not be entered is named by what was looked for in it.
    is_behind_a_door = isinstance(error, PermissionError) and not os.access(where.parent, os.X_OK)
    where = where.parent if is_behind_a_door else where
    home = root.resolve()
    shown = where.relative_to(home) if where.is_relative_to(home) else where
    reason = (error.strerror or type(error).__name__).lower()
    problem = f"cannot be looked at ({reason}), so nobody can tell whether {pattern} is there"
    fix = "correct its permissions or the link, or name another path under only_if"
    return OwnerError(shown, None, problem, fix)
