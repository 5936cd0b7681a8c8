"""A job: schedule + prompt + contract, from one Markdown file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.domain.chart import Shown
from harness.domain.contract import Contract
from harness.domain.schedule import CatchUp, QuietHours, Schedule
from harness.domain.seating import Roundtable

Overlap = Literal["queue", "skip", "cancel_running"]
Priority = Literal["high", "normal", "low"]
WithoutModel = Literal["extract", "template", "skip"]
Lane = Literal["agent", "system"]

PRIORITIES: Mapping[Priority, int] = {"high": 0, "normal": 1, "low": 2}
"""What stands in the queue for each; the lower, the earlier."""

ASKING_ACTIONS = frozenset({"reflect", "reflect-team"})
"""Actions that may ask a model once: they stand in their agent's line, as its other runs do."""

LONGEST_BACKOFF_S = 3600
"""The pause between two attempts at a run is never longer, however often it has doubled."""


@dataclass(frozen=True, slots=True)
class OnlyIf:
    """A condition that is looked at without a model, before anything is paid for; all of it must hold.

    `changed`: entries of `read`, at least one of which must read differently than in the last run that
    succeeded. `new_items`: so many collected items must not have been there then. `exists`: files or glob
    patterns in the workspace, each of which must match.
    """

    changed: tuple[str, ...] = ()
    new_items: int | None = None
    exists: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.changed or self.new_items or self.exists)


@dataclass(frozen=True, slots=True)
class Dependency:
    """Another job whose latest run must have succeeded with a result at most `within_s` seconds old.

    While that job is at work, or due and not finished, it is waited for until `wait_s` seconds after the own
    due time.
    """

    job_id: str
    within_s: int = 24 * 3600
    wait_s: int = 0


@dataclass(frozen=True, slots=True)
class FreshFile:
    """A file of the workspace that must have been written at most `within_s` seconds ago; None: just exist."""

    path: str
    within_s: int | None = None


@dataclass(frozen=True, slots=True)
class Requires:
    """What must be there before the job is worth starting: web addresses that answer, files that are fresh."""

    endpoints: tuple[str, ...] = ()
    files: tuple[FreshFile, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.endpoints or self.files)


@dataclass(frozen=True, slots=True)
class Job:
    """One job file, checked.

    `zone` is an IANA name, already resolved from `home` and `local`. `read` names what is collected
    before the model is asked. `action` names a harness action for a job that needs no model; then
    `prompt` may be empty. `template` is the text that fills in for a model when `without_model` is
    `template`. `path` is relative to the workspace, `prompt_line` the 1-based line on which the
    prompt begins. `disable_after` None means as the team's alerts say, 0 means never. `models` are
    patterns of the model names that the job was made for: with another one it does not run; empty means any.
    `reminder`: a nudge of a few words, kept apart from the agent's others and out of the night unless it is an
    `emergency`. `show` names what stands in its digest beside what it wrote. `roundtable` names who speaks before it is
    written. Times are seconds, money is US dollars.
    """

    agent: str
    name: str
    path: str
    schedules: tuple[Schedule, ...]
    zone: str
    prompt: str = ""
    prompt_line: int = 1
    schedule_text: str = ""
    if_missed: CatchUp = field(default_factory=CatchUp)
    read: tuple[str, ...] = ()
    max_age_s: int | None = None
    contract: Contract = field(default_factory=Contract)
    deliver: tuple[str, ...] = ()
    budget_usd: float | None = None
    without_model: WithoutModel = "extract"
    template: str | None = None
    action: str | None = None
    profile: str | None = None
    timeout_s: int = 900
    max_iterations: int = 12
    title: str | None = None
    follows_person: bool = False
    calendar: str | None = None
    quiet_hours: QuietHours | None = None
    only_if: OnlyIf = field(default_factory=OnlyIf)
    depends_on: tuple[Dependency, ...] = ()
    requires: Requires = field(default_factory=Requires)
    overlap: Overlap = "queue"
    priority: Priority = "normal"
    attempts: int = 3
    backoff_s: int = 60
    deadline_s: int | None = None
    on: str | None = None
    disable_after: int | None = None
    models: tuple[str, ...] = ()
    reminder: bool = False
    emergency: bool = False
    show: tuple[Shown, ...] = ("collected",)
    roundtable: Roundtable | None = None

    @property
    def id(self) -> str:
        return f"{self.agent}/{self.name}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """What is collected before anything is written: `read`, and what the jobs it depends on came to."""
        return tuple(dict.fromkeys((*self.read, *(dependency.job_id for dependency in self.depends_on))))

    @property
    def lane(self) -> Lane:
        return "system" if self.action and self.action not in ASKING_ACTIONS else "agent"
