"""What runs left on the disk: listed, judged by age and size, and deleted."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from harness.domain.settings import Retention
from harness.store.expiry import Marks
from harness.store.state_folder import REQUESTS, StateFolder

TRANSCRIPT = "transcript.json"
_NO_MARKS = Marks(is_forgotten=False, is_deleted=False)


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of one run; `due_at` is in epoch seconds, `size_bytes` that of all but the transcript."""

    run_id: str
    path: Path
    due_at: int
    size_bytes: int
    has_transcript: bool


def run_folders(state: StateFolder) -> Iterator[RunFolder]:
    """Yield the folders of all runs that are on the disk here."""
    for agent in _folders(state.artifacts):
        for job in _folders(agent):
            for folder in _folders(job):
                yield _run_folder(f"{agent.name}/{job.name}", folder)


def artifacts_to_delete(
    folders: Sequence[RunFolder], marks: Mapping[str, Marks], needed: Collection[str], keep: Retention, now: datetime
) -> list[RunFolder]:
    """Return the folders whose artifacts go, oldest first.

    Those that were said to be gone, those that are too old, and of the rest the oldest as long as all of them
    together are too large. What is needed stays, whatever its age, and counts for the size.
    """
    oldest_kept = (now - timedelta(seconds=keep.artifacts_s)).timestamp()
    total = sum(folder.size_bytes for folder in folders)
    chosen: list[RunFolder] = []
    for folder in sorted(folders, key=lambda one: (one.due_at, one.run_id)):
        if not folder.size_bytes or folder.run_id in needed:
            continue
        is_gone = marks.get(folder.run_id, _NO_MARKS).is_deleted
        if is_gone or folder.due_at < oldest_kept or total > keep.artifacts_bytes:
            chosen.append(folder)
            total -= folder.size_bytes
    return chosen


def transcripts_to_delete(folders: Sequence[RunFolder], marks: Mapping[str, Marks]) -> list[RunFolder]:
    """Return the folders whose transcript was said to be gone."""
    return [one for one in folders if one.has_transcript and marks.get(one.run_id, _NO_MARKS).is_forgotten]


def delete_artifacts(folder: RunFolder) -> None:
    """Delete all but the transcript. Raises OSError if the disk refuses."""
    for path in sorted(folder.path.rglob("*"), reverse=True):  # what is in a folder before the folder
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        elif path != folder.path / TRANSCRIPT:
            path.unlink(missing_ok=True)
    _remove_empty(folder.path)


def delete_transcript(folder: RunFolder) -> None:
    """Delete the transcript. Raises OSError if the disk refuses."""
    (folder.path / TRANSCRIPT).unlink(missing_ok=True)
    _remove_empty(folder.path)


def _remove_empty(folder: Path) -> None:
    for path in (folder, folder.parent, folder.parent.parent):
        with suppress(OSError):  # it is not empty: then it stays
            path.rmdir()


def _run_folder(job_id: str, folder: Path) -> RunFolder:
    due, _, kind = folder.name.rpartition("-")
    of_request = job_id.removeprefix(f"{REQUESTS}/")
    size = 0
    has_transcript = False
    for path, _, names in os.walk(folder):
        for name in names:
            if name == TRANSCRIPT and Path(path) == folder:
                has_transcript = True
                continue
            with suppress(FileNotFoundError):  # it was deleted since
                # At least one, so that an empty file is something to delete.
                size += max(1, (Path(path) / name).lstat().st_size)
    digits = due.partition("~")[0]
    is_dated = digits.isdigit() and of_request == job_id
    due_at = int(digits) if is_dated else int(folder.stat().st_mtime)
    return RunFolder(f"{kind}:{of_request}:{due}", folder, due_at, size, has_transcript)


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.iterdir()) if path.is_dir() and not path.is_symlink())
