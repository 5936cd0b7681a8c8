"""`shared-context/calendars/<name>.md`: the days on which something is closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import Field

from harness.domain.schedule import Calendar
from harness.workspace.fields import Day, Text, Zone
from harness.workspace.front_matter import FrontMatter, read_front_matter
from harness.workspace.quantities import BadValue, parse_date
from harness.workspace.report import Report
from harness.workspace.shapes import Shape, check_shape

ENDS_SOON = timedelta(days=60)
_BULLET = re.compile(r"\s*[-*+]\s+(\S.*)")
_DAY = re.compile(r"(\S+?)[:,]?(?:\s+[-–:]?\s*(\S.*))?")
_EXAMPLE = "- 2026-11-26 Thanksgiving Day"


class CalendarShape(Shape):
    title: Text | None = None
    zone: Zone | None = None
    closed: Literal["weekends", "none"] = "weekends"
    first: Annotated[Day | None, Field(alias="from")] = None
    last: Annotated[Day | None, Field(alias="until")] = None


def read_calendar(name: str, text: str, today: date, report: Report) -> Calendar | None:
    """Return the calendar, or None if its front matter does not say for which days it holds.

    Lines that cannot be used are in the report and not in the result. A calendar that ends soon, or has
    ended, is a warning: from then on holidays are days like others.
    """
    matter = read_front_matter(text, report)
    shape = check_shape(CalendarShape, matter.located, report) if matter is not None else None
    if matter is None or shape is None:
        return None
    span = _read_span(shape, matter, report)
    if span is None:
        return None
    first, last = span
    calendar = Calendar(
        name=name,
        title=shape.title or name,
        closed=_read_days(matter, first, last, report),
        first=first,
        last=last,
        closed_on_weekends=shape.closed == "weekends",
        zone=shape.zone,
    )
    _check_end(calendar, today, matter.located.line("until"), report)
    return calendar


def _read_span(shape: CalendarShape, matter: FrontMatter, report: Report) -> tuple[date, date] | None:
    first, last, located = shape.first, shape.last, matter.located
    for key, value, example in (("from", first, "2026-01-01"), ("until", last, "2028-12-31")):
        if value is None and located.values.get(key) is None:
            report.error(located.line(key), f"{key} is missing", f"say for which days the list holds: {key}: {example}")
    if first is None or last is None:
        return None
    if first > last:
        report.error(located.line("until"), f"until {last} is before from {first}", "exchange the two")
        return None
    return first, last


def _read_days(matter: FrontMatter, first: date, last: date, report: Report) -> dict[date, str]:
    days: dict[date, str] = {}
    for line, day, name in _bullets(matter, report):
        if not first <= day <= last:
            report.error(line, f"{day} lies outside of {first} to {last}", "correct it, or from and until above")
        elif day in days:
            report.warning(line, f"{day} is in the list twice", "keep one of them")
        else:
            days[day] = name
    return days


def _bullets(matter: FrontMatter, report: Report) -> Iterator[tuple[int, date, str]]:
    for line, source in enumerate(matter.body.split("\n"), matter.body_line):
        bullet = _BULLET.fullmatch(source)
        parts = _DAY.fullmatch(bullet[1].rstrip()) if bullet is not None else None
        if parts is None:
            continue
        try:
            day = parse_date(parts[1])
        except BadValue as error:
            report.error(line, error.problem, f"write a day as {_EXAMPLE}, and text without a bullet")
            continue
        if parts[2] is None:
            report.error(line, f"{day} has no name", f"say what day it is: {_EXAMPLE}")
        else:
            yield line, day, parts[2]


def _check_end(calendar: Calendar, today: date, line: int, report: Report) -> None:
    if calendar.last - today > ENDS_SOON:
        return
    verb = "ended" if calendar.last < today else "ends"
    problem = f"the calendar {verb} on {calendar.last}; after that only weekends are closed"
    if not calendar.closed_on_weekends:
        problem = f"the calendar {verb} on {calendar.last}; after that nothing is closed"
    report.warning(line, problem, f"add the days that follow to {report.path}, and set until to the last day you know")
