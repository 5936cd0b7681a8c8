"""The texts of a workspace at one moment."""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.workspace.find import SETTINGS_FILE

AGENT_FILES = ("agent.toml", "SOUL.md", "AGENTS.md", "MEMORY.md")
PINS_FILE = "skills/pins.toml"
FEEDS_FOLDER = "shared-context/feeds"
CALENDARS_FOLDER = "shared-context/calendars"
BASKETS_FILE = "shared-context/baskets.md"
MARKETS_FOLDER = "shared-context/markets"
ECONOMY_FILE = f"{CALENDARS_FOLDER}/economy.md"
_LISTS = {FEEDS_FOLDER: (".md", ".opml"), CALENDARS_FOLDER: (".md",), MARKETS_FOLDER: (".md",)}
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
            unreadable={path: why for path, why in self.unreadable.items() if not _covers(path, texts)},
            agents=_folders_in("agents", self.agents, texts),
            skills=_folders_in("skills", self.skills, texts),
        )


def _covers(path: str, texts: Mapping[str, str]) -> bool:
    """Say whether the texts hold the file, or something of the folder."""
    return path in texts or any(name.startswith(f"{path}/") for name in texts)


def _folders_in(parent: str, known: tuple[str, ...], texts: Mapping[str, str]) -> tuple[str, ...]:
    added = {path.split("/")[1] for path in texts if path.startswith(f"{parent}/") and path.count("/") > 1}
    return tuple(sorted({*known, *added}))


def take_snapshot(root: Path) -> Snapshot:
    """Read every file that the workspace is made of; those that cannot be read are named, not raised."""
    texts: dict[str, str] = {}
    unreadable: dict[str, Unreadable] = {}
    agents = _folders_of(root / "agents", root, unreadable)
    skills = _folders_of(root / "skills", root, unreadable)
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
    yield root / PINS_FILE
    yield root / BASKETS_FILE
    for folder, suffixes in _LISTS.items():
        lists = _list_folder(root / folder, root, unreadable)
        yield from (path for path in lists if path.suffix in suffixes and path.name != "README.md")


def _folders_of(parent: Path, root: Path, unreadable: dict[str, Unreadable]) -> tuple[str, ...]:
    """Return the names of the folders in there; what cannot be looked at is named, and may be one."""
    names = []
    for path in _list_folder(parent, root, unreadable):
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except OSError as error:
            why = _why_unreadable("folder", path, error)
            if why is not None:
                unreadable[path.relative_to(root).as_posix()] = why
            continue
        if is_folder:
            names.append(path.name)
    return tuple(names)


def _list_folder(folder: Path, root: Path, unreadable: dict[str, Unreadable]) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_", "#")))
    except OSError as error:
        why = _why_unreadable("folder", folder, error)
        if why is not None:
            unreadable[folder.relative_to(root).as_posix()] = why
        return []


def _read_text(path: Path) -> str | Unreadable | None:
    try:
        content = path.read_bytes()
    except OSError as error:
        return _why_unreadable("file", path, error)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Unreadable(line, f"byte 0x{content[error.start]:02x} is not UTF-8", "save the file as UTF-8")
    return text.replace("\r\n", "\n")


def _why_unreadable(kind: str, path: Path, error: OSError) -> Unreadable | None:
    """Return why the file or folder cannot be read, None if it is not there.

    A link whose end is gone (a drive that is not mounted) is no deletion by the person.
    """
    if isinstance(error, FileNotFoundError):
        if not path.is_symlink():
            return None
        return Unreadable(None, f"the {kind} is a link that leads nowhere", "bring back what it led to, or remove it")
    fix = "correct its permissions" if isinstance(error, PermissionError) else "correct that"
    return Unreadable(None, f"the {kind} cannot be read: {error.strerror or error}", fix)
