from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from harness.domain.schedule import QuietHours
from harness.workspace.quantities import (
    BadValue,
    parse_bytes,
    parse_date,
    parse_duration,
    parse_money_per_day,
    parse_money_per_run,
    parse_quiet_hours,
)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("15m", 900), ("3h", 10_800), ("14d", 1_209_600)])
def test_durations_become_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


def test_amounts_sizes_and_hours_are_read() -> None:
    assert parse_money_per_run("$0.15") == 0.15
    assert parse_money_per_day("$5/day") == 5.0
    assert parse_money_per_day("$1.50 / day") == 1.5
    assert parse_bytes("5MB") == 5_000_000
    assert parse_bytes("500 kb") == 500_000
    assert parse_quiet_hours("23:00-07:30") == QuietHours(1380, 450)
    assert parse_date("2026-12-05") == parse_date(date(2026, 12, 5)) == date(2026, 12, 5)
    assert parse_duration("730d", longest_days=730) == 730 * 86_400


@pytest.mark.parametrize(
    ("parse", "value", "problem", "fix"),
    [
        (parse_duration, 15, "15 has no unit", "15m"),
        (parse_duration, "15", "'15' is not a duration", "15m"),
        (parse_duration, True, "True is not a duration", "15m"),
        (parse_duration, "0s", "out of range", "1s"),
        (parse_duration, "-5m", "is not a duration", "15m"),
        (parse_money_per_run, "0.15", "not an amount of money", "$0.15"),
        (parse_money_per_run, 0.15, "not an amount of money", "$0.15"),
        (parse_money_per_run, "$1/day", "is per day", "one run"),
        (parse_money_per_day, "$5", "for how long", "$5/day"),
        (parse_bytes, "5", "not a size", "5MB"),
        (parse_bytes, "0MB", "not a size", "5MB"),
        (parse_duration, "367d", "out of range", "1s to 366d"),
        (parse_date, "2026-13-01", "no day '2026-13-01'", "month"),
        (parse_date, "5 December", "not a date", "2026-12-05"),
        (parse_date, "20261205", "not a date", "2026-12-05"),
        (parse_date, datetime(2026, 12, 5, tzinfo=UTC), "not a date", "2026-12-05"),
        (parse_quiet_hours, "23:00", "not a span", "23:00-07:00"),
        (parse_quiet_hours, "23:00-24:00", "out of range", "23:59"),
    ],
)
def test_unusable_values_are_refused_with_the_cause_and_the_fix(
    parse: Callable[[object], object], value: object, problem: str, fix: str
) -> None:
    with pytest.raises(BadValue) as caught:
        parse(value)
    assert problem in caught.value.problem
    assert fix in caught.value.fix
