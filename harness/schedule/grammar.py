"""The words in which people write when a job is due."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from harness.domain.schedule import Cron, Every, Once, Schedule
from harness.workspace.quantities import BadValue, parse_duration

FORMS = (
    'daily 08:00, weekdays 07:40, sun 04:00, every 30m, once 2026-12-01 09:00, or crontab text such as "40 7 * * 1-5"'
)

_DAY_WORDS = {"daily": "*", "weekdays": "1-5", "weekends": "0,6"}
_DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_FIELDS = (
    ("minute", 0, 59, ""),
    ("hour", 0, 23, ""),
    ("day of month", 1, 31, ""),
    ("month", 1, 12, ", jan to dec"),
    ("day of week", 0, 7, ", sun to sat (a range does not run over the end of the week)"),
)


class ScheduleError(ValueError):
    """A schedule cannot be read: what is wrong with it, and how to fix it."""

    def __init__(self, problem: str, fix: str) -> None:
        self.problem = problem
        self.fix = fix
        super().__init__(f"{problem}; {fix}")


def parse_schedules(text: str | list[str]) -> tuple[Schedule, ...]:
    """Return the schedules that the text, or each text of the list, stands for, without duplicates.

    A line with several times (`daily 10:00, 12:00`) yields one schedule for each. Raises ScheduleError.
    """
    lines = [text] if isinstance(text, str) else text
    found = dict.fromkeys(schedule for line in lines for schedule in _parse_line(line))
    if not found:
        raise ScheduleError("the schedule is empty", f"write {FORMS}")
    return tuple(found)


def _parse_line(line: str) -> Sequence[Schedule]:
    words = line.split()
    if not words:
        raise ScheduleError("the schedule is empty", f"write {FORMS}")
    first = words[0].lower()
    rest = " ".join(words[1:])
    named: dict[str, Callable[[str, str], Sequence[Schedule]]] = {
        "every": _parse_every,
        "once": _parse_once,
        "at": _parse_once,
    }
    if first in named:
        return named[first](line, rest)
    if first.startswith("@"):
        return [_parse_macro(line, first)]
    if len(words) == 5 and not _TIME.search(line):
        return [_parse_cron(line, words)]
    if re.search(r"[0-9*/]", first):
        raise _unreadable_line(line, words)
    return _parse_days(line, words)


def _parse_every(line: str, rest: str) -> Sequence[Schedule]:
    try:
        return [Every(parse_duration(rest))]
    except BadValue as error:
        raise ScheduleError(f"{line!r}: {error.problem}", "write it as every 30m, every 2h or every 1d") from error


def _parse_once(line: str, rest: str) -> Sequence[Schedule]:
    try:
        return [Once(datetime.strptime(rest.replace("T", " "), "%Y-%m-%d %H:%M"))]  # noqa: DTZ007 the job's zone is not known here
    except ValueError as error:
        example = f"{line.split()[0].lower()} 2026-12-01 09:00"
        if _TIME.fullmatch(rest):
            raise ScheduleError(f"{line!r} has no date", f"write {example}, or daily {rest}") from error
        raise ScheduleError(f"{line!r}: no such date and time", f"write it as {example}") from error


def _parse_macro(line: str, word: str) -> Cron:
    if word in _MACROS and len(line.split()) == 1:
        return Cron(_MACROS[word])
    raise ScheduleError(f"{line!r} is not a schedule", f"use one of {', '.join(_MACROS)}")


def _parse_days(line: str, words: list[str]) -> Sequence[Schedule]:
    # "mon, thu 9:30" and "daily 10:00, 12:00": the days are what stands before the first time.
    match = _TIME.search(line)
    if match is None:
        fix = f"did you mean {_closest_word(words[0])!r}?" if _closest_word(words[0]) else f"write {FORMS}"
        if words[0].lower().rstrip(",") in (*_DAY_WORDS, *_DAY_NAMES):
            fix = f"write the time as {words[0]} 08:00"
        raise ScheduleError(f"{line!r} has no time of day", fix)
    days = _parse_day_list(line, line[: match.start()].strip())
    times = [part.strip() for part in line[match.start() :].split(",")]
    return [Cron(f"{minute} {hour} * * {days}") for hour, minute in (_parse_time(line, time) for time in times)]


def _parse_day_list(line: str, days: str) -> str:
    if days.lower() in _DAY_WORDS:
        return _DAY_WORDS[days.lower()]
    return ",".join(_parse_day_span(line, span.strip()) for span in days.split(","))


def _parse_day_span(line: str, span: str) -> str:
    names = [name.strip().lower() for name in span.split("-")]
    unknown = next((name for name in names if name not in _DAY_NAMES), None)
    if unknown is not None or len(names) > 2:
        closest = _closest_word(unknown or span)
        fix = f"did you mean {closest!r}?" if closest else f"use {', '.join(_DAY_NAMES)}, or {', '.join(_DAY_WORDS)}"
        raise ScheduleError(f"{line!r}: unknown day {unknown or span!r}", fix)
    numbers = [_DAY_NAMES.index(name) for name in names]
    if len(numbers) == 1:
        return str(numbers[0])
    # fri-mon runs over the end of the week, which a crontab range cannot say.
    length = (numbers[1] - numbers[0]) % 7 + 1
    return ",".join(str((numbers[0] + day) % 7) for day in range(length))


def _parse_time(line: str, time: str) -> tuple[int, int]:
    match = _TIME.fullmatch(time)
    if match is None:
        raise ScheduleError(f"{line!r}: {time!r} is not a time", "write times as 08:00, with commas between them")
    hour, minute = int(match[1]), int(match[2])
    if hour > 23 or minute > 59:
        raise ScheduleError(f"{line!r}: {time} is out of range", "use 00:00 to 23:59")
    return hour, minute


def _parse_cron(line: str, words: list[str]) -> Cron:
    expression = " ".join(words)
    try:
        next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        raise _cron_problem(expression) from error
    return Cron(expression)


def _cron_problem(expression: str) -> ScheduleError:
    """Return what is wrong with a crontab expression that cronsim refused, in words."""
    for position, ((name, low, high, names), written) in enumerate(zip(_FIELDS, expression.split(), strict=True)):
        alone = ["*"] * 5
        alone[position] = written
        try:
            CronSim(" ".join(alone), datetime(2024, 1, 1, tzinfo=UTC))
        except CronSimError:
            bare = re.sub(r"/\d+", "", written)
            outside = next((n for n in re.findall(r"\d+", bare) if not low <= int(n) <= high), None)
            if outside is not None:
                return ScheduleError(f"cron {expression!r}: {name} {outside} is out of range", f"use {low}-{high}")
            return ScheduleError(
                f"cron {expression!r}: cannot read {name} {written!r}", f"use {low}-{high}{names}, * or */n"
            )
    return ScheduleError(f"cron {expression!r}: no date ever fits", "correct the day of month or the month")


def _unreadable_line(line: str, words: list[str]) -> ScheduleError:
    if _TIME.match(words[0]):
        return ScheduleError(f"{line!r} does not say on which days", f"write daily {line.strip()}")
    return ScheduleError(f"{line!r} has {len(words)} fields", "crontab text has five: minute hour day month weekday")


def _closest_word(word: str) -> str | None:
    known = ["every", "once", "at", *_DAY_WORDS, *_DAY_NAMES]
    cleaned = word.lower().strip(",")
    if cleaned[:3] in _DAY_NAMES and cleaned.endswith("day"):
        return cleaned[:3]
    return next(iter(difflib.get_close_matches(cleaned, known, n=1)), None)
