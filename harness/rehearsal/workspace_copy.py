"""The copy of a workspace on which a rehearsal works, so that the person's own stays untouched."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import tomlkit
from tomlkit.exceptions import ParseError

from harness.domain.errors import OwnerError
from harness.domain.feed import FeedEntry
from harness.domain.workspace import Workspace
from harness.workspace.find import REHEARSAL_MARKER, SETTINGS_FILE
from harness.workspace.snapshot import FEEDS_FOLDER

MARKER = REHEARSAL_MARKER
WORKSPACE_PARTS = (SETTINGS_FILE, "USER.md", "agents", "skills", "shared-context", "memory")

_MARKER_TEXT = """\
A rehearsal of the harness made this folder, and the next one with the same --out replaces all of it.
Copy elsewhere what you want to keep. Without this file the folder is never touched again.
"""
_SENDING_KINDS = frozenset({"webhook", "email", "ntfy"})
"""Kinds of channels that reach people: a rehearsal must not."""
_NEVER_COPIED = frozenset({".harness", ".git", ".venv", "venv", "node_modules", "__pycache__", ".DS_Store"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that the copy has not, or has differently: a path relative to the workspace, and why."""

    path: str
    why: str

    def __str__(self) -> str:
        return f"{self.path}: {self.why}"


@dataclass(frozen=True, slots=True)
class WorkspaceCopy:
    """A finished copy. `left_out` is for the person to know: the rehearsal runs without these."""

    root: Path
    files: int
    left_out: tuple[LeftOut, ...] = ()


class World(Protocol):
    """What a workspace is pointed at."""

    @property
    def feed_lists(self) -> Mapping[str, Sequence[FeedEntry]]: ...

    @property
    def arxiv_url(self) -> str: ...


def copy_workspace(source: Path, target: Path, *, also: Iterable[str] = ()) -> WorkspaceCopy:
    """Copy what is the workspace into `target`, and nothing outside `target` is ever written because of it.

    Copied are WORKSPACE_PARTS and the relative paths `also` (see `named_paths`); never state folders,
    repositories, environments, caches and the output of rehearsals. A symbolic link is followed only
    inside the workspace; one that leads out is left out. Channels of `harness.toml` that send to somebody, or
    deliver to a folder elsewhere, deliver inside the copy instead.

    `target` is new, empty, or holds an earlier rehearsal, which is replaced. Anything else, a source
    without `harness.toml`, and a target that contains the source raise OwnerError; nothing is changed then.
    """
    source = source.resolve()
    if not (source / SETTINGS_FILE).is_file():
        raise OwnerError(source / SETTINGS_FILE, None, "is not there", "name a workspace with --workspace DIR")
    _check_target(source, target)
    _empty_target(target)
    copying = _Copying(source, target.resolve())
    copying.copy((*WORKSPACE_PARTS, *also))
    return WorkspaceCopy(target, copying.files, (*copying.left_out, *_keep_inside(target)))


def named_paths(workspace: Workspace) -> tuple[str, ...]:
    """Return the workspace's own paths that its jobs read or look for and its agents touch, for `copy_workspace`."""
    named: set[str] = set()
    for agent in workspace.agents.values():
        named.update(agent.read_paths, agent.write_paths)
    for job in workspace.jobs():
        entries = (*job.read, *(file.path for file in job.requires.files), *map(_fixed_part, job.only_if.exists))
        named.update(entry for entry in entries if "://" not in entry and (workspace.root / entry).exists())
    own = (workspace.settings.todos.file, *(calendar.place for calendar in workspace.settings.calendars))
    named.update(entry for entry in own if "://" not in entry and (workspace.root / entry).exists())
    inside = (name for name in named if not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts)
    return tuple(sorted(inside))


def _fixed_part(pattern: str) -> str:
    """Return the path in front of the pattern's first wildcard; for one without such a path, its whole text."""
    fixed = [*takewhile(lambda part: not set(part) & set("*?["), PurePosixPath(pattern).parts)]
    return str(PurePosixPath(*fixed)) if fixed else pattern


def point_at_world(workspace: Path, world: World, *, is_patient: bool = True) -> None:
    """Let a copy read its feeds and papers from `world` instead of from the network.

    Every list in `shared-context/feeds/` gets the world's list of that name, or the one that its name
    suggests; the comments of `harness.toml` stay. Without patience a source gets a second: in a world that hangs on
    purpose, real time would be spent on nothing. Raises OwnerError if `workspace` is no rehearsal's copy.
    """
    if not _is_rehearsal(workspace):
        raise OwnerError(workspace, None, "is not the copy of a rehearsal", "only a copy is pointed at another world")
    feeds = workspace / FEEDS_FOLDER
    for path in sorted(feeds.iterdir()) if feeds.is_dir() else ():
        if path.suffix in (".md", ".opml") and path.is_file():
            path.write_text(_render_list(path, _entries_for(path.stem, world.feed_lists)), encoding="utf-8")
    settings = _read_settings(workspace)
    sources = _table(settings, "sources")
    sources["arxiv_url"] = world.arxiv_url
    # A world of one's own needs no politeness, and its time is not real: nobody is to wait for it.
    sources.update({"per_host": 20, "host_pause": "0s", "arxiv_pause": "0s"})
    if not is_patient:
        sources["timeout"] = "1s"
    _table(settings, "egress")["loopback"] = True
    _write_settings(workspace, settings)


def _check_target(source: Path, target: Path) -> None:
    place = target.resolve()
    if target.is_symlink():
        raise OwnerError(target, None, "is a symbolic link", "name the folder itself with --out")
    if source == place or source.is_relative_to(place):
        raise OwnerError(target, None, "contains the workspace itself", "choose another folder with --out")
    if target.exists() and not target.is_dir():
        raise OwnerError(target, None, "is not a folder", "choose another folder with --out")
    if target.is_dir() and any(target.iterdir()) and not _is_rehearsal(target):
        problem = "is not empty and no rehearsal made it"
        raise OwnerError(target, None, problem, "choose another folder with --out, or empty this one")


def _is_rehearsal(folder: Path) -> bool:
    marker = folder / MARKER
    return marker.is_file() and not marker.is_symlink()


def _empty_target(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    # The marker stands while the folder is emptied and filled: a rehearsal that was killed can be repeated.
    (target / MARKER).write_text(_MARKER_TEXT, encoding="utf-8")
    for child in target.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child.name != MARKER:
            child.unlink()


class _Copying:
    """One pass over a workspace; links inside it add what they point at to the pass."""

    def __init__(self, source: Path, target: Path) -> None:
        self._source = source
        self._target = target
        self._done: set[Path] = set()
        self._waiting: list[Path] = []
        self.files = 0
        self.left_out: list[LeftOut] = []

    def copy(self, parts: Iterable[str]) -> None:
        for part in parts:
            self._enqueue(Path(os.path.normpath(part)))
        while self._waiting:
            self._copy_entry(self._waiting.pop())

    def _enqueue(self, path: Path) -> None:
        if path == Path() or not _exists(self._source / path):
            return
        inside = self._inside(self._source / path)
        if inside is None:
            self._leave_out(path, "lies outside the workspace, or where nothing is copied")
            return
        # A path through a link inside the workspace needs the link as well as what it leads to.
        links = (step for step in (path, *path.parents) if (self._source / step).is_symlink())
        self._waiting.extend((inside, *links))

    def _copy_entry(self, path: Path) -> None:
        origin = self._source / path
        if path in self._done or _is_never_copied(path) or self._is_output(origin) or not _exists(origin):
            return
        self._done.add(path)
        if origin.is_symlink():
            self._copy_link(path)
        elif origin.is_dir():
            (self._target / path).mkdir(parents=True, exist_ok=True)
            self._waiting.extend(path / child.name for child in origin.iterdir())
        elif origin.is_file():
            self._copy_file(path)
        else:
            self._leave_out(path, "is neither a file nor a folder")

    def _copy_file(self, path: Path) -> None:
        copied = self._target / path
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(self._source / path, copied, follow_symlinks=False)
        # A read-only workspace can be rehearsed too: what the agents write goes to the copy.
        copied.chmod(copied.stat().st_mode | stat.S_IRUSR | stat.S_IWUSR)
        self.files += 1

    def _copy_link(self, path: Path) -> None:
        inside = self._inside(self._source / path)
        if inside is None:
            self._leave_out(path, "is a symbolic link that leads out of the workspace or nowhere")
            return
        link = self._target / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(self._target / inside, link.parent))
        self._waiting.append(inside)

    def _inside(self, path: Path) -> Path | None:
        """Return where the path really lies, relative to the workspace; None if not below it or left out."""
        real = Path(os.path.realpath(path))
        if real == self._source or not real.is_relative_to(self._source) or not real.exists():
            return None
        inside = real.relative_to(self._source)
        return None if _is_never_copied(inside) or self._is_output(real) else inside

    def _is_output(self, origin: Path) -> bool:
        return origin == self._target or (origin.is_dir() and _is_rehearsal(origin))

    def _leave_out(self, path: Path, why: str) -> None:
        self.left_out.append(LeftOut(path.as_posix(), why))


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _is_never_copied(path: Path) -> bool:
    return any(part in _NEVER_COPIED or re.fullmatch(r"\..*cache", part) for part in path.parts)


def _keep_inside(workspace: Path) -> list[LeftOut]:
    """Let channels and backups that go elsewhere go to folders of the copy; return which."""
    try:
        settings = _read_settings(workspace)
    except OwnerError:
        return []  # what is wrong with the file is for the workspace's own check to say
    redirected = []
    channels = settings.get("channels")
    for name, channel in channels.items() if isinstance(channels, MutableMapping) else ():
        elsewhere = _redirect(name, channel) if isinstance(channel, MutableMapping) else ""
        if elsewhere:
            why = f"channel {name} delivers to digests/{name} of the rehearsal, not {elsewhere}"
            redirected.append(LeftOut(SETTINGS_FILE, why))
    backups = settings.get("backups")
    if isinstance(backups, MutableMapping) and _leads_out(str(backups.get("folder", ""))):
        why = f"backups go to backups/ of the rehearsal, not to {backups['folder']}"
        backups["folder"] = "backups"
        redirected.append(LeftOut(SETTINGS_FILE, why))
    if redirected:
        _write_settings(workspace, settings)
    return redirected


def _redirect(name: str, channel: MutableMapping[str, Any]) -> str:
    """Let the channel deliver inside the copy; return where it would have delivered, empty if it stays as it is."""
    kind, folder = str(channel.get("kind", "")), channel.get("folder")
    if kind in _SENDING_KINDS:
        kept = {key: channel[key] for key in ("quiet_hours", "unseen_for") if key in channel}
        channel.clear()
        channel.update({"kind": "file", "folder": f"digests/{name}", **kept})
        return f"by {kind}"
    if isinstance(folder, str) and _leads_out(folder):
        channel["folder"] = f"digests/{name}"
        return f"to {folder}"
    return ""


def _leads_out(folder: str) -> bool:
    path = Path(folder)
    return path.is_absolute() or folder.startswith("~") or ".." in path.parts


def _read_settings(workspace: Path) -> tomlkit.TOMLDocument:
    path = workspace / SETTINGS_FILE
    try:
        return tomlkit.parse(path.read_text(encoding="utf-8"))
    except ParseError as error:
        raise OwnerError(path, error.line, f"is not TOML ({error})", "correct this line") from error
    except UnicodeDecodeError as error:
        raise OwnerError(path, None, "is not UTF-8 text", "save it as UTF-8") from error


def _write_settings(workspace: Path, settings: tomlkit.TOMLDocument) -> None:
    (workspace / SETTINGS_FILE).write_text(tomlkit.dumps(settings), encoding="utf-8")


def _table(settings: tomlkit.TOMLDocument, name: str) -> MutableMapping[str, Any]:
    if name not in settings:
        settings[name] = tomlkit.table()
    table = settings[name]
    if not isinstance(table, MutableMapping):
        raise OwnerError(SETTINGS_FILE, None, f"{name} is not a table", f"write [{name}] with its keys below")
    return table


def _entries_for(list_name: str, lists: Mapping[str, Sequence[FeedEntry]]) -> Sequence[FeedEntry]:
    if list_name in lists:
        return lists[list_name]
    words = list_name.casefold()
    suggested = "github-trending" if "trend" in words else "releases" if "release" in words else "ai"
    return lists.get(suggested) or [entry for entries in lists.values() for entry in entries]


def _render_list(path: Path, entries: Sequence[FeedEntry]) -> str:
    if path.suffix == ".opml":
        rows = "".join(
            f'    <outline type="rss" text="{escape(entry.title)}" xmlUrl="{escape(entry.url)}"/>\n'
            for entry in entries
        )
        head = f"  <head><title>{escape(path.stem)}</title></head>\n"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<opml version="2.0">\n{head}  <body>\n{rows}  </body>\n</opml>\n'
        )
    rows = "".join(f"- [{entry.title}]({entry.url})\n" for entry in entries)
    return f"# {path.stem}\n\nThe feeds of the rehearsal's sample world; all of them are invented.\n\n{rows}"
