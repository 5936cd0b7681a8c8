"""Which files are searched, and whose each of them is. The rules of scope begin here: by where a file lies."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path, PurePosixPath

from harness.memory.chunking import Origins

PREVIEW_MARK = "preview"
"""Lies beside what a preview made: it was for one look, and nobody is to remember it."""
DIGEST = "digest.json"

PROTOCOL = "AGENT_PROTOCOL.md"
"""How the agents work together: rules that every task has words of, and no knowledge that helps with one."""

_NOTE = re.compile(r"(\d{4}-\d{2}-\d{2})\.md")
_RUN = re.compile(r"(?P<due>\d+)(?:~[^-]*)?-[a-z]+")
_ARCHIVE = "archive"
_ARCHIVE_PAGES_TO_BROWSE = "Archive of "
_NOT_SHARED_KNOWLEDGE = frozenset({"job-status", "dispatches", "followups", "feeds", "calendars"})
"""What the harness keeps book in, and what settings lie in."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells without reading it that a file is another than before."""

    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is searched. `file` is where it lies; what it is called, `origins` says."""

    origins: Origins
    file: str
    stamp: Stamp

    @property
    def path(self) -> str:
        return self.origins.path


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look: the workspace, the folder with what runs made, and the ids of jobs whose digests are no
    knowledge, such as reports of the harness and what the reflection made."""

    root: Path
    artifacts: Path | None = None
    not_recalled: frozenset[str] = frozenset()

    def sources(self) -> Iterator[Source]:
        """Yield every file that is searched, each once. Files come and go meanwhile; what is gone is left out."""
        yield from self._of_agents()
        yield from self._notes()
        yield from self._markdown_below("memory/archive", "archive", skip=self._is_index_page)
        yield from self._markdown_below(
            "shared-context", "shared", skip=_is_about_the_folder, without=_NOT_SHARED_KNOWLEDGE
        )
        yield from self._digests()

    def _of_agents(self) -> Iterator[Source]:
        for agent in _folders(self.root / "agents"):
            yield from _source(Origins(f"agents/{agent.name}/MEMORY.md", "memory", agent.name), self.root)
            folder = f"agents/{agent.name}/.learnings"
            for name in _names(self.root / folder):
                if _is_markdown(name):
                    yield from _source(Origins(f"{folder}/{name}", "learning", agent.name), self.root)

    def _notes(self) -> Iterator[Source]:
        """Notes are named by their day: whatever else lies there is somebody's draft or report."""
        for agent in _folders(self.root / "memory"):
            if agent.name == _ARCHIVE:
                continue
            for name in _names(self.root / "memory" / agent.name):
                found = _NOTE.fullmatch(name)
                day = _day(found[1]) if found else None
                if day is not None:
                    yield from _source(Origins(f"memory/{agent.name}/{name}", "note", agent.name, day=day), self.root)

    def _markdown_below(
        self, folder: str, kind: str, *, skip: Callable[[str], bool], without: Collection[str] = ()
    ) -> Iterator[Source]:
        for parent, folders, names in os.walk(self.root / folder):
            inside = PurePosixPath(Path(parent).relative_to(self.root / folder).as_posix())
            folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in without)
            for name in sorted(names):
                if _is_markdown(name) and not skip(name):
                    path = str(PurePosixPath(folder) / inside / name)
                    owner = inside.parts[0] if inside.parts and kind == "archive" else ""
                    origins = Origins(path, "archive" if kind == "archive" else "shared", owner)
                    yield from _source(origins, self.root)

    @staticmethod
    def _is_index_page(name: str) -> bool:
        return name.startswith(_ARCHIVE_PAGES_TO_BROWSE) or _is_about_the_folder(name)

    def _digests(self) -> Iterator[Source]:
        if self.artifacts is None:
            return
        for agent in _folders(self.artifacts):
            for job in _folders(Path(agent.path)):
                if agent.name.startswith("@") or f"{agent.name}/{job.name}" in self.not_recalled:
                    continue
                for run in _folders(Path(job.path)):
                    found = _RUN.fullmatch(run.name)
                    if found is None or os.path.lexists(f"{run.path}/{PREVIEW_MARK}"):
                        continue
                    path = f"artifacts/{agent.name}/{job.name}/{run.name}/{DIGEST}"
                    day = datetime.fromtimestamp(int(found["due"]), UTC).date()
                    origins = Origins(path, "digest", agent.name, job.name, day)
                    yield from _source(origins, self.artifacts.parent)


def _source(origins: Origins, root: Path) -> Iterator[Source]:
    """Yield the file if it is one, and nobody made it a device or a pipe."""
    file = f"{root}/{origins.path}"  # no Path: there are thousands, and every run looks at all of them
    try:
        found = os.stat(file)  # noqa: PTH116
    except (OSError, ValueError):
        return
    if stat.S_ISREG(found.st_mode):
        yield Source(origins, file, stamp_of(found))


def stamp_of(found: os.stat_result) -> Stamp:
    """Return what tells the file that was looked at from a later one."""
    return Stamp(found.st_size, found.st_mtime_ns, found.st_ino)


def _folders(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    except OSError:
        return []
    return sorted(found, key=lambda entry: entry.name)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:
        return []


def _is_markdown(name: str) -> bool:
    return name.endswith(".md") and not name.startswith((".", "#"))


def _is_about_the_folder(name: str) -> bool:
    return name in ("README.md", PROTOCOL)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
