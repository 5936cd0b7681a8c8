"""The small texts that people write for durations, money, sizes and times of day."""

from __future__ import annotations

import re
from datetime import date, datetime

from harness.domain.schedule import QuietHours

_DURATION = re.compile(r"(\d+)\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_MONEY = re.compile(r"\$(\d+(?:\.\d+)?)(/day)?")
_BYTES = re.compile(r"(\d+)\s*(B|KB|MB|GB)", re.IGNORECASE)
_BYTE_UNITS = {"B": 1, "KB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_LONGEST_DAYS = 366


class BadValue(ValueError):
    """A value that a person wrote cannot be used: what is wrong with it, and how to fix it."""

    def __init__(self, problem: str, fix: str) -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}; {fix}")


def parse_duration(value: object, longest_days: int = _LONGEST_DAYS) -> int:
    """Return the seconds of `30s`, `15m`, `3h` or `14d`.

    Raises BadValue; zero and over `longest_days` are refused.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        problem = f"{value} has no unit" if number else f"{_shown(value)} is not a duration"
        raise BadValue(problem, "write a whole number with s, m, h or d, such as 15m")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if not 1 <= seconds <= longest_days * 86_400:
        raise BadValue(f"{_shown(value)} is out of range", f"use 1s to {longest_days}d")
    return seconds


def parse_date(value: object) -> date:
    """Return the day of `2026-12-05`, also where TOML has read it as a date already. Raises BadValue."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        if isinstance(value, str) and _DATE.fullmatch(value.strip()):
            return date.fromisoformat(value.strip())
    except ValueError as error:
        raise BadValue(f"there is no day {_shown(value)}", "correct the month or the day") from error
    raise BadValue(f"{_shown(value)} is not a date", "write it as 2026-12-05")


def parse_money_per_run(value: object) -> float:
    """Return the US dollars of `$0.15`. Raises BadValue."""
    dollars, is_per_day = _money(value, "$0.15")
    if is_per_day:
        raise BadValue(f"{_shown(value)} is per day", "this budget is for one run: write it as $0.15")
    return dollars


def parse_money_per_day(value: object) -> float:
    """Return the US dollars of `$5/day`. Raises BadValue."""
    dollars, is_per_day = _money(value, "$5/day")
    if not is_per_day:
        raise BadValue(f"{_shown(value)} does not say for how long", f'write "${dollars:g}/day"')
    return dollars


def parse_percent(value: object) -> float:
    """Return the number of `60%`. Raises BadValue."""
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadValue(f"{_shown(value)} is not a share of a hundred", "write it with its sign, such as 40%")
    if float(match[1]) > 100:
        raise BadValue(f"{_shown(value)} is out of range", "use 0% to 100%")
    return float(match[1])


def parse_bytes(value: object) -> int:
    """Return the bytes of `500KB`, `5MB` or `1GB` (powers of 1000). Raises BadValue."""
    match = _BYTES.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) == 0:
        raise BadValue(f"{_shown(value)} is not a size", 'write a whole number with KB, MB or GB, such as "5MB"')
    return int(match[1]) * _BYTE_UNITS[match[2].upper()]


def parse_quiet_hours(value: object) -> QuietHours:
    """Return the two times of day of `23:00-07:00`. Raises BadValue."""
    match = _HOURS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadValue(f"{_shown(value)} is not a span of hours", 'write it as "23:00-07:00"')
    hours_and_minutes = [int(part) for part in match.groups()]
    if max(hours_and_minutes[::2]) > 23 or max(hours_and_minutes[1::2]) > 59:
        raise BadValue(f"{_shown(value)} is out of range", "use times from 00:00 to 23:59")
    start_hour, start_minute, end_hour, end_minute = hours_and_minutes
    return QuietHours(start_hour * 60 + start_minute, end_hour * 60 + end_minute)


def _money(value: object, example: str) -> tuple[float, bool]:
    match = _MONEY.fullmatch(value.strip().replace(" ", "")) if isinstance(value, str) else None
    if match is None:
        raise BadValue(f"{_shown(value)} is not an amount of money", f'write US dollars, such as "{example}"')
    return float(match[1]), match[2] is not None


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)
