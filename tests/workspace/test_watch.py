from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any, cast

import pytest
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from harness.testing.workspace import write_workspace_files
from harness.workspace.watch import WorkspaceWatch, is_of_interest, is_remembered

PATIENCE_S = 10


class FullObserver:
    """The observer of a system that has no watch left for folders of one name."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._observer = Observer()

    def schedule(self, handler: Any, path: str, **settings: Any) -> Any:
        if Path(path).name == self._name:
            raise OSError(errno.ENOSPC, "inotify watch limit reached")
        return self._observer.schedule(handler, path, **settings)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._observer, name)


class SilentObserver:
    """The observer of a system that announces nothing: a folder that another machine writes into."""

    def schedule(self, handler: Any, path: str, **settings: Any) -> Any:
        return path

    def unschedule(self, watch: Any) -> None:
        """Nothing was watched."""

    def start(self) -> None:
        """There is nothing to start."""

    def stop(self) -> None:
        """There is nothing to stop."""

    def is_alive(self) -> bool:
        return False


@contextmanager
def watching(root: Path, quiet_s: float = 0.05) -> Iterator[Queue[None]]:
    """Watch the folder; the queue receives one entry for each call of `on_change`."""
    told: Queue[None] = Queue()
    watch = WorkspaceWatch(root, lambda: told.put(None), quiet_s)
    watch.start()
    try:
        yield told
    finally:
        watch.stop()


def wait_until_calm(told: Queue[None]) -> None:
    """Take what is told until nothing is told any more."""
    while True:
        try:
            told.get(timeout=0.5)
        except Empty:
            return


@pytest.mark.parametrize(
    "name",
    [
        "agents/scout/jobs/morning.md",
        "harness.toml",
        "skills/x/SKILL.md",
        "skills/x/references/more.md",
        "skills/x/scripts/run.sh",
        "skills/pins.toml",
        "shared-context/feeds/new.opml",
        "shared-context/calendars/nyse.md",
        "shared-context/baskets.md",
    ],
)
def test_edit_of_a_file_is_told(tmp_path: Path, name: str) -> None:
    folders = ("skills/x/references/x.md", "skills/x/scripts/x.sh", "shared-context/calendars/tokyo.md")
    write_workspace_files(tmp_path, {"skills/x/SKILL.md": "x", **dict.fromkeys(folders, "x")})
    with watching(tmp_path) as told:
        (tmp_path / name).write_text("changed")
        told.get(timeout=PATIENCE_S)


def test_save_by_rename_and_deletion_are_told(tmp_path: Path) -> None:
    write_workspace_files(tmp_path)
    job = tmp_path / "agents/scout/jobs/morning.md"
    with watching(tmp_path) as told:
        (job.parent / ".morning.md.swp").write_text("new")
        (job.parent / ".morning.md.swp").rename(job)
        told.get(timeout=PATIENCE_S)
        job.unlink()
        told.get(timeout=PATIENCE_S)


def test_burst_of_edits_is_told_once(tmp_path: Path) -> None:
    write_workspace_files(tmp_path)
    with watching(tmp_path, quiet_s=0.5) as told:
        for number in range(20):
            (tmp_path / f"agents/scout/jobs/job-{number}.md").write_text("x")
        told.get(timeout=PATIENCE_S)
        with pytest.raises(Empty):
            told.get(timeout=0.7)


def test_edits_without_a_pause_are_told_all_the_same(tmp_path: Path) -> None:
    write_workspace_files(tmp_path)
    done = threading.Event()

    def write_on() -> None:
        while not done.wait(0.02):
            (tmp_path / "agents/scout/SOUL.md").write_text("changed")

    writer = threading.Thread(target=write_on)
    with watching(tmp_path, quiet_s=0.5) as told:
        writer.start()
        try:
            told.get(timeout=PATIENCE_S)
        finally:
            done.set()
            writer.join()


def test_state_hidden_files_notes_and_reading_are_not_told(tmp_path: Path) -> None:
    write_workspace_files(
        tmp_path, {".harness/x": "", "memory/scout/today.md": "", "agents/scout/.learnings/ERRORS.md": ""}
    )
    with watching(tmp_path) as told:
        for name in (
            ".harness/x",
            "memory/scout/today.md",
            "agents/scout/.learnings/ERRORS.md",
            "agents/scout/SOUL.md~",
        ):
            (tmp_path / name).write_text("changed")
        (tmp_path / "agents/scout/SOUL.md").read_text()
        with pytest.raises(Empty):
            told.get(timeout=0.5)


def test_folder_that_comes_later_is_watched_from_then_on(tmp_path: Path) -> None:
    (tmp_path / "harness.toml").write_text("")
    with watching(tmp_path) as told:
        write_workspace_files(tmp_path)
        told.get(timeout=PATIENCE_S)
        wait_until_calm(told)
        (tmp_path / "agents/scout/SOUL.md").write_text("changed")
        told.get(timeout=PATIENCE_S)


def test_folder_that_is_replaced_as_a_whole_is_watched_from_then_on(tmp_path: Path) -> None:
    write_workspace_files(tmp_path)
    with watching(tmp_path) as told:
        # Before the burst is over the folder is there again, and is another one.
        (tmp_path / "agents").rename(tmp_path / ".agents-before")
        shutil.copytree(tmp_path / ".agents-before", tmp_path / "agents")
        told.get(timeout=PATIENCE_S)
        wait_until_calm(told)
        (tmp_path / "agents/scout/SOUL.md").write_text("changed")
        told.get(timeout=PATIENCE_S)


def test_feed_lists_that_come_later_are_noticed(tmp_path: Path) -> None:
    write_workspace_files(tmp_path, {"shared-context/README.md": "x"})
    shutil.rmtree(tmp_path / "shared-context/feeds")
    with watching(tmp_path) as told:
        (tmp_path / "shared-context/feeds").mkdir()
        told.get(timeout=PATIENCE_S)
        wait_until_calm(told)
        (tmp_path / "shared-context/feeds/ai.md").write_text("changed")
        told.get(timeout=PATIENCE_S)


def test_rehearsal_and_state_inside_the_workspace_are_not_told(tmp_path: Path) -> None:
    write_workspace_files(tmp_path)
    (tmp_path / "state").mkdir()
    with watching(tmp_path) as told:
        for name in ("day/workspace/agents/scout/SOUL.md", "day/ledger.txt", "state/heartbeat", "harness.db-wal"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("changed")
        with pytest.raises(Empty):
            told.get(timeout=0.5)


def test_folder_that_cannot_be_watched_is_said_and_keeps_no_other_edit_from_being_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_workspace_files(tmp_path)
    shutil.rmtree(tmp_path / "skills")
    told: Queue[None] = Queue()
    observer = cast(BaseObserver, FullObserver("skills"))
    watch = WorkspaceWatch(tmp_path, lambda: told.put(None), quiet_s=0.05, observer=observer)
    watch.start()
    try:
        (tmp_path / "skills").mkdir()
        told.get(timeout=PATIENCE_S)
        wait_until_calm(told)
        (tmp_path / "harness.toml").write_text("changed")
        told.get(timeout=PATIENCE_S)
    finally:
        watch.stop()
    assert f"{tmp_path / 'skills'} is not watched" in caplog.text


def test_stopping_ends_every_thread_and_may_be_done_twice(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    watch = WorkspaceWatch(write_workspace_files(tmp_path), lambda: None)
    watch.start()
    assert set(threading.enumerate()) > before
    watch.stop()
    watch.stop()
    assert set(threading.enumerate()) == before


def test_watch_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    WorkspaceWatch(tmp_path, lambda: None).stop()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("agents/a/jobs/x.md", True),
        ("harness.toml", True),
        (".harness/harness.db", False),
        ("agents/a/.SOUL.md.swp", False),
        ("agents/a/#SOUL.md#", False),
        ("agents/a/4913", False),
        ("agents/unit-4913", True),
        ("notes.md", False),
        ("day/workspace/harness.toml", False),
        ("memory/a/today.md", False),
        ("shared-context", True),
        ("shared-context/intel/x.md", False),
        ("shared-context/feeds/ai.md", True),
        ("shared-context/calendars/nyse.md", True),
        ("shared-context/baskets.md", True),
        ("agents/a/SOUL.md~", False),
    ],
)
def test_files_of_editors_and_of_the_harness_are_of_no_interest(tmp_path: Path, name: str, expected: bool) -> None:
    assert is_of_interest(tmp_path / name, tmp_path) is expected


def test_what_agents_remember_is_told_of_by_itself(tmp_path: Path) -> None:
    root = write_workspace_files(tmp_path, {"memory/scout/2026-11-20.md": "x", "agents/scout/.learnings/ERRORS.md": ""})
    edits: Queue[None] = Queue()
    memory: Queue[None] = Queue()
    watch = WorkspaceWatch(root, lambda: edits.put(None), quiet_s=0.05, on_memory=lambda: memory.put(None))
    watch.start()
    try:
        for name in ("memory/scout/2026-11-21.md", "agents/scout/.learnings/ERRORS.md", "agents/scout/MEMORY.md"):
            (root / name).write_text("changed")
            memory.get(timeout=PATIENCE_S)
        edits.get(timeout=PATIENCE_S)  # MEMORY.md is also part of what is loaded
    finally:
        watch.stop()


@pytest.mark.parametrize(
    ("name", "is_memory"),
    [
        ("memory/scout/2026-11-21.md", True),
        ("memory/archive/scout/ERR-1.md", True),
        ("agents/scout/.learnings/ERRORS.md", True),
        ("agents/scout/MEMORY.md", True),
        ("agents/scout/.learnings/.ERRORS.md.0123.none.aside", False),
        ("agents/scout/SOUL.md", False),
        ("memory/scout/.obsidian", False),
        ("shared-context/job-status/r-1.json", False),
    ],
)
def test_memory_is_told_apart_by_where_it_lies(name: str, is_memory: bool) -> None:
    assert is_remembered(Path("/team") / name, Path("/team")) is is_memory


def test_an_edit_that_the_system_does_not_announce_is_noticed_by_looking(tmp_path: Path) -> None:
    root = write_workspace_files(tmp_path, {"skills/x/SKILL.md": "x", "agents/a/.learnings/ERRORS.md": "x"})
    edits: Queue[None] = Queue()
    memory: Queue[None] = Queue()
    watch = WorkspaceWatch(
        root,
        lambda: edits.put(None),
        quiet_s=0.01,
        observer=cast("BaseObserver", SilentObserver()),
        on_memory=lambda: memory.put(None),
        look_every_s=0.05,
    )
    watch.start()
    try:
        (root / "skills/x/SKILL.md").write_text("changed")
        edits.get(timeout=PATIENCE_S)
        (root / "skills/y").mkdir()
        (root / "skills/y/SKILL.md").write_text("new")
        edits.get(timeout=PATIENCE_S)
        assert memory.empty()
        (root / "agents/a/.learnings/ERRORS.md").write_text("learned")
        memory.get(timeout=PATIENCE_S)
        shutil.rmtree(root / "skills/x")
        edits.get(timeout=PATIENCE_S)
        (root / "shared-context").mkdir(exist_ok=True)
        (root / "shared-context/state.md").write_text("written by the harness")
        wait_until_calm(edits)
        assert memory.empty()
    finally:
        watch.stop()
