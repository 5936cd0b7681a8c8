"""The files of a skill, read as they are: never through a link, and never more than a skill can need."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import OwnerError

MOST_FILES = 2_000
MOST_BYTES = 50_000_000

_JUNK_FOLDERS = frozenset({"__pycache__", ".git", ".hg", ".svn", "node_modules", "__MACOSX"})
_JUNK_FILES = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})
_JUNK_ENDINGS = (".pyc", "~", ".swp", ".swx")
# Non-blocking, because opening a named pipe would otherwise wait for its writer for ever.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class SkillFile:
    """One file of a skill."""

    content: bytes
    is_executable: bool = False


Files = Mapping[str, SkillFile]
"""The files of a skill by their paths in its folder, with `/`."""


def read_files(folder: Path) -> dict[str, SkillFile]:
    """Return all files of the folder, sorted by path, without what systems and editors leave lying around.

    Raises OwnerError for a link, for what is neither file nor folder, and for more than a skill can hold.
    """
    files: dict[str, SkillFile] = {}
    size = 0
    try:
        # The folder itself may be reached through links: it is the person's choice.
        for name, place, descriptor in _walk(folder.resolve(strict=True)):
            found = _read(name, place, descriptor)
            size += len(found.content)
            if len(files) >= MOST_FILES or size > MOST_BYTES:
                raise OwnerError(folder, None, _TOO_MUCH, "keep in it only what the skill needs")
            files[name] = found
    except OSError as error:
        problem = f"the skill cannot be read: {error.strerror or error}"
        raise OwnerError(error.filename or folder, None, problem, "correct its permissions") from error
    return dict(sorted(files.items()))


_TOO_MUCH = f"the skill has more than {MOST_FILES:,} files or {MOST_BYTES:,} bytes"


def list_files(folder: Path) -> list[str]:
    """Return the paths of the files in the folder, without reading them; empty if it cannot be listed."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _JUNK_FOLDERS)
        below = Path(place).relative_to(folder)
        paths = ((below / name, Path(place) / name) for name in names)
        found += [path.as_posix() for path, where in paths if not is_junk(path.as_posix()) and not where.is_symlink()]
        if len(found) >= MOST_FILES:
            break
    return sorted(found)


def folder_sha256(files: Files) -> str:
    """Return one hash of all paths, contents and executable bits."""
    digest = hashlib.sha256()
    for name in sorted(files):
        content = hashlib.sha256(files[name].content).hexdigest()
        mark = "x" if files[name].is_executable else "-"
        digest.update(os.fsencode(name) + f"\0{mark}\0{content}\n".encode())
    return digest.hexdigest()


def is_junk(path: str) -> bool:
    """Say whether a file belongs to a system or an editor and not to the skill."""
    *folders, name = path.split("/")
    return any(folder in _JUNK_FOLDERS for folder in folders) or name in _JUNK_FILES or name.endswith(_JUNK_ENDINGS)


def is_hidden(path: str) -> bool:
    """Say whether the file is none that an agent is shown."""
    return any(part.startswith(".") for part in path.split("/"))


def write_files(folder: Path, files: Files) -> None:
    """Write the files into a new folder. Raises OSError if it cannot be written."""
    folder.mkdir(parents=True)
    for name, file in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(0o755 if file.is_executable else 0o644)


def _walk(folder: Path) -> Iterator[tuple[str, Path, int]]:
    """Yield the path, the place and the open folder of every file."""

    def fail(error: OSError) -> None:
        raise error

    for place, folders, names, descriptor in os.fwalk(folder, onerror=fail):
        below = Path(place).relative_to(folder)
        kept = sorted(name for name in folders if name not in _JUNK_FOLDERS)
        for name in kept:
            if stat.S_ISLNK(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode):
                raise _refused(Path(place) / name, "a link")
        folders[:] = kept
        for name in sorted(names):
            path = (below / name).as_posix()
            if not is_junk(path):
                yield path, Path(place) / name, descriptor


def _read(name: str, place: Path, folder: int) -> SkillFile:
    base = name.rpartition("/")[2]
    mode = os.stat(base, dir_fd=folder, follow_symlinks=False).st_mode
    if not stat.S_ISREG(mode):
        raise _refused(place, "a link" if stat.S_ISLNK(mode) else "neither a file nor a folder")
    descriptor = os.open(base, _FLAGS, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise _refused(place, "neither a file nor a folder")
        return SkillFile(file.read(MOST_BYTES + 1), bool(mode & stat.S_IXUSR))


def _refused(place: Path, what: str) -> OwnerError:
    return OwnerError(place, None, f"is {what}, which a skill cannot hold", "put the file itself there, or remove it")
