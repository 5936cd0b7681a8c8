"""Loading a workspace: everything that is right comes into force, everything that is wrong is told."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from harness.domain.agent import Agent
from harness.domain.errors import Finding, OwnerError
from harness.domain.job import Job
from harness.domain.settings import Settings
from harness.domain.skill import Skill
from harness.domain.workspace import Workspace
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.inspection import Inspection, inspect_snapshot
from harness.workspace.last_good import LastGood
from harness.workspace.report import Entry
from harness.workspace.skill_folder import folder_sha256, read_files
from harness.workspace.snapshot import Snapshot, take_snapshot
from harness.workspace.vocabulary import Vocabulary
from harness.workspace.whereabouts import end_of


@dataclass(frozen=True, slots=True)
class Loaded:
    """A workspace that can be used, and what the person should know about it.

    `findings` are about the files as they are now, by path and line. `held_back` are the files for
    which an older version is in force. What has errors and was never good is not in the workspace.
    `valid_until` is the moment (aware UTC) from which the same files mean something else, None if none does.
    """

    workspace: Workspace
    findings: tuple[Finding, ...]
    held_back: tuple[str, ...] = ()
    valid_until: datetime | None = None

    def holds_at(self, now: datetime) -> bool:
        """Say whether the files still mean the same; if not, they are to be loaded again."""
        return self.valid_until is None or now < self.valid_until

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.severity == "error")


def load_workspace(root: Path, vocabulary: Vocabulary, last_good: LastGood | None = None, *, now: datetime) -> Loaded:
    """Return the workspace in `root` as it is at `now` (aware), with all findings of all its files at once.

    A file with an error is replaced by its last good version. So is harness.toml, or a template, if
    the edit of it took away what an unchanged job or agent needs. A file that is gone is a deletion and
    obeyed, except where what is left of an agent or a skill needs it. A job that was good and now names
    something that was deleted stays in force, with a finding.
    Raises OwnerError only if harness.toml is missing or cannot be read, and has no last good version.
    """
    current = take_snapshot(root)

    def inspect(snapshot: Snapshot) -> Inspection:
        return _inspect(root, snapshot, vocabulary, skill_sha256, now)

    @functools.cache
    def skill_sha256(name: str) -> str:
        return _skill_sha256(root, name)

    good = {} if last_good is None else last_good.texts()
    first = inspect(current)
    world, inspection, blamed = _revert_what_is_bad(current, first, good, inspect)
    if inspection.settings is None:
        raise _settings_error(root, first)
    held_back = tuple(sorted(path for path in world.texts if current.texts.get(path) != world.texts[path]))
    findings = [entry.finding for entry in first.entries]
    findings += [_held_back_finding(path, cause) for path, cause in blamed.items()]
    if last_good is not None:
        findings += _keep_good(last_good, good, current, world, first, inspection)
    workspace = _build(root, inspection, world, good, vocabulary.shipped_skills)
    return Loaded(workspace, _in_order(findings), held_back, _valid_until(workspace.settings, now))


def check_workspace(root: Path, vocabulary: Vocabulary, *, now: datetime) -> tuple[Finding, ...]:
    """Return everything that is wrong with the files as they stand on disk, by path and line.

    Also where harness.toml cannot be read: what others need of it counts as given then, as nobody can tell.
    """
    inspection = _inspect(root, take_snapshot(root), vocabulary, functools.partial(_skill_sha256, root), now)
    unknown = SETTINGS_FILE if inspection.settings is None else None
    return _in_order(entry.finding for entry in inspection.entries if unknown is None or entry.provider != unknown)


def _in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.path, finding.line or 0)))


def _valid_until(settings: Settings, now: datetime) -> datetime | None:
    """Return when the person is home again, if that is still to come."""
    end = None if settings.here is None else end_of(settings.here)
    return end if end is not None and now < end else None


def _skill_sha256(root: Path, name: str) -> str:
    return folder_sha256(read_files(root / "skills" / name))


def _inspect(
    root: Path, snapshot: Snapshot, vocabulary: Vocabulary, skill_sha256: Callable[[str], str], now: datetime
) -> Inspection:
    # os.path answers False where pathlib raises (a name that is too long, a NUL byte).
    return inspect_snapshot(
        snapshot,
        vocabulary,
        is_file=lambda path: os.path.isfile(os.path.join(root, path)),  # noqa: PTH113, PTH118
        is_folder=lambda path: os.path.isdir(os.path.join(root, path)),  # noqa: PTH112, PTH118
        skill_sha256=skill_sha256,
        now=now,
    )


def _revert_what_is_bad(
    current: Snapshot, first: Inspection, good: Mapping[str, str], inspect: Callable[[Snapshot], Inspection]
) -> tuple[Snapshot, Inspection, dict[str, Finding]]:
    """Put last good versions in place until no error is left that one could cure.

    It ends: a file goes back once and stays. Also returns the files that are well in themselves and
    went back for the sake of another, with that other's finding.
    """
    world, inspection = current, first
    blamed: dict[str, Finding] = {}
    while True:
        reverts: dict[str, str] = {}
        for entry in _errors(inspection.entries):
            finding = entry.finding
            own = _last_good_of(finding.path, world, good)
            provided = _last_good_of(entry.provider, world, good) if entry.provider and not own else {}
            reverts |= own | provided
            blamed |= {path: finding for path in provided if path not in blamed}
        if not reverts:
            return world, inspection, blamed
        world = world.with_texts(reverts)
        inspection = inspect(world)


def _last_good_of(path: str, world: Snapshot, good: Mapping[str, str]) -> dict[str, str]:
    """Return the last good texts of a file, or of all files of a folder that cannot be read, where they
    differ from what is in place."""
    is_folder = path in world.unreadable
    return {
        name: text
        for name, text in good.items()
        if (name == path or (is_folder and name.startswith(f"{path}/"))) and world.texts.get(name) != text
    }


def _errors(entries: Iterable[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.finding.severity == "error"]


def _settings_error(root: Path, inspection: Inspection) -> OwnerError:
    finding = next(e.finding for e in _errors(inspection.entries) if e.finding.path == SETTINGS_FILE)
    return OwnerError(root / finding.path, finding.line, finding.problem, finding.fix)


def _held_back_finding(path: str, cause: Finding) -> Finding:
    where = cause.path if cause.line is None else f"{cause.path}:{cause.line}"
    problem = f"this edit is held back, because with it {where} would be wrong: {cause.problem}"
    return Finding(path, None, problem, "undo it, or correct that file too")


def _keep_good(
    last_good: LastGood,
    good: Mapping[str, str],
    current: Snapshot,
    world: Snapshot,
    first: Inspection,
    inspection: Inspection,
) -> list[Finding]:
    """Remember what is good now; what is in force although it is not good now stays as it was."""
    bad = {entry.finding.path for entry in (*_errors(first.entries), *_errors(inspection.entries))}
    kept = {path: good[path] for path in good if path in world.texts}
    kept |= {path: text for path, text in current.texts.items() if path not in bad and world.texts[path] == text}
    try:
        last_good.replace(kept)
    except OSError as error:
        problem = f"the last good versions cannot be kept: {error.strerror or error}"
        return [Finding(str(last_good.folder), None, problem, "make room and let the folder be written", "warning")]
    return []


def _build(
    root: Path, inspection: Inspection, world: Snapshot, good: Mapping[str, str], shipped: Mapping[str, Skill]
) -> Workspace:
    unusable = _unusable(inspection, world, good)
    own = {
        skill.name: dataclasses.replace(skill, folder=root / "skills" / skill.name)
        for path, skill in inspection.skills.items()
        if path not in unusable
    }
    # A skill of the workspace that is broken is missed; the one that the harness ships does not step in unseen.
    skills = {**{name: skill for name, skill in shipped.items() if name not in world.skills}, **own}
    jobs = [job for path, job in inspection.jobs.items() if path not in unusable]
    agents = {
        agent.name: dataclasses.replace(
            agent,
            jobs={job.name: job for job in sorted(_jobs_of(agent, jobs), key=lambda job: job.name)},
            skills=tuple(skill for skill in agent.skills if skill in skills),
            named_skills=tuple(skill for skill in agent.named_skills if skill in skills),
        )
        for agent in inspection.agents.values()
        if unusable.isdisjoint(_paths_of(agent))
    }
    feed_lists = {
        path.rpartition("/")[2].rpartition(".")[0]: entries for path, entries in inspection.feed_lists.items()
    }
    calendars = {calendar.name: calendar for calendar in inspection.calendars.values()}
    assert inspection.settings is not None
    return Workspace(
        root=root,
        settings=inspection.settings,
        user=inspection.user,
        agents=agents,
        skills=skills,
        feed_lists=feed_lists,
        calendars=calendars,
        baskets=inspection.baskets,
        watchlists={watchlist.name: watchlist for watchlist in inspection.watchlists.values()},
        economic_dates=inspection.economic_dates,
    )


def _unusable(inspection: Inspection, world: Snapshot, good: Mapping[str, str]) -> set[str]:
    """Return the files that cannot be in force: wrong in themselves, or naming what is not there without
    ever having been good."""
    return {
        entry.finding.path
        for entry in _errors(inspection.entries)
        if not (entry.is_reference and world.texts.get(entry.finding.path) == good.get(entry.finding.path))
    }


def _paths_of(agent: Agent) -> list[str]:
    folder = f"agents/{agent.name}"
    return [folder, *(f"{folder}/{name}" for name in ("agent.toml", "SOUL.md", "AGENTS.md"))]


def _jobs_of(agent: Agent, jobs: Iterable[Job]) -> list[Job]:
    return [job for job in jobs if job.agent == agent.name]
