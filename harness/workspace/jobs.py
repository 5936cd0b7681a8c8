"""`agents/<agent>/jobs/<job>.md`."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from harness.domain.contract import Contract, ItemRule
from harness.domain.job import Job
from harness.domain.schedule import CatchUp, Schedule
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.front_matter import FrontMatter, read_front_matter
from harness.workspace.located import Located
from harness.workspace.names import Names
from harness.workspace.prompt_template import check_template
from harness.workspace.quantities import BadValue, parse_money_per_run
from harness.workspace.reading import check_read_entry
from harness.workspace.report import Report
from harness.workspace.settings import Duration
from harness.workspace.shapes import Shape, as_list, check_shape
from harness.workspace.vocabulary import Vocabulary
from harness.workspace.zones import parse_zone

TEMPLATE_SUFFIX = ".template.md"

Texts = Annotated[list[str], BeforeValidator(as_list)]
Count = Annotated[int, Field(ge=0)]


def _parse_zone_word(value: object) -> str:
    return value if value in ("home", "local") and isinstance(value, str) else parse_zone(value)


def _check_template_name(value: str) -> str:
    if "/" in value or "\\" in value or not value.endswith(TEMPLATE_SUFFIX) or value == TEMPLATE_SUFFIX:
        raise BadValue(
            f"{value!r} is not a template beside the job", f"name a file in jobs/ that ends in {TEMPLATE_SUFFIX}"
        )
    return value


class CatchUpShape(Shape):
    run: Literal["latest", "all", "none"] = "latest"
    within: Duration = CatchUp().within_s


class EveryItemShape(Shape):
    url: Literal["collected"] = "collected"
    reachable: bool = False


class ContractShape(Shape):
    min_items: Count | None = None
    max_items: Annotated[int, Field(ge=1)] | None = None
    min_chars: Count | None = None
    max_chars: Annotated[int, Field(ge=1)] | None = None
    must_include: Texts = Field(default_factory=list)
    every_item: EveryItemShape | None = None
    links: Literal["reachable"] | None = None
    unseen_for: Duration | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> ContractShape:
        for least, most in (("min_items", "max_items"), ("min_chars", "max_chars")):
            low, high = getattr(self, least), getattr(self, most)
            if low is not None and high is not None and low > high:
                raise BadValue(f"{least} {low} is more than {most} {high}", "exchange the two, or drop one")
        return self


class JobShape(Shape):
    schedule: Any = None
    tz: Annotated[str, PlainValidator(_parse_zone_word)] = "home"
    if_missed: CatchUpShape | None = None
    read: Texts = Field(default_factory=list)
    max_age: Duration | None = None
    contract: ContractShape | None = None
    deliver: Texts = Field(default_factory=list)
    budget: Annotated[float, PlainValidator(parse_money_per_run)] | None = None
    without_model: Literal["extract", "template", "skip"] = "extract"
    template: Annotated[str, AfterValidator(_check_template_name)] | None = None
    action: str | None = None
    profile: str | None = None
    timeout: Duration = 900
    max_iterations: Annotated[int, Field(ge=1, le=100)] = 12
    title: Annotated[str, Field(min_length=1)] | None = None


def read_job(agent: str, name: str, text: str, names: Names, vocabulary: Vocabulary, report: Report) -> Job | None:
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
    schedules = _read_schedules(shape.schedule, located, vocabulary, report)
    _check_references(shape, agent, located, names, vocabulary, report)
    _check_text(shape, matter, report)
    if not schedules:
        return None
    return Job(
        agent=agent,
        name=name,
        path=report.path,
        schedules=schedules,
        # Where the person is comes with `harness here`; until then `local` is home.
        zone=names.home_zone if shape.tz in ("home", "local") else shape.tz,
        prompt=matter.body,
        prompt_line=matter.body_line,
        schedule_text="; ".join(shape.schedule) if isinstance(shape.schedule, list) else str(shape.schedule),
        if_missed=_catch_up(shape.if_missed),
        read=tuple(dict.fromkeys(shape.read)),
        max_age_s=shape.max_age,
        contract=_contract(shape.contract),
        deliver=tuple(dict.fromkeys(shape.deliver)),
        budget_usd=shape.budget,
        without_model=shape.without_model,
        template=shape.template,
        action=shape.action,
        profile=shape.profile,
        timeout_s=shape.timeout,
        max_iterations=shape.max_iterations,
        title=shape.title,
    )


def _without_nulls(located: Located) -> Located:
    """Take a key without a value (`budget:`) for one that is not there."""
    return dataclasses.replace(located, values={key: v for key, v in located.values.items() if v is not None})


def _read_schedules(value: Any, located: Located, vocabulary: Vocabulary, report: Report) -> tuple[Schedule, ...]:
    if value is None:
        report.error(located.line("schedule"), "the job has no schedule", "add a line such as schedule: daily 08:00")
        return ()
    lines = [value] if isinstance(value, str) else value
    if not isinstance(lines, list) or not lines or not all(isinstance(line, str) for line in lines):
        problem = f"schedule is {value!r}, not a text or a list of texts"
        report.error(located.line("schedule"), problem, "write it as daily 08:00, or as a list of such lines")
        return ()
    schedules: dict[Schedule, None] = {}
    for position, line in enumerate(lines):
        try:
            schedules.update(dict.fromkeys(vocabulary.parse_schedules(line)))
        except ValueError as error:
            problem, fix = getattr(error, "problem", str(error)), getattr(error, "fix", "correct the schedule")
            report.error(located.line("schedule", position), problem, fix)
    return tuple(schedules)


def _check_references(
    shape: JobShape, agent: str, located: Located, names: Names, vocabulary: Vocabulary, report: Report
) -> None:
    for position, channel in enumerate(shape.deliver):
        report.check_name(located.line("deliver", position), "channel", channel, names.channels, SETTINGS_FILE)
    if shape.profile is not None:
        report.check_name(located.line("profile"), "profile", shape.profile, names.profiles, SETTINGS_FILE)
    if shape.action is not None:
        report.check_name(located.line("action"), "action", shape.action, vocabulary.actions)
    for position, entry in enumerate(shape.read):
        check_read_entry(entry, located.line("read", position), names, vocabulary, report)
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


def _catch_up(shape: CatchUpShape | None) -> CatchUp:
    return CatchUp() if shape is None else CatchUp(shape.run, shape.within)


def _contract(shape: ContractShape | None) -> Contract:
    if shape is None:
        return Contract()
    rule = None if shape.every_item is None else ItemRule(reachable=shape.every_item.reachable)
    return Contract(
        min_items=shape.min_items,
        max_items=shape.max_items,
        min_chars=shape.min_chars,
        max_chars=shape.max_chars,
        must_include=tuple(shape.must_include),
        every_item=ItemRule(reachable=True) if shape.links == "reachable" else rule,
        unseen_for_s=shape.unseen_for,
    )
