from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.schedule import Cron, Every, Once, Schedule
from harness.schedule.grammar import ScheduleError, parse_schedules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("daily 08:00", [Cron("0 8 * * *")]),
        ("Daily 8:05", [Cron("5 8 * * *")]),
        ("weekdays 07:40", [Cron("40 7 * * 1-5")]),
        ("weekends 10:00", [Cron("0 10 * * 0,6")]),
        ("sun 04:00", [Cron("0 4 * * 0")]),
        ("mon,thu 09:30", [Cron("30 9 * * 1,4")]),
        ("mon, thu 09:30", [Cron("30 9 * * 1,4")]),
        ("fri-mon 09:00", [Cron("0 9 * * 5,6,0,1")]),
        ("daily 10:00, 12:00, 16:30", [Cron("0 10 * * *"), Cron("0 12 * * *"), Cron("30 16 * * *")]),
        ("every 30m", [Every(1800)]),
        ("every 90s", [Every(90)]),
        ("every 2s", [Every(2)]),
        ("once 2026-12-01 09:00", [Once(datetime.fromisoformat("2026-12-01 09:00"))]),
        ("at 2026-12-01 09:00", [Once(datetime.fromisoformat("2026-12-01 09:00"))]),
        ("At 2026-12-01T09:00", [Once(datetime.fromisoformat("2026-12-01 09:00"))]),
        ("0 4 * * 7", [Cron("0 4 * * 7")]),
        ("40 7 * * 1-5", [Cron("40 7 * * 1-5")]),
        ("0 9 1,15 jan-mar MON", [Cron("0 9 1,15 jan-mar MON")]),
        ("@daily", [Cron("0 0 * * *")]),
        ("@hourly", [Cron("0 * * * *")]),
        ("@weekly", [Cron("0 0 * * 0")]),
        ("@monthly", [Cron("0 0 1 * *")]),
        ("@yearly", [Cron("0 0 1 1 *")]),
        ("@annually", [Cron("0 0 1 1 *")]),
        ("@midnight", [Cron("0 0 * * *")]),
    ],
)
def test_text_is_read_as_the_schedule_it_stands_for(text: str, expected: list[Schedule]) -> None:
    assert list(parse_schedules(text)) == expected


def test_list_yields_the_schedules_of_each_line_once() -> None:
    schedules = parse_schedules(["daily 08:00", "sun 04:00", "daily 08:00, 20:00"])
    assert schedules == (Cron("0 8 * * *"), Cron("0 4 * * 0"), Cron("0 20 * * *"))


@pytest.mark.parametrize(
    ("text", "problem", "fix"),
    [
        ("61 * * * *", "cron '61 * * * *': minute 61 is out of range", "use 0-59"),
        ("0 25 * * *", "cron '0 25 * * *': hour 25 is out of range", "use 0-23"),
        ("0 0 32 * *", "cron '0 0 32 * *': day of month 32 is out of range", "use 1-31"),
        ("*/5 0 * 13 *", "cron '*/5 0 * 13 *': month 13 is out of range", "use 1-12"),
        ("0 0 30 2 *", "cron '0 0 30 2 *': no date ever fits", "day of month"),
        ("0 0 * * fri-sun", "cannot read day of week 'fri-sun'", "end of the week"),
        ("0 */0 * * *", "cannot read hour '*/0'", "use 0-23"),
        ("* * * * * *", "has 6 fields", "has five"),
        ("* * *", "has 3 fields", "has five"),
        ("@reboot", "'@reboot' is not a schedule", "@hourly"),
        ("daily", "has no time of day", "daily 08:00"),
        ("daily 8am", "has no time of day", "daily 08:00"),
        ("daily 24:00", "24:00 is out of range", "23:59"),
        ("daily 08:00 and 09:00", "'08:00 and 09:00' is not a time", "commas"),
        ("dayly 08:00", "unknown day 'dayly'", "'daily'"),
        ("sunday 04:00", "unknown day 'sunday'", "'sun'"),
        ("12:00", "does not say on which days", "daily 12:00"),
        ("every 30", "'30' is not a duration", "every 30m"),
        ("every", "'' is not a duration", "every 30m"),
        ("every 0m", "out of range", "every 30m"),
        ("every 0s", "out of range", "every 30m"),
        ("at 09:00", "'at 09:00' has no date", "at 2026-12-01 09:00, or daily 09:00"),
        ("once tomorrow", "no such date", "once 2026-12-01 09:00"),
        ("once 2026-02-30 09:00", "no such date", "once 2026-12-01 09:00"),
        ("", "empty", "daily 08:00"),
    ],
)
def test_unusable_text_is_refused_with_the_cause_and_the_fix(text: str, problem: str, fix: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        parse_schedules(text)
    assert problem in caught.value.problem
    assert fix in caught.value.fix


def test_empty_list_is_refused() -> None:
    with pytest.raises(ScheduleError):
        parse_schedules([])


@given(st.text(max_size=40) | st.from_regex(r"[a-z]{0,8}[ ,\-*/0-9:]{0,20}", fullmatch=True))
def test_any_text_is_either_a_schedule_or_refused_in_words(text: str) -> None:
    try:
        assert parse_schedules(text)
    except ScheduleError as error:
        assert error.problem
        assert error.fix
