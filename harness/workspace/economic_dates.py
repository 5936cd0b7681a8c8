"""`shared-context/calendars/economy.md`: the meetings and releases that the person wrote down."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from harness.domain.economy import IMPORTANCES, EconomicDate, Importance
from harness.workspace.economy_settings import COUNTRY
from harness.workspace.quantities import BadValue, parse_date
from harness.workspace.report import Report
from harness.workspace.zones import parse_zone

_HEADING = re.compile(r"#{2,6}[ \t]+(?P<country>[^:]+?)[ \t]*:[ \t]*(?P<title>[^()]*?)[ \t]*\((?P<zone>[^()]+)\)[ \t]*")
_BULLET = re.compile(r"\s*[-*+]\s+(\S.*?)\s*")
_DATE = re.compile(
    r"(?P<day>\S+)(?:\s+(?P<hour>\d{1,2}):(?P<minute>\d{2}))?\s+(?P<name>\S.*?)(?:\s*\((?P<importance>\w+)\))?"
)
_EXAMPLE = "write a date as - 2026-12-09 14:00 Rate decision, below a heading ## US: Federal Reserve (America/New_York)"


@dataclass(frozen=True, slots=True)
class _Body:
    """Whose dates stand below a heading, and in which zone they are."""

    country: str
    title: str
    zone: str


def read_economic_dates(text: str, today: date, report: Report) -> tuple[EconomicDate, ...]:
    """Return the dates in their order.

    A heading `## US: Federal Reserve (America/New_York)` says whose they are and by which clock; a line is
    `- 2026-12-09 14:00 Rate decision (high)`, with or without a time and an importance. Lines that cannot be used are
    in the report and not in the result; so is that no date is left.
    """
    dates = tuple(sorted(_read(text, report), key=lambda found: found.at))
    if not any(found.at.date() >= today for found in dates) and not report.has_errors:
        problem = "the list has no date that is still to come"
        report.warning(None, problem, f"add those of the next months to {report.path}")
    return dates


def _read(text: str, report: Report) -> Iterator[EconomicDate]:
    body: _Body | None = None
    for line, source in enumerate(text.split("\n"), 1):
        bullet = _BULLET.fullmatch(source)
        if re.match(r"#{2,6}[ \t]", source):
            body = _read_heading(source, line, report)
        elif bullet is not None and body is not None:
            found = _read_date(bullet[1], line, body, report)
            if found is not None:
                yield found
        elif bullet is not None and not report.has_errors:
            report.error(line, "nothing says whose date this is", _EXAMPLE)


def _read_heading(source: str, line: int, report: Report) -> _Body | None:
    found = _HEADING.fullmatch(source)
    if found is None or not COUNTRY.fullmatch(found["country"]):
        report.error(line, f"{source.strip()!r} does not say whose dates follow", _EXAMPLE)
        return None
    try:
        zone = parse_zone(found["zone"])
    except BadValue as error:
        report.error(line, error.problem, error.fix)
        return None
    return _Body(found["country"], found["title"], zone)


def _read_date(text: str, line: int, body: _Body, report: Report) -> EconomicDate | None:
    found = _DATE.fullmatch(text)
    if found is None:
        report.error(line, f"{text!r} is no date", _EXAMPLE)
        return None
    try:
        day = parse_date(found["day"])
        clock = None if found["hour"] is None else time(int(found["hour"]), int(found["minute"]))
    except BadValue as error:
        report.error(line, error.problem, _EXAMPLE)
        return None
    except ValueError:
        report.error(line, f"there is no time {found['hour']}:{found['minute']}", _EXAMPLE)
        return None
    # A word in parentheses that is no importance belongs to the name.
    importance = next((one for one in IMPORTANCES if one == found["importance"]), None)
    said = found["name"] if importance or not found["importance"] else f"{found['name']} ({found['importance']})"
    return EconomicDate(
        name=f"{body.title}: {said}" if body.title else said,
        country=body.country,
        at=datetime.combine(day, clock or time(), ZoneInfo(body.zone)).astimezone(UTC),
        zone=body.zone,
        importance=_or_high(importance),
        has_time=clock is not None,
    )


def _or_high(importance: Importance | None) -> Importance:
    return importance or "high"
