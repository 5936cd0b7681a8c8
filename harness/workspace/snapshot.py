"""The texts of a workspace at one moment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.workspace.find import SETTINGS_FILE

AGENT_FILES = ("agent.toml", "SOUL.md", "AGENTS.md", "MEMORY.md")
FEEDS_FOLDER = "shared-context/feeds"
CALENDARS_FOLDER = "shared-context/calendars"
_LISTS = {FEEDS_FOLDER: (".md", ".opml"), CALENDARS_FOLDER: (".md",)}
"""Folders of lists that the person keeps, and how the names of the lists end."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a file could not be read, and what helps."""

    line: int | None
    problem: str
    fix: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`texts` and `unreadable` have paths relative to the workspace; `agents` and `skills` are folder names."""

    texts: Mapping[str, str]
    unreadable: Mapping[str, Unreadable] = field(default_factory=dict)
    agents: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()

    def with_texts(self, texts: Mapping[str, str]) -> Snapshot:
        """Return the snapshot with these texts in place of its own, and with the folders in which they lie."""
        return dataclasses.replace(
            self,
            texts={**self.texts, **texts},
            unreadable={path: why for path, why in self.unreadable.items() if path not in texts},
            agents=_folders_in("agents", self.agents, texts),
            skills=_folders_in("skills", self.skills, texts),
        )


def _folders_in(parent: str, known: tuple[str, ...], texts: Mapping[str, str]) -> tuple[str, ...]:
    added = {path.split("/")[1] for path in texts if path.startswith(f"{parent}/")}
    return tuple(sorted({*known, *added}))


def take_snapshot(root: Path) -> Snapshot:
    """Read every file that the workspace is made of; those that cannot be read are named, not raised."""
    texts: dict[str, str] = {}
    unreadable: dict[str, Unreadable] = {}
    agents = tuple(folder.name for folder in _list_folder(root / "agents", root, unreadable) if folder.is_dir())
    skills = tuple(folder.name for folder in _list_folder(root / "skills", root, unreadable) if folder.is_dir())
    for path in _source_files(root, agents, skills, unreadable):
        name = path.relative_to(root).as_posix()
        text = _read_text(path)
        if isinstance(text, Unreadable):
            unreadable[name] = text
        elif text is not None:
            texts[name] = text
    return Snapshot(texts, unreadable, agents, skills)


def _source_files(
    root: Path, agents: tuple[str, ...], skills: tuple[str, ...], unreadable: dict[str, Unreadable]
) -> Iterator[Path]:
    yield root / SETTINGS_FILE
    yield root / "USER.md"
    for agent in agents:
        yield from (root / "agents" / agent / name for name in AGENT_FILES)
        jobs = _list_folder(root / "agents" / agent / "jobs", root, unreadable)
        yield from (path for path in jobs if path.suffix == ".md")
    yield from (root / "skills" / skill / "SKILL.md" for skill in skills)
    for folder, suffixes in _LISTS.items():
        lists = _list_folder(root / folder, root, unreadable)
        yield from (path for path in lists if path.suffix in suffixes and path.name != "README.md")


def _list_folder(folder: Path, root: Path, unreadable: dict[str, Unreadable]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_", "#")))
    except FileNotFoundError:
        return []
    except OSError as error:
        problem = f"the folder cannot be read: {error.strerror or error}"
        unreadable[folder.relative_to(root).as_posix()] = Unreadable(None, problem, "correct its permissions")
        return []


def _read_text(path: Path) -> str | Unreadable | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        return Unreadable(None, f"the file cannot be read: {error.strerror or error}", "correct its permissions")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Unreadable(line, f"byte 0x{content[error.start]:02x} is not UTF-8", "save the file as UTF-8")
    return text.replace("\r\n", "\n")
