"""The files of one agent's memory, read and written: MEMORY.md, its records in `.learnings/`, and its archive.

Whatever is written goes through `rewrite`: a person, the daemon and a command may all do so at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import get_args

from harness.domain.errors import OwnerError
from harness.domain.learning import SHARED, Kind, Learning
from harness.memory.learnings import learnings_path, parse_learnings
from harness.memory.learnings_writer import with_learning
from harness.memory.rewriting import Change, Rewritten, rewrite
from harness.memory.versions import Versions, versions_of


@dataclass(frozen=True, slots=True)
class Kept:
    """A record and where it stands: `file` is relative to the workspace, `line` counts from 1."""

    learning: Learning
    agent: str
    file: PurePosixPath
    line: int


@dataclass(frozen=True, slots=True)
class AgentMemory:
    """The files of `agent` in the workspace `root`; the versions of them are kept in the state folder `state`."""

    root: Path
    state: Path
    agent: str

    @property
    def file(self) -> PurePosixPath:
        """Where the agent's MEMORY.md lies, relative to the workspace."""
        return PurePosixPath("agents", self.agent, "MEMORY.md")

    @property
    def scope(self) -> str:
        """The scope of what is the agent's alone."""
        return f"agent/{self.agent}"

    @property
    def versions(self) -> Versions:
        """What the MEMORY.md was before."""
        return versions_of(self.state, self.file)

    def text(self) -> str | None:
        """Return the MEMORY.md, None if there is none. Raises OwnerError if it is no text."""
        return self.read(self.file)

    def read(self, file: PurePosixPath) -> str | None:
        """Return a file of the workspace, None if it is not there. Raises OwnerError if it is no text."""
        path = self.root / file
        try:
            return path.read_bytes().decode("utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise OwnerError(path, None, "is no UTF-8 text", "save the file as UTF-8") from error

    def change(self, file: PurePosixPath, change: Change) -> Rewritten:
        """Make of the file what `change` makes of it; raises as `rewrite`, and OwnerError for what it cannot do."""
        try:
            return rewrite(self.root / file, change, versions_of(self.state, file))
        except ValueError as error:
            raise OwnerError(self.root / file, None, str(error), "correct that there") from error

    def records(self) -> Iterator[Kept]:
        """Yield the records of the agent's files, but for those that cannot be read: see `read_records`."""
        yield from self.read_records(lambda problem: None)

    def read_records(self, tell: Callable[[str], None]) -> Iterator[Kept]:
        """Yield the records of the agent's files; `tell` is told of each that cannot be read, with file and line."""
        for kind in get_args(Kind):
            file = learnings_path(self.agent, kind)
            read = parse_learnings(self.read(file) or "")
            for problem in read.problems:
                tell(f"{file}:{problem.line}: {problem.what}; {problem.fix}")
            for found in read.found:
                yield Kept(found.learning, self.agent, file, found.place.heading + 1)

    def update(self, learning_id: str, change: Callable[[Learning], Learning]) -> Learning | None:
        """Change the record where it stands, as it stands there then; return what it is now, None if there is none."""
        return self.update_all({learning_id}, change).get(learning_id)

    def update_all(self, ids: Iterable[str], change: Callable[[Learning], Learning]) -> dict[str, Learning]:
        """Change these records in their files, one write for each file; return them as they are now."""
        now: dict[str, Learning] = {}
        wanted = set(ids)
        for file in dict.fromkeys(kept.file for kept in self.records() if kept.learning.id in wanted):

            def changed(text: str) -> str:
                for found in parse_learnings(text).found:
                    if found.learning.id in wanted:
                        now[found.learning.id] = change(found.learning)
                        text = with_learning(text, now[found.learning.id])
                return text

            self.change(file, changed)
        return now


def agents_of(root: Path) -> tuple[str, ...]:
    """Return the names of the agents that have a folder."""
    return tuple(sorted(path.name for path in (root / "agents").glob("[!._#]*") if path.is_dir()))


def all_records(root: Path, state: Path, tell: Callable[[str], None]) -> tuple[Kept, ...]:
    """Return the records of all agents; `tell` is told of each record and file that cannot be read."""
    records: list[Kept] = []
    for agent in agents_of(root):
        try:
            records += AgentMemory(root, state, agent).read_records(tell)
        except (OwnerError, OSError) as error:
            tell(str(error))
    return tuple(records)


def known_to(memory: AgentMemory) -> dict[str, Learning]:
    """Return the records that a bullet of the agent's MEMORY.md can be of: its own, and what others share.

    Raises OwnerError for a file of its own that is no text; those of others keep nobody from their work.
    """
    own = {kept.learning.id: kept.learning for kept in memory.records()}
    everybody = all_records(memory.root, memory.state, lambda problem: None)
    shared = {kept.learning.id: kept.learning for kept in everybody if kept.learning.scope == SHARED}
    return {**shared, **own}
