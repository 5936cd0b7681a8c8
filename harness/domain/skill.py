"""A skill: instructions that an agent loads when it needs them, with what they ask for to be of use."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Origin = Literal["workspace", "installed", "shipped"]
"""Written in the workspace, brought into it from elsewhere, or part of the harness."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be there for a skill to be of use; all of it must hold.

    `bins` are programs on the PATH, `any_bins` groups of programs of each of which one is enough, `env` environment
    variables that are set, `systems` the operating systems (`linux`, `macos`, `windows`) of which it must be one,
    and `tools` tools that the agent must be granted. `settings` are those of the program that the skill was made
    for: nothing here answers to them.
    """

    bins: tuple[str, ...] = ()
    any_bins: tuple[tuple[str, ...], ...] = ()
    env: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Applies:
    """Where a skill applies; one of these is enough.

    `paths` are patterns over what a run reads and was given, `jobs` and `agents` patterns over their names,
    `words` stand in what the run is to do.
    """

    paths: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill in agentskills.io format; `body` is the Markdown below the front matter.

    `path` is that of its SKILL.md: relative to the workspace, or absolute for one that the harness ships. `folder`
    is where its files lie. `is_always` keeps it in the directory however many there are; `is_by_name_only`: its
    maker wants a person to choose it, so a pattern does not grant it. `sha256` is that of the whole folder of
    an installed skill. `held_back` says why nobody is offered it, if that is so.
    """

    name: str
    description: str
    path: str
    body: str
    folder: Path = Path()
    when_to_use: str = ""
    tags: tuple[str, ...] = ()
    license: str = ""
    compatibility: str = ""
    needs: Needs = field(default_factory=Needs)
    applies: Applies = field(default_factory=Applies)
    is_always: bool = False
    is_by_name_only: bool = False
    origin: Origin = "workspace"
    sha256: str = ""
    held_back: str = ""

    @property
    def purpose(self) -> str:
        """What it does and when to use it."""
        return f"{self.description} {self.when_to_use}".strip()
