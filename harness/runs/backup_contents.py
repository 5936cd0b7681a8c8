"""What belongs into a backup: the person's own files, and what only this installation knows."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from harness.domain.settings import Settings
from harness.gate.paths import looks_secret
from harness.store.archive import ArchivedLink, LeftOut
from harness.store.state_folder import StateFolder
from harness.workspace.find import REHEARSAL_MARKER

_MADE_AGAIN = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", ".DS_Store"})

Kind = Literal["file", "link", "folder", "left"]


@dataclass(frozen=True, slots=True)
class Found:
    """One thing below a folder. `path` is relative to it, with `/`; `why` says why it is left out.

    A `folder` is an empty one: of the others their content speaks. `leads_to` is where a link leads, relative
    to the folder that it lies in. `is_told`: the person would miss it if nobody said that it is left out.
    """

    path: str
    kind: Kind
    leads_to: str = ""
    why: str = ""
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Contents:
    """What is packed: sources by their name in the archive, and what stands in its manifest only."""

    files: tuple[tuple[str, Path], ...]
    links: tuple[ArchivedLink, ...]
    folders: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def gather_contents(root: Path, state: StateFolder, settings: Settings, *, besides: Path) -> Contents:
    """Return what a backup of the workspace holds beside the database; `besides` is the folder of the backups."""
    files: list[tuple[str, Path]] = []
    links: list[ArchivedLink] = []
    folders: list[str] = []
    left_out: list[LeftOut] = []
    parts = [("workspace", root, walk_workspace(root, (state.root, besides)))]
    parts += [(f"state/{name}", state.root / name, walk(state.root / name)) for name in kept_state(state, settings)]
    for part, folder, walked in parts:
        for found in walked:
            # The path of a file that is named itself is empty.
            name = f"{part}/{found.path}".rstrip("/")
            match found.kind:
                case "file":
                    files.append((name, folder / found.path))
                case "link":
                    links.append(ArchivedLink(name, found.leads_to))
                case "folder":
                    folders.append(name)
                case "left" if found.is_told:
                    left_out.append(LeftOut(name, found.why))
    return Contents(tuple(files), tuple(links), tuple(folders), tuple(left_out))


def kept_state(state: StateFolder, settings: Settings) -> tuple[str, ...]:
    """Return the names in the state folder that a backup holds: what can be made by no one again.

    The database is copied apart, as it is written to; logs, sockets and the backups themselves stay.
    """
    delivered = (PurePosixPath(channel.folder) for channel in settings.channels.values() if channel.kind == "file")
    own = [folder.as_posix() for folder in delivered if not folder.is_absolute() and ".." not in folder.parts]
    names = (name for name in (*kept_names(state), *own) if name not in ("", "."))
    # A link whose end is gone, such as into a drive that is not mounted, is there and is told.
    present = (name for name in names if os.path.lexists(state.root / name))
    return tuple(dict.fromkeys(present))


def kept_names(state: StateFolder) -> tuple[str, ...]:
    """Return those of them that are the same whatever the settings say."""
    paths = (state.last_good, state.artifacts, state.audit_log, state.audit_archive, state.executor_id, state.node_name)
    return tuple(path.name for path in paths)


def walk_workspace(root: Path, others: tuple[Path, ...]) -> Iterator[Found]:
    """Yield what lies in the workspace; `others` are folders that belong to the harness and not to the person."""
    places = frozenset(Path(os.path.realpath(other)) for other in others)
    return walk(root, places)


def walk(root: Path, others: frozenset[Path] = frozenset()) -> Iterator[Found]:
    """Yield everything below `root` (or the file that it is) in order; links are not followed."""
    if not root.is_dir():
        is_dangling = root.is_symlink() and not root.exists()
        why = "cannot be read (it is a link that leads nowhere)"
        yield Found("", "left", why=why, is_told=True) if is_dangling else Found("", "file")
        return
    yield from _walk(Path(os.path.realpath(root)), PurePosixPath(), others)


def _walk(root: Path, folder: PurePosixPath, others: frozenset[Path]) -> Iterator[Found]:
    try:
        entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
    except OSError as error:
        yield Found(folder.as_posix(), "left", why=f"cannot be read ({error.strerror})", is_told=True)
        return
    if not entries and folder.parts:
        yield Found(folder.as_posix(), "folder")
    for entry in entries:
        path = folder / entry.name
        if entry.is_symlink():
            yield _link(root, path)
        elif entry.is_dir(follow_symlinks=False):
            left = _folder_left_out(Path(entry.path), others)
            if left is None:
                yield from _walk(root, path, others)
            else:
                yield Found(path.as_posix(), "left", why=left)
        else:
            yield _file(entry, path)


def _file(entry: os.DirEntry[str], path: PurePosixPath) -> Found:
    if entry.name in _MADE_AGAIN:
        return Found(path.as_posix(), "left", why="is made again")
    if not stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
        return Found(path.as_posix(), "left", why="is neither a file nor a folder", is_told=True)
    # A note about passwords is a note; a file that holds one has no business in an archive.
    is_key = looks_secret(entry.name) or entry.name.startswith((".env", ".netrc"))
    if is_key and path.suffix != ".md":
        return Found(path.as_posix(), "left", why="looks like a key: keep it where keys are kept", is_told=True)
    return Found(path.as_posix(), "file")


def _link(root: Path, path: PurePosixPath) -> Found:
    real = Path(os.path.realpath(root / path))
    if not real.exists() or not real.is_relative_to(root):
        why = "is a link that leads out of the workspace or nowhere"
        return Found(path.as_posix(), "left", why=why, is_told=True)
    # Whatever it says, what is packed is the way that stays right wherever the backup is unpacked.
    return Found(path.as_posix(), "link", leads_to=os.path.relpath(real, root / path.parent))


def _folder_left_out(folder: Path, others: frozenset[Path]) -> str | None:
    if folder.name in _MADE_AGAIN or re.fullmatch(r"\..*cache", folder.name):
        return "is made again"
    if Path(os.path.realpath(folder)) in others or folder.name == ".harness":
        return "belongs to the harness"
    if (folder / REHEARSAL_MARKER).is_file() or (folder / "workspace" / REHEARSAL_MARKER).is_file():
        return "is a rehearsal"
    return None
