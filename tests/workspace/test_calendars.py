from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from pathlib import Path

import pytest
from holidays import country_holidays, financial_holidays

from harness.domain.schedule import Calendar
from harness.workspace.calendars import read_calendar
from harness.workspace.report import Report

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 21)
HEAD = "---\ntitle: My market\nzone: Europe/Berlin\nfrom: 2026-01-01\nuntil: 2027-12-31\n---\n"


def read(text: str, today: date = TODAY) -> tuple[Calendar | None, list[str]]:
    report = Report("shared-context/calendars/my.md")
    calendar = read_calendar("my", text, today, report)
    return calendar, [str(entry.finding).removeprefix("shared-context/calendars/") for entry in report.entries]


def test_bullets_are_the_closed_days_and_prose_is_not() -> None:
    text = HEAD + "\n# Days\n\nWe close then:\n\n- 2026-12-24 Christmas Eve\n* 2026-12-31: New Year's Eve\n"
    assert read(text) == (
        Calendar(
            name="my",
            title="My market",
            closed={date(2026, 12, 24): "Christmas Eve", date(2026, 12, 31): "New Year's Eve"},
            first=date(2026, 1, 1),
            last=date(2027, 12, 31),
            zone="Europe/Berlin",
        ),
        [],
    )


def test_calendar_may_be_open_on_weekends_and_have_no_title_and_no_zone() -> None:
    calendar, findings = read(
        "---\nclosed: none\nfrom: 2026-01-01\nuntil: 2027-12-31\n---\n- 2026-12-25 Christmas Day\n"
    )
    assert findings == []
    assert calendar is not None
    assert (calendar.title, calendar.zone) == ("my", None)
    assert calendar.why_closed(date(2026, 11, 22)) is None
    assert calendar.why_closed(date(2026, 12, 25)) == "Christmas Day"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + "- Christmas\n", "my.md:7: 'Christmas' is not a date; write a day as - 2026-11-26 Thanksgiving Day"),
        (HEAD + "\n- 2026-02-30 Never\n", "my.md:8: there is no day '2026-02-30'; write a day as - 2026-11-26"),
        (HEAD + "- 2026-12-24\n", "my.md:7: 2026-12-24 has no name; say what day it is"),
        (HEAD + "- 2026-12-24 A\n- 2026-12-24 B\n", "my.md:8: 2026-12-24 is in the list twice; keep one of them"),
        (HEAD + "- 2028-01-01 A\n", "my.md:7: 2028-01-01 lies outside of 2026-01-01 to 2027-12-31; correct it, or"),
        (
            HEAD.replace("from: 2026-01-01\n", ""),
            "from is missing; say for which days the list holds: from: 2026-01-01",
        ),
        (HEAD.replace("2027-12-31", "2025-12-31"), "my.md:5: until 2025-12-31 is before from 2026-01-01; exchange"),
        (HEAD.replace("2027-12-31", "next year"), "my.md:5: until: 'next year' is not a date; write it as 2026-12-05"),
        (HEAD.replace("until:", "untill:"), "my.md:5: unknown key 'untill'; did you mean 'until'?"),
        (
            HEAD.replace("Europe/Berlin", "Berlin"),
            "zone: there is no time zone 'Berlin'; did you mean 'Europe/Berlin'?",
        ),
        (HEAD.replace("title: My market", "closed: sundays"), "closed is 'sundays'; use one of: weekends, none"),
        ("- 2026-12-24 Christmas Eve\n", "my.md:1: the file has no front matter"),
    ],
)
def test_each_mistake_is_told_with_its_line_and_its_fix(text: str, expected: str) -> None:
    _, findings = read(text)
    assert any(expected in finding for finding in findings), findings


def test_bad_lines_do_not_take_the_good_ones_with_them() -> None:
    calendar, findings = read(HEAD + "- Christmas\n- 2026-12-24 Christmas Eve\n- 2028-01-01 Later\n")
    assert calendar is not None
    assert dict(calendar.closed) == {date(2026, 12, 24): "Christmas Eve"}
    assert len(findings) == 2


def test_wrong_end_is_told_once() -> None:
    _, findings = read(HEAD.replace("2027-12-31", "next year"))
    assert len(findings) == 1


@pytest.mark.parametrize(
    ("days_before_the_end", "verb"), [(61, None), (60, "ends"), (0, "ends"), (-1, "ended"), (-400, "ended")]
)
def test_calendar_that_runs_out_within_sixty_days_is_a_warning_that_names_the_file(
    days_before_the_end: int, verb: str | None
) -> None:
    report = Report("shared-context/calendars/my.md")
    read_calendar("my", HEAD, date(2027, 12, 31) - timedelta(days=days_before_the_end), report)
    assert not report.has_errors
    told = [str(entry.finding) for entry in report.entries]
    assert told == (
        []
        if verb is None
        else [
            f"shared-context/calendars/my.md:5: the calendar {verb} on 2027-12-31; "
            "after that only weekends are closed; "
            "add the days that follow to shared-context/calendars/my.md, and set until to the last day you know"
        ]
    )


def closed_weekdays(name: str) -> dict[date, str]:
    """Return the weekdays that a shipped calendar names; it must have no finding on its first day."""
    path = ROOT / "shared-context" / "calendars" / f"{name}.md"
    report = Report(path.name)
    calendar = read_calendar(name, path.read_text(encoding="utf-8"), TODAY, report)
    assert calendar is not None
    assert report.entries == []
    assert (calendar.first, calendar.last) == (date(2026, 1, 1), date(2028, 12, 31))
    assert calendar.closed_on_weekends
    return {day: why for day, why in calendar.closed.items() if day.weekday() < 5}


def weekdays(days: Collection[date]) -> list[date]:
    return sorted(day for day in days if day.weekday() < 5)


def test_shipped_calendar_of_new_york_has_the_full_closings_of_the_exchange() -> None:
    exchange = financial_holidays("XNYS", years=range(2026, 2029))
    assert closed_weekdays("nyse") == {day: exchange[day] for day in weekdays(exchange)}


def test_shipped_calendar_of_tokyo_has_the_public_holidays_and_the_turn_of_the_year() -> None:
    years = range(2026, 2029)
    turn_of_the_year = {date(year, month, day) for year in years for month, day in ((1, 1), (1, 2), (1, 3), (12, 31))}
    expected = weekdays(country_holidays("JP", years=years).keys() | turn_of_the_year)
    assert sorted(closed_weekdays("tokyo")) == expected
