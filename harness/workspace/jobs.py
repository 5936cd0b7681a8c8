"""`agents/<agent>/jobs/<job>.md`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from harness.domain.chart import Shown
from harness.domain.job import Job, Overlap, Priority
from harness.domain.schedule import QuietHours
from harness.workspace.fields import DollarsPerRun, Duration, Failures, Node, Text, Texts
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.front_matter import FrontMatter, read_front_matter
from harness.workspace.job_conditions import (
    Dependencies,
    OnlyIfShape,
    Requirements,
    dependencies_of,
    endpoint_lines,
    only_if_of,
    requires_of,
)
from harness.workspace.job_contract import ContractShape, contract_of
from harness.workspace.job_roundtable import RoundtableShape, roundtable_of
from harness.workspace.job_times import (
    HOME,
    LOCAL,
    HoursOrHome,
    IfMissed,
    ZoneWord,
    catch_up_of,
    quiet_hours_of,
    read_schedules,
    zone_of,
)
from harness.workspace.located import Located
from harness.workspace.names import Names
from harness.workspace.prompt_template import check_template
from harness.workspace.quantities import BadValue
from harness.workspace.reading import check_read_entry, present_entries
from harness.workspace.reminder_rules import quiet_hours_of_reminder
from harness.workspace.report import Report
from harness.workspace.shapes import Shape, as_list, check_shape
from harness.workspace.vocabulary import Vocabulary

TEMPLATE_SUFFIX = ".template.md"
SHOWN: tuple[Shown, ...] = ("collected",)
"""What a digest shows of a job that says nothing about it."""


def _check_template_name(value: str) -> str:
    if "/" in value or "\\" in value or not value.endswith(TEMPLATE_SUFFIX) or value == TEMPLATE_SUFFIX:
        raise BadValue(
            f"{value!r} is not a template beside the job", f"name a file in jobs/ that ends in {TEMPLATE_SUFFIX}"
        )
    return value


class JobShape(Shape):
    schedule: Any = None
    tz: ZoneWord = HOME
    calendar: str | None = None
    quiet_hours: HoursOrHome | None = None
    if_missed: IfMissed | None = None
    read: Texts = Field(default_factory=list)
    read_if_there: Texts = Field(default_factory=list)
    max_age: Duration | None = None
    only_if: OnlyIfShape | None = None
    depends_on: Dependencies = Field(default_factory=list)
    requires: Requirements = Field(default_factory=list)
    contract: ContractShape | None = None
    deliver: Texts = Field(default_factory=list)
    budget: DollarsPerRun | None = None
    without_model: Literal["extract", "template", "skip"] = "extract"
    template: Annotated[str, AfterValidator(_check_template_name)] | None = None
    action: str | None = None
    profile: str | None = None
    models: Annotated[list[Text], BeforeValidator(as_list)] = Field(default_factory=list)
    timeout: Duration = 900
    max_iterations: Annotated[int, Field(ge=1, le=100)] = 12
    overlap: Overlap = "queue"
    priority: Priority = "normal"
    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    backoff: Duration = 60
    deadline: Duration | None = None
    on: Node | None = None
    disable_after: Failures | None = None
    title: Text | None = None
    reminder: bool = False
    emergency: bool = False
    show: Annotated[list[Shown], BeforeValidator(as_list)] = Field(default_factory=lambda: list(SHOWN))
    roundtable: RoundtableShape | None = None


@dataclass(frozen=True, slots=True)
class DeclaredJob:
    """A job, and the lines on which it says when it is due, what it depends on, and which addresses must answer.

    `backoff_line` is None where it says nothing about the pause between two attempts. On `models_line` stands for
    which models it was made, on `budget_line` what a run may cost, on `contract_line` what it promises.
    """

    job: Job
    schedule_line: int
    depends_on_line: int
    endpoint_lines: tuple[tuple[str, int], ...] = ()
    backoff_line: int | None = None
    models_line: int = 1
    budget_line: int = 1
    contract_line: int = 1


def read_job(
    agent: str, name: str, text: str, names: Names, vocabulary: Vocabulary, report: Report
) -> DeclaredJob | None:
    """Return the job that the file declares, or None if it has no usable front matter or schedule.

    Every finding is in the report. Where a single value is wrong the rest is returned with that
    value's default; whether such a job may be in force is for the caller to decide.
    """
    matter = read_front_matter(text, report)
    if matter is None:
        return None
    located = _without_nulls(matter.located)
    shape = check_shape(JobShape, located, report)
    if shape is None:
        return None
    schedules = read_schedules(shape.schedule, located, vocabulary, report)
    _check_references(shape, agent, located, names, vocabulary, report)
    optional_lines = [located.line("read_if_there", position) for position in range(len(shape.read_if_there))]
    optional = present_entries(shape.read_if_there, optional_lines, names, vocabulary, report)
    reads = list(dict.fromkeys((*shape.read, *optional)))
    _check_text(shape, matter, report)
    declared = Job(
        agent=agent,
        name=name,
        path=report.path,
        schedules=schedules,
        zone=zone_of(shape.tz, names),
        prompt=matter.body,
        prompt_line=matter.body_line,
        schedule_text="; ".join(shape.schedule) if isinstance(shape.schedule, list) else str(shape.schedule),
        if_missed=catch_up_of(shape.if_missed),
        read=tuple(reads),
        max_age_s=shape.max_age,
        contract=contract_of(shape.contract, is_reminder=shape.reminder),
        deliver=tuple(dict.fromkeys(shape.deliver)),
        budget_usd=shape.budget,
        without_model=shape.without_model,
        template=shape.template,
        action=shape.action,
        profile=shape.profile,
        timeout_s=shape.timeout,
        max_iterations=shape.max_iterations,
        title=shape.title,
        follows_person=shape.tz == LOCAL,
        calendar=shape.calendar,
        quiet_hours=_quiet_hours(shape, located, names, report),
        only_if=only_if_of(shape.only_if, reads, located, report),
        depends_on=dependencies_of(shape.depends_on, f"{agent}/{name}", located, names, report),
        requires=requires_of(shape.requires),
        overlap=shape.overlap,
        priority=shape.priority,
        attempts=shape.attempts,
        backoff_s=shape.backoff,
        deadline_s=shape.deadline,
        on=shape.on,
        disable_after=shape.disable_after,
        models=tuple(dict.fromkeys(shape.models)),
        reminder=shape.reminder,
        emergency=shape.emergency,
        show=tuple(dict.fromkeys(shape.show)),
        roundtable=roundtable_of(shape.roundtable, agent, shape.action, located, names, report),
    )
    if not schedules:
        return None
    return DeclaredJob(
        declared,
        located.line("schedule"),
        located.line("depends_on"),
        endpoint_lines(shape.requires, located),
        located.line("backoff") if "backoff" in located.values else None,
        located.line("models"),
        located.line("budget"),
        located.line("contract"),
    )


def _quiet_hours(shape: JobShape, located: Located, names: Names, report: Report) -> QuietHours | None:
    if shape.emergency and not shape.reminder:
        report.error(located.line("emergency"), "only a reminder can be an emergency", "add reminder: true, or drop it")
    if shape.reminder and not shape.emergency and shape.quiet_hours is None:
        return quiet_hours_of_reminder(shape.tz, names)
    return quiet_hours_of(shape.quiet_hours, located.line("quiet_hours"), names, report)


def _without_nulls(located: Located) -> Located:
    """Take a key without a value (`budget:`) for one that is not there."""
    return dataclasses.replace(located, values={key: v for key, v in located.values.items() if v is not None})


def _check_references(
    shape: JobShape, agent: str, located: Located, names: Names, vocabulary: Vocabulary, report: Report
) -> None:
    for position, channel in enumerate(shape.deliver):
        report.check_name(located.line("deliver", position), "channel", channel, names.channels, SETTINGS_FILE)
    if shape.profile is not None:
        report.check_name(located.line("profile"), "profile", shape.profile, names.profiles, SETTINGS_FILE)
    if shape.action is not None:
        report.check_name(located.line("action"), "action", shape.action, vocabulary.actions)
    if shape.calendar is not None:
        report.check_name(located.line("calendar"), "calendar", shape.calendar, names.calendars)
    for position, entry in enumerate(shape.read):
        check_read_entry(entry, located.line("read", position), names, vocabulary, report)
    _check_template(shape, agent, located, names, report)


def _check_template(shape: JobShape, agent: str, located: Located, names: Names, report: Report) -> None:
    if shape.without_model == "template" and "template" not in located.values:
        example = report.path.rpartition("/")[2].removesuffix(".md") + TEMPLATE_SUFFIX
        report.error(
            located.line("without_model"),
            "without_model is template, but no template is named",
            f"add template: {example}",
        )
    template_path = f"agents/{agent}/jobs/{shape.template}"
    if shape.template is not None and not names.is_file(template_path):
        report.missing(
            located.line("template"), f"there is no file {template_path}", "write it, or drop the key", template_path
        )


def _check_text(shape: JobShape, matter: FrontMatter, report: Report) -> None:
    if matter.body:
        check_template(matter.body, matter.body_line, report)
    elif shape.action is None:
        report.error(
            matter.body_line, "the job says nothing to do", "write below the front matter what the agent should do"
        )
