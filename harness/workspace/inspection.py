"""From the texts of a workspace to its parts, with everything that is wrong with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from harness.domain.agent import Agent
from harness.domain.basket import Basket
from harness.domain.economy import EconomicDate
from harness.domain.errors import OwnerError
from harness.domain.feed import FeedEntry
from harness.domain.job import Job
from harness.domain.market import Watchlist
from harness.domain.schedule import Calendar
from harness.domain.settings import Egress, Settings
from harness.domain.skill import Skill
from harness.workspace.agent_contracts import with_contract_of
from harness.workspace.agents import check_memory, read_agent
from harness.workspace.baskets import read_baskets
from harness.workspace.budgets import check_budgets
from harness.workspace.calendars import read_calendar
from harness.workspace.economic_dates import read_economic_dates
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.job_conditions import find_cycles
from harness.workspace.job_models import check_models, check_room
from harness.workspace.job_plausibility import check_plausibility
from harness.workspace.jobs import TEMPLATE_SUFFIX, DeclaredJob, read_job
from harness.workspace.located import Located
from harness.workspace.markets import read_watchlist
from harness.workspace.names import RESERVED_AGENTS, Names, check_slug
from harness.workspace.prompt_template import check_template
from harness.workspace.report import Entry, Report, suggestion
from harness.workspace.settings import declared_names, read_settings
from harness.workspace.shared import read_feed_list
from harness.workspace.skill_pins import Pin, read_pins
from harness.workspace.skills import read_skill
from harness.workspace.snapshot import (
    BASKETS_FILE,
    CALENDARS_FOLDER,
    ECONOMY_FILE,
    FEEDS_FOLDER,
    MARKETS_FOLDER,
    PINS_FILE,
    Snapshot,
)
from harness.workspace.vocabulary import Vocabulary
from harness.workspace.whereabouts import person_zone


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the files declare, by path of the declaring file; `settings` is None if they cannot be read.

    `pins` are by the names of skills.
    """

    settings: Settings | None
    user: str
    agents: Mapping[str, Agent]
    jobs: Mapping[str, Job]
    skills: Mapping[str, Skill]
    feed_lists: Mapping[str, tuple[FeedEntry, ...]]
    calendars: Mapping[str, Calendar]
    baskets: Mapping[str, Basket]
    watchlists: Mapping[str, Watchlist]
    economic_dates: tuple[EconomicDate, ...]
    entries: tuple[Entry, ...]
    pins: Mapping[str, Pin]


def inspect_snapshot(
    snapshot: Snapshot,
    vocabulary: Vocabulary,
    is_file: Callable[[str], bool],
    is_folder: Callable[[str], bool],
    skill_sha256: Callable[[str], str],
    now: datetime,
) -> Inspection:
    """Return everything that the texts declare at `now` (aware), and all findings at once.

    `is_file` and `is_folder` say whether a workspace-relative path lies there; `skill_sha256` returns the hash of a
    skill's folder, and raises OwnerError where it has none.
    """
    return _Inspector(snapshot, vocabulary, is_file, is_folder, skill_sha256, now).inspect()


class _Inspector:
    """Goes through one snapshot; `reports` holds one report a file, in the order of the reading."""

    def __init__(
        self,
        snapshot: Snapshot,
        vocabulary: Vocabulary,
        is_file: Callable[[str], bool],
        is_folder: Callable[[str], bool],
        skill_sha256: Callable[[str], str],
        now: datetime,
    ) -> None:
        self.snapshot = snapshot
        self.vocabulary = vocabulary
        self.is_file = is_file
        self.is_folder = is_folder
        self.skill_sha256 = skill_sha256
        self.now = now
        self.reports: dict[str, Report] = {}
        self.profile_lines: dict[str, int | None] = {}

    def inspect(self) -> Inspection:
        for path, why in self.snapshot.unreadable.items():
            self._report(path).error(why.line, why.problem, why.fix)
        settings, names = self._read_settings()
        self._check_top_level()
        agents = {
            f"agents/{name}/agent.toml": agent
            for name in self.snapshot.agents
            if (agent := self._read_agent(name, names))
        }
        declared = {path: job for path in self._job_paths() if (job := self._read_job(path, names))}
        declared = {
            path: with_contract_of(agents.get(f"agents/{each.job.agent}/agent.toml"), each, self._report(path))
            for path, each in declared.items()
        }
        self._check_cycles(declared)
        for path, declaration in declared.items():
            check_plausibility(declaration, self.vocabulary, self.now, self._report(path))
        if settings is not None:
            self._check_reach(declared, settings.egress)
            self._check_budgets(settings, agents, declared)
            for path, declaration in declared.items():
                agent = agents.get(f"agents/{declaration.job.agent}/agent.toml")
                check_models(declaration, agent, settings, self._report(path))
                check_room(declaration, agent, settings, self._report(path))
        today = self.now.astimezone(ZoneInfo(names.home_zone)).date()
        calendars = self._read_calendars(today)
        self._check_that_all_run(declared, {calendar.name: calendar for calendar in calendars.values()})
        pins = self._read_pins()
        skills = {
            f"skills/{name}/SKILL.md": skill for name in self.snapshot.skills if (skill := self._read_skill(name, pins))
        }
        return Inspection(
            settings=settings,
            user=self.snapshot.texts.get("USER.md", "").strip(),
            agents=agents,
            jobs={path: found.job for path, found in declared.items()},
            skills=skills,
            feed_lists=self._read_feed_lists(),
            calendars=calendars,
            baskets=self._read_baskets(),
            watchlists=self._read_watchlists(names.calendars),
            economic_dates=self._read_economic_dates(today),
            entries=tuple(entry for path in sorted(self.reports) for entry in self.reports[path].entries),
            pins=pins or {},
        )

    def _report(self, path: str) -> Report:
        return self.reports.setdefault(path, Report(path))

    def _text(self, path: str, fix: str) -> str | None:
        """Return a text that must be there, or report that it is not."""
        if path not in self.snapshot.texts and path not in self.snapshot.unreadable:
            self._report(path).error(None, "the file is missing", fix)
        return self.snapshot.texts.get(path)

    def _read_settings(self) -> tuple[Settings | None, Names]:
        text = self._text(SETTINGS_FILE, "make a workspace with `harness init DIR`")
        found = None if text is None else read_settings(text, self._report(SETTINGS_FILE))
        settings, located = found if found is not None else (None, None)
        if settings is not None and located is not None:
            self._check_scripts(settings, located)
            self._check_coder(settings, located)
            self.profile_lines = {name: located.line("profiles", name) for name in settings.profiles}
        effective = settings or Settings()
        jobs = frozenset("/".join(_agent_and_job(path)) for path in self._job_paths())
        values = {} if located is None else located.values
        return settings, Names(
            agents=frozenset((*self.snapshot.agents, *self._unreadable_in("agents"))),
            jobs=jobs,
            skills=frozenset((*self.snapshot.skills, *self._unreadable_in("skills"), *self.vocabulary.shipped_skills)),
            feed_lists=frozenset(_stem(path) for path in self._paths_in(FEEDS_FOLDER)),
            profiles=frozenset() if located is None else declared_names(located, "profiles"),
            channels=frozenset() if located is None else declared_names(located, "channels"),
            calendars=frozenset(_stem(path) for path in self._calendar_paths()),
            baskets=frozenset(self._read_baskets()),
            watchlists=frozenset(_stem(path) for path in self._paths_in(MARKETS_FOLDER)),
            personal_calendars=frozenset() if located is None else declared_names(located, "calendars"),
            home_zone=effective.home_zone,
            person_zone=person_zone(effective, self.now),
            quiet_hours=effective.quiet_hours,
            sets_quiet_hours="quiet_hours" in values,
            allows_outside_files=effective.egress.file_sources,
            is_file=lambda path: path in self.snapshot.texts or self.is_file(path),
            is_folder=self.is_folder,
        )

    def _check_top_level(self) -> None:
        is_readable = "agents" not in self.snapshot.unreadable and not self._unreadable_in("agents")
        if not self.snapshot.agents and is_readable:
            self._report("agents").error(
                None, "there are no agents", "write agents/<name>/agent.toml, SOUL.md and AGENTS.md"
            )
        if not self.snapshot.texts.get("USER.md", "").strip() and "USER.md" not in self.snapshot.unreadable:
            self._report("USER.md").warning(
                None, "nothing says who the agents work for", "write it: every agent is given it"
            )

    def _read_agent(self, name: str, names: Names) -> Agent | None:
        folder = f"agents/{name}"
        check_slug(self._report(folder), "agent", name)
        if name in RESERVED_AGENTS:
            self._report(folder).error(None, f"{name!r} cannot be the name of an agent", "rename the folder")
        settings = self._text(f"{folder}/agent.toml", f"write it, or remove the folder {folder}")
        soul = self._text(f"{folder}/SOUL.md", "write in plain prose who the agent is")
        rules = self._text(f"{folder}/AGENTS.md", "write in plain Markdown how the agent works")
        for file_name, text in (("SOUL.md", soul), ("AGENTS.md", rules)):
            if text is not None and not text.strip():
                self._report(f"{folder}/{file_name}").warning(
                    None, "the file is empty", "write it: every prompt begins with it"
                )
        check_memory(self.snapshot.texts.get(f"{folder}/MEMORY.md", ""), self._report(f"{folder}/MEMORY.md"))
        report = self._report(f"{folder}/agent.toml")
        agent = None if settings is None else read_agent(name, settings, names, self.vocabulary, report)
        if agent is None or soul is None or rules is None:
            return None
        return dataclasses.replace(agent, soul=soul.strip(), rules=rules.strip())

    def _job_paths(self) -> list[str]:
        return [path for path in self.snapshot.texts.keys() | self.snapshot.unreadable.keys() if _is_job(path)]

    def _read_job(self, path: str, names: Names) -> DeclaredJob | None:
        agent, name = _agent_and_job(path)
        report = self._report(path)
        check_slug(report, "job", name)
        text = self.snapshot.texts.get(path)
        declared = None if text is None else read_job(agent, name, text, names, self.vocabulary, report)
        if declared is None or declared.job.template is None:
            return declared
        template_path = f"{path.rpartition('/')[0]}/{declared.job.template}"
        template = self.snapshot.texts.get(template_path)
        if template is None:
            return declared
        check_template(template, 1, self._report(template_path))
        if self._report(template_path).has_errors:
            problem = f"its template {declared.job.template} cannot be used"
            report.missing(None, problem, "correct that file", template_path)
        return dataclasses.replace(declared, job=dataclasses.replace(declared.job, template=template))

    def _check_cycles(self, declared: Mapping[str, DeclaredJob]) -> None:
        """Report in every job that waits for itself by which chain it does."""
        found = {declaration.job.id: declaration for declaration in declared.values()}
        for job_id, chain in find_cycles({name: declaration.job for name, declaration in found.items()}).items():
            problem = f"the job waits for itself: {' waits for '.join(chain)}"
            report = self._report(found[job_id].job.path)
            report.error(found[job_id].depends_on_line, problem, "take one of these out of depends_on")

    def _read_pins(self) -> Mapping[str, Pin] | None:
        """Return what was accepted of the skills that came from elsewhere; None if nobody can tell."""
        text = self.snapshot.texts.get(PINS_FILE)
        if text is None:
            return None if PINS_FILE in self.snapshot.unreadable else {}
        report = self._report(PINS_FILE)
        pins = read_pins(text, report)
        for name in sorted(pins or {}):
            if name not in self.snapshot.skills and name not in self._unreadable_in("skills"):
                fix = f"bring it back, or forget it: take its lines out of {PINS_FILE}"
                report.warning(None, f"the skill {name} is pinned, and there is no folder skills/{name}", fix)
        return pins

    def _read_skill(self, name: str, pins: Mapping[str, Pin] | None) -> Skill | None:
        path = f"skills/{name}/SKILL.md"
        text = self._text(path, f"write it, or remove the folder skills/{name}")
        skill = None if text is None else read_skill(name, text, self._report(path))
        if skill is None or (pins is not None and name not in pins):
            return skill
        if pins is None:
            return dataclasses.replace(skill, held_back=f"{PINS_FILE} cannot be read, so nobody can tell what it was")
        return dataclasses.replace(
            skill, origin="installed", sha256=pins[name].sha256, held_back=self._why_held_back(name, pins[name])
        )

    def _why_held_back(self, name: str, pin: Pin) -> str:
        """Return what differs from what a person accepted, after reporting it; empty if nothing does."""
        # About the folder, not about SKILL.md: no last good version of that file is to take the place of a change.
        report = self._report(f"skills/{name}")
        fix = f"look at the change, and accept or undo it: harness skills review {name}"
        try:
            if self.skill_sha256(name) == pin.sha256:
                return ""
            problem = "it is not what you accepted when it was installed"
        except OwnerError as error:
            problem = f"it cannot be compared with what you accepted: {error.path} {error.problem}"
        report.error(None, f"{problem}, and is offered to nobody", fix)
        return problem

    def _check_that_all_run(self, declared: Mapping[str, DeclaredJob], calendars: Mapping[str, Calendar]) -> None:
        """Warn of jobs whose closed days and quiet hours leave none of their times."""
        for path, declaration in declared.items():
            why = self.vocabulary.why_never_due(declaration.job, calendars, self.now)
            if why is not None:
                problem = f"the job never runs: at every time of its schedule there is a reason against it ({why})"
                self._report(path).warning(declaration.schedule_line, problem, "change the times, or what is excluded")

    def _check_reach(self, declared: Mapping[str, DeclaredJob], egress: Egress) -> None:
        """Warn of addresses that must answer and that the door to the network refuses: such a job never runs."""
        for path, declaration in declared.items():
            for address, line in declaration.endpoint_lines:
                host = urlsplit(address).hostname or ""
                why = self.vocabulary.refuse_host(host, egress)
                if why is not None:
                    problem = f"{address} will not be asked, so the job is always skipped: {why}"
                    grant = "loopback = true" if "loopback" in why else f'networks = ["{host}"]'
                    self._report(path).warning(line, problem, f"write {grant} under [egress] in {SETTINGS_FILE}")

    def _check_budgets(
        self, settings: Settings, agents: Mapping[str, Agent], declared: Mapping[str, DeclaredJob]
    ) -> None:
        by_name = {agent.name: agent for agent in agents.values()}
        jobs = [declaration.job for declaration in declared.values()]
        check_budgets(settings, by_name, jobs, self.profile_lines, self._report(SETTINGS_FILE))

    def _check_scripts(self, settings: Settings, located: Located) -> None:
        """Report the scripts of models that are not there."""
        for name, profile in settings.profiles.items():
            if profile.script and not self.is_file(profile.script):
                problem = f"profile {name!r} plays {profile.script}, and there is no such file"
                line = located.line("profiles", name, "script")
                self._report(SETTINGS_FILE).missing(line, problem, "write it, or correct script")

    def _check_coder(self, settings: Settings, located: Located) -> None:
        """Warn of a coder that is not there: what the Tech Radar asks for would be rejected."""
        coder, known = settings.radar.coder, (*self.snapshot.agents, *self._unreadable_in("agents"))
        if coder and coder not in known:
            problem = f"there is no agent {coder!r}: what the Tech Radar adopts or tries is rejected"
            self._report(SETTINGS_FILE).warning(located.line("radar", "coder"), problem, suggestion(coder, known))

    def _paths_in(self, folder: str) -> list[str]:
        paths = self.snapshot.texts.keys() | self.snapshot.unreadable.keys()
        return sorted(path for path in paths if path.startswith(f"{folder}/"))

    def _unreadable_in(self, folder: str) -> list[str]:
        """Return the names in the folder of what cannot be looked at, and may be what another file names."""
        return [path.partition("/")[2] for path in self.snapshot.unreadable if path.rpartition("/")[0] == folder]

    def _read_feed_lists(self) -> dict[str, tuple[FeedEntry, ...]]:
        lists: dict[str, tuple[FeedEntry, ...]] = {}
        taken: dict[str, str] = {}
        for path in self._paths_in(FEEDS_FOLDER):
            report = self._report(path)
            check_slug(report, "feed list", _stem(path))
            other = taken.setdefault(_stem(path), path)
            if other != path:
                report.error(None, f"{other} is a list of the same name", "rename or remove one of them")
            text = self.snapshot.texts.get(path)
            found = None if text is None or other != path else read_feed_list(text, report)
            if found is not None:
                lists[path] = found
        return lists

    def _read_baskets(self) -> dict[str, Basket]:
        text = self.snapshot.texts.get(BASKETS_FILE)
        return {} if text is None else read_baskets(text, self._report(BASKETS_FILE))

    def _read_watchlists(self, calendars: frozenset[str]) -> dict[str, Watchlist]:
        watchlists: dict[str, Watchlist] = {}
        for path in self._paths_in(MARKETS_FOLDER):
            report = self._report(path)
            check_slug(report, "watchlist", _stem(path))
            text = self.snapshot.texts.get(path)
            found = None if text is None else read_watchlist(_stem(path), text, calendars, report)
            if found is not None:
                watchlists[path] = found
        return watchlists

    def _read_economic_dates(self, today: date) -> tuple[EconomicDate, ...]:
        text = self.snapshot.texts.get(ECONOMY_FILE)
        return () if text is None else read_economic_dates(text, today, self._report(ECONOMY_FILE))

    def _calendar_paths(self) -> list[str]:
        return [path for path in self._paths_in(CALENDARS_FOLDER) if path != ECONOMY_FILE]

    def _read_calendars(self, today: date) -> dict[str, Calendar]:
        calendars: dict[str, Calendar] = {}
        for path in self._calendar_paths():
            report = self._report(path)
            check_slug(report, "calendar", _stem(path))
            text = self.snapshot.texts.get(path)
            found = None if text is None else read_calendar(_stem(path), text, today, report)
            if found is not None:
                calendars[path] = found
        return calendars


def _is_job(path: str) -> bool:
    parts = path.split("/")
    return len(parts) == 4 and parts[0] == "agents" and parts[2] == "jobs" and not path.endswith(TEMPLATE_SUFFIX)


def _agent_and_job(path: str) -> tuple[str, str]:
    _, agent, _, file_name = path.split("/")
    return agent, file_name.removesuffix(".md")


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]
