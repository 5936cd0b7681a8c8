"""Noticing that the person edited the workspace."""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from harness.store.stamp import Stamp, stamp_of
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.snapshot import BASKETS_FILE, CALENDARS_FOLDER, FEEDS_FOLDER, MARKETS_FOLDER

_CHANGES = frozenset({"created", "modified", "deleted", "moved"})
"""Opening, reading and closing are events as well; loading the workspace must not cause another load."""

_EDITOR_FILES = ("~", ".swp", ".swx", ".tmp", ".bak", "___jb_tmp___", "___jb_old___")
_VIM_PROBE = "4913"
_SHARED = "shared-context"
_LEARNINGS = ".learnings"
_LIST_FOLDERS = (FEEDS_FOLDER, CALENDARS_FOLDER, MARKETS_FOLDER)
_LISTS = frozenset((*_LIST_FOLDERS, BASKETS_FILE))
_TREES = {"agents": True, "skills": True, "memory": True, _SHARED: False, **dict.fromkeys(_LIST_FOLDERS, True)}
"""The folders that are watched beside the workspace itself, and whether all below them is."""

_LONGEST_BURST_S = 3.0
LOOK_EVERY_S = 15.0
"""How often the files themselves are looked at: two hundred of them take two milliseconds."""

_LOG = logging.getLogger(__name__)


def is_of_interest(path: Path, root: Path) -> bool:
    """Say whether a change of the path may be an edit of what the workspace is loaded from.

    Nothing hidden, no file of an editor, and nothing that the harness itself keeps writing, wherever in
    the workspace its state folder and its rehearsals are.
    """
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        return False
    if not parts or any(part.startswith((".", "#")) for part in parts):
        return False
    if parts[-1].endswith(_EDITOR_FILES) or parts[-1] == _VIM_PROBE:
        return False
    if parts[0] == _SHARED:
        return len(parts) == 1 or "/".join(parts[:2]) in _LISTS
    return parts[0] in ("agents", "skills") or parts in ((SETTINGS_FILE,), ("USER.md",))


def is_remembered(path: Path, root: Path) -> bool:
    """Say whether a change of the path may be one of what agents remember: MEMORY.md, learnings, notes, the archive."""
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        return False
    if not path.name.endswith(".md") or path.name.startswith((".", "#")):
        return False
    return parts[0] == "memory" or (parts[0] == "agents" and (path.name == "MEMORY.md" or _LEARNINGS in parts))


class WorkspaceWatch:
    """Calls `on_change` once after each burst of edits, from a thread of its own, and `on_memory` where it was one of
    what agents remember.

    A burst is over when nothing changed for `quiet_s` seconds, or after three seconds. Watched are the
    files at the top, agents, skills, memory, lists of all kinds, not what the harness itself keeps
    writing. Folders that come later, or are replaced by others, are watched from then on.

    Systems do not announce everything: not what another machine writes into a shared folder, and nothing once the
    thread that listens has died. So the files are looked at every `look_every_s` seconds of silence as well.
    """

    def __init__(
        self,
        root: Path,
        on_change: Callable[[], None],
        quiet_s: float = 0.3,
        observer: BaseObserver | None = None,
        on_memory: Callable[[], None] = lambda: None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._root = root.resolve()
        self._look_every_s = look_every_s
        self._seen: dict[Path, Stamp] = {}
        self._on_change = on_change
        self._on_memory = on_memory
        self._quiet_s = quiet_s
        self._changed = threading.Condition()
        self._changes = 0
        self._touched: set[Callable[[], None]] = set()
        self._is_stopped = False
        self._watches: dict[Path, tuple[ObservedWatch, _Identity]] = {}
        self._observer = observer or Observer()
        self._teller = threading.Thread(target=self._tell, name="workspace-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch; returns when edits are noticed. Raises OSError if the system has no watch left."""
        self._seen = self._look()
        self._observer.schedule(_Handler(self._note), str(self._root), recursive=False)
        for _, error in self._watch_trees():
            raise error
        self._observer.start()
        self._teller.start()

    def stop(self) -> None:
        """End all threads; `on_change` is not called after this has returned. Stopping twice is stopping once."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify()
        # The teller first: it may be about to add a watch to the observer.
        if self._teller.is_alive():
            self._teller.join()
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join()

    def _watch_trees(self) -> list[tuple[Path, OSError]]:
        """Watch the folders that are there now; return those that could not be."""
        failed: list[tuple[Path, OSError]] = []
        for name, with_all_below in _TREES.items():
            folder = self._root / name
            found = _identity_of(folder)
            watch, watched = self._watches.get(folder, (None, None))
            if found == watched:
                continue
            if watch is not None:
                del self._watches[folder]
                self._observer.unschedule(watch)
            if found is None:
                continue
            try:
                watch = self._observer.schedule(_Handler(self._note), str(folder), recursive=with_all_below)
                self._watches[folder] = (watch, found)
            except OSError as error:
                failed.append((folder, error))
        return failed

    def _note(self, event: FileSystemEvent) -> None:
        if event.is_directory and event.event_type == "modified":
            return  # something in it was, and that has its own event
        paths = [Path(_as_text(path)) for path in (event.src_path, event.dest_path) if path]
        if event.event_type not in _CHANGES:
            return
        touched = set()
        if any(is_of_interest(path, self._root) for path in paths):
            touched.add(self._on_change)
        if any(is_remembered(path, self._root) for path in paths):
            touched.add(self._on_memory)
        if touched:
            with self._changed:
                self._changes += 1
                self._touched |= touched
                self._changed.notify()

    def _tell(self) -> None:
        while (touched := self._wait_for_burst()) is not None:
            seen = self._look()
            if not touched:
                touched = self._unannounced(seen)
            self._seen = seen
            if not touched:
                continue
            for folder, error in self._watch_trees():
                # The next burst is another try.
                _LOG.warning("%s is not watched (%s); an edit is noticed after a while", folder, error)
            for tell in (self._on_change, self._on_memory):
                if tell in touched:
                    tell()

    def _wait_for_burst(self) -> frozenset[Callable[[], None]] | None:
        """Return whom to tell when a burst of changes is over: nobody after a long silence, None when watching ends."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._changes > 0, self._look_every_s)
            seen = 0
            latest = time.monotonic() + _LONGEST_BURST_S
            while seen != self._changes and not self._is_stopped and time.monotonic() < latest:
                seen = self._changes
                self._changed.wait(self._quiet_s)
            touched = None if self._is_stopped else frozenset(self._touched)
            self._changes = 0
            self._touched.clear()
            return touched

    def _look(self) -> dict[Path, Stamp]:
        """Return the stamps of all files that an edit may be of."""
        found: dict[Path, Stamp] = {}
        for folder, with_all_below in {"": False, **_TREES}.items():
            for path in _files_in(self._root / folder, with_all_below=with_all_below):
                if is_of_interest(path, self._root) or is_remembered(path, self._root):
                    with suppress(OSError):  # it went away in between
                        found[path] = stamp_of(path)
        return found

    def _unannounced(self, seen: Mapping[Path, Stamp]) -> frozenset[Callable[[], None]]:
        """Return whom to tell of what is not as it was when somebody was told last."""
        changed = [path for path in self._seen.keys() | seen.keys() if self._seen.get(path) != seen.get(path)]
        touched = set()
        if any(is_of_interest(path, self._root) for path in changed):
            touched.add(self._on_change)
        if any(is_remembered(path, self._root) for path in changed):
            touched.add(self._on_memory)
        if touched:
            _LOG.warning("%s was edited, and the system did not announce it", min(changed))
        return frozenset(touched)


class _Handler(FileSystemEventHandler):
    """Passes every event on."""

    def __init__(self, note: Callable[[FileSystemEvent], None]) -> None:
        self._note = note

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._note(event)


_Identity = tuple[int, int]


def _identity_of(folder: Path) -> _Identity | None:
    """Return what tells the folder from another one of its name, None if there is none."""
    try:
        found = folder.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def _files_in(folder: Path, *, with_all_below: bool) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        visible = [name for name in folders if name == _LEARNINGS or not name.startswith(".")]
        folders[:] = visible if with_all_below else []
        yield from (Path(at, name) for name in names)


def _as_text(path: bytes | str) -> str:
    return path.decode() if isinstance(path, bytes) else path
