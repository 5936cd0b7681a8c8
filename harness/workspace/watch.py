"""Noticing that the person edited the workspace."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from harness.workspace.snapshot import FEEDS_FOLDER

_CHANGES = frozenset({"created", "modified", "deleted", "moved"})
"""Opening, reading and closing are events as well; loading the workspace must not cause another load."""

_EDITOR_FILES = ("~", ".swp", ".swx", ".tmp", ".bak", "4913", "___jb_tmp___", "___jb_old___")
_TREES = ("agents", "skills", FEEDS_FOLDER)


def is_of_interest(path: Path, root: Path) -> bool:
    """Say whether a change of the path may be an edit of the workspace: nothing hidden, no file of an editor."""
    try:
        parts = path.relative_to(root).parts
    except ValueError:
        return False
    if any(part.startswith((".", "#")) for part in parts):
        return False
    return not (parts and parts[-1].endswith(_EDITOR_FILES))


class WorkspaceWatch:
    """Calls `on_change` once after each burst of edits, from a thread of its own.

    A burst is over when nothing changed for `quiet_s` seconds. Watched are the files at the top, agents,
    skills and feed lists, not what the harness itself keeps writing. Folders that come later are
    watched from then on.
    """

    def __init__(self, root: Path, on_change: Callable[[], None], quiet_s: float = 0.3) -> None:
        self._root = root.resolve()
        self._on_change = on_change
        self._quiet_s = quiet_s
        self._changed = threading.Condition()
        self._changes = 0
        self._is_stopped = False
        self._watches: dict[Path, ObservedWatch] = {}
        self._observer = Observer()
        self._teller = threading.Thread(target=self._tell, name="workspace-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch; returns when edits are noticed. Raises OSError if the system has no watch left."""
        self._observer.schedule(_Handler(self._note), str(self._root), recursive=False)
        self._watch_trees()
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

    def _watch_trees(self) -> None:
        for name in _TREES:
            folder = self._root / name
            watch = self._watches.get(folder)
            if folder.is_dir() and watch is None:
                self._watches[folder] = self._observer.schedule(_Handler(self._note), str(folder), recursive=True)
            elif watch is not None and not folder.is_dir():
                self._observer.unschedule(self._watches.pop(folder))

    def _note(self, event: FileSystemEvent) -> None:
        if event.is_directory and event.event_type == "modified":
            return  # something in it was, and that has its own event
        paths = [Path(_as_text(path)) for path in (event.src_path, event.dest_path) if path]
        if event.event_type in _CHANGES and any(is_of_interest(path, self._root) for path in paths):
            with self._changed:
                self._changes += 1
                self._changed.notify()

    def _tell(self) -> None:
        while self._wait_for_burst():
            self._watch_trees()
            self._on_change()

    def _wait_for_burst(self) -> bool:
        """Return when a burst of changes is over: True; or when watching ends: False."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._changes > 0)
            seen = 0
            while seen != self._changes and not self._is_stopped:
                seen = self._changes
                self._changed.wait(self._quiet_s)
            self._changes = 0
            return not self._is_stopped


class _Handler(FileSystemEventHandler):
    """Passes every event on."""

    def __init__(self, note: Callable[[FileSystemEvent], None]) -> None:
        self._note = note

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._note(event)


def _as_text(path: bytes | str) -> str:
    return path.decode() if isinstance(path, bytes) else path
