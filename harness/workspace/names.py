"""What the files of a workspace may refer to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from harness.domain.schedule import QuietHours
from harness.workspace.report import Report

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
RESERVED_AGENTS = frozenset(
    {
        *("user", "system", "harness", "feeds", "arxiv", "radar", "requests"),
        *("hn", "github", "search", "trends", "market", "economy", "weather", "calendar", "todos"),
    }
)
"""Words that mean something else where an agent could stand: bus parties, who sends alerts, `read` prefixes."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that exist in the workspace, also where the file that declares them is broken.

    So that one mistake is told once, where it is, and not again wherever the name is used. `jobs` are
    ids (`agent/job`); `is_file` and `is_folder` take paths relative to the workspace. `person_zone` is where
    the person is, `quiet_hours` are the team's, None if they are not set or cannot be read.
    """

    agents: frozenset[str]
    jobs: frozenset[str]
    skills: frozenset[str]
    feed_lists: frozenset[str]
    profiles: frozenset[str]
    channels: frozenset[str]
    calendars: frozenset[str]
    baskets: frozenset[str]
    watchlists: frozenset[str]
    personal_calendars: frozenset[str]
    home_zone: str
    person_zone: str
    quiet_hours: QuietHours | None
    sets_quiet_hours: bool
    allows_outside_files: bool
    is_file: Callable[[str], bool]
    is_folder: Callable[[str], bool]


def check_slug(report: Report, kind: str, name: str) -> None:
    """Add a finding if the name of a file or folder is not lower-case words with single hyphens."""
    if not SLUG.fullmatch(name):
        proposal = "-".join(re.findall(r"[a-z0-9]+", name.lower())) or "my-name"
        report.error(
            None, f"{kind} name {name!r} is not lower-case words with hyphens", f"rename it, such as {proposal}"
        )


def is_inside(path: str) -> bool:
    """Say whether a path that a person wrote is relative and stays in the workspace."""
    return not path.startswith(("/", "~", "\\")) and ".." not in re.split(r"[/\\]", path) and ":" not in path
