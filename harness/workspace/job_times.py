"""The keys of a job file that say when it is due, when it is not, and what becomes of what was missed."""

from __future__ import annotations

import dataclasses
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainValidator

from harness.domain.schedule import CatchUp, QuietHours, Schedule
from harness.workspace.fields import Duration
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.located import Located
from harness.workspace.names import Names
from harness.workspace.quantities import BadValue, parse_quiet_hours
from harness.workspace.report import Report
from harness.workspace.shapes import Shape
from harness.workspace.vocabulary import Vocabulary
from harness.workspace.zones import parse_zone

HOME, LOCAL = "home", "local"


def _parse_zone_word(value: object) -> str:
    if isinstance(value, str) and value in (HOME, LOCAL):
        return value
    try:
        return parse_zone(value)
    except BadValue as error:
        near = get_close_matches(str(value).casefold(), (HOME, LOCAL), n=1)
        if not near:
            raise
        raise BadValue(error.problem, f"did you mean {near[0]!r}?") from error


def _parse_hours_or_home(value: object) -> QuietHours | Literal["home"]:
    return "home" if value == HOME else parse_quiet_hours(value)


class CatchUpShape(Shape):
    run: Literal["latest", "one", "all", "none"] = "latest"
    within: Duration = CatchUp().within_s
    grace: Duration = CatchUp().grace_s


def _as_catch_up(value: object) -> object:
    """Let `if_missed: none` stand for `if_missed: {run: none}`."""
    return {"run": value} if isinstance(value, str) else value


ZoneWord = Annotated[str, PlainValidator(_parse_zone_word)]
HoursOrHome = Annotated[QuietHours | Literal["home"], PlainValidator(_parse_hours_or_home)]
IfMissed = Annotated[CatchUpShape, BeforeValidator(_as_catch_up)]


def read_schedules(value: Any, located: Located, vocabulary: Vocabulary, report: Report) -> tuple[Schedule, ...]:
    """Return the schedules of all lines that can be read; what is wrong with the others is in the report."""
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


def zone_of(word: str, names: Names) -> str:
    """Return the IANA zone that `tz` stands for."""
    return {HOME: names.home_zone, LOCAL: names.person_zone}.get(word, word)


def quiet_hours_of(
    value: QuietHours | Literal["home"] | None, line: int, names: Names, report: Report
) -> QuietHours | None:
    """Return the job's quiet hours; `home` are the team's, read in the home zone, also where the job is elsewhere."""
    if value is None or isinstance(value, QuietHours):
        return value
    if names.quiet_hours is not None:
        return dataclasses.replace(names.quiet_hours, zone=names.home_zone)
    if not names.sets_quiet_hours:
        problem = f"quiet_hours is home, and {SETTINGS_FILE} sets no quiet_hours"
        report.missing(line, problem, 'set them there, or write them here: "23:00-07:00"', SETTINGS_FILE)
    return None


def catch_up_of(shape: CatchUpShape | None) -> CatchUp:
    """Return the policy; `one` is another word for `latest`."""
    if shape is None:
        return CatchUp()
    return CatchUp("latest" if shape.run == "one" else shape.run, shape.within, shape.grace)
