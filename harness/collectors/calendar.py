"""The person's calendars, files and addresses: what today and tomorrow hold.

Their addresses are as secret as passwords. No gap, record or log names one: a calendar is known by its name.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from harness.collectors.context import CollectContext
from harness.collectors.deadline import finish
from harness.collectors.document import fetch_document, record_answer
from harness.collectors.fetch import gap_of_fault
from harness.collectors.parse import ParsedEvent
from harness.domain.daily_life import PersonalCalendar
from harness.domain.errors import HarnessError
from harness.domain.source import Collected, Gap, Item
from harness.workspace.whereabouts import person_zone

DAYS = 2
MAX_EVENTS = 60
_SETTING = 'name one under [calendars] in harness.toml, such as home = "calendars/home.ics"'
_HIDDEN = "[address]"


@dataclass(frozen=True, slots=True)
class Appointment:
    """One event of one of the person's calendars."""

    calendar: str
    event: ParsedEvent

    def is_on(self, day: date) -> bool:
        """Say whether it touches the day."""
        ends = self.event.end
        if not self.event.is_all_day and ends > self.event.start:
            ends -= timedelta(microseconds=1)
        return self.event.start.date() <= day <= ends.date()

    def when(self, day: date) -> str:
        """Return its hours of that day: `09:00–10:00`, `until 11:00`, `from 22:00`, `all day`."""
        starts, ends = self.event.start, self.event.end
        if self.event.is_all_day or (starts.date() < day < ends.date()):
            return "all day"
        if starts.date() < day:
            return f"until {ends:%H:%M}"
        if ends.date() > day and ends - starts > timedelta(hours=12):
            return f"from {starts:%H:%M}"
        return f"{starts:%H:%M}" if ends == starts else f"{starts:%H:%M}–{ends:%H:%M}"


async def collect_calendars(read: str, context: CollectContext) -> Collected:
    """Return the events of today and tomorrow, by the clock where the person is; `calendar/NAME` is one calendar's."""
    settings = context.workspace.settings
    name = read.partition("/")[2]
    chosen = [one for one in settings.calendars if not name or one.name == name]
    if not chosen:
        why = f"there is no calendar {name!r}: {_SETTING}" if name else f"no calendar is known: {_SETTING}"
        return Collected(read, gaps=(Gap("calendar", why),))
    zone = ZoneInfo(person_zone(settings, context.now))
    today = context.now.astimezone(zone).date()
    results = await asyncio.gather(*(_read_in_time(one, zone, today, context) for one in chosen))
    appointments = [one for found, _ in results for one in found]
    appointments.sort(key=lambda one: (one.event.start.date(), not one.event.is_all_day, one.event.start))
    gaps = tuple(gap for _, gaps in results for gap in gaps)
    is_known = len([gaps for _, gaps in results if not gaps]) > 0 or bool(appointments)
    return Collected(
        read,
        items=tuple(_item(one, today) for one in appointments),
        gaps=gaps,
        text=_in_words(appointments, today, shows_names=len(chosen) > 1) if is_known else "",
    )


async def _read_in_time(
    calendar: PersonalCalendar, zone: ZoneInfo, today: date, context: CollectContext
) -> tuple[tuple[Appointment, ...], tuple[Gap, ...]]:
    label = f"calendar {calendar.name}"

    async def guarded() -> tuple[tuple[Appointment, ...], tuple[Gap, ...]]:
        try:
            return await _read(calendar, label, zone, today, context)
        except HarnessError:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary of a calendar: whatever breaks, the others go on
            # Its words are left out: they may hold the address. Where it broke stays.
            nameless = type(type(error).__name__, (Exception,), {})().with_traceback(error.__traceback__)
            return (), (gap_of_fault(label, nameless, context),)

    result = await finish(guarded(), context.deadline)
    if result is None:
        assert context.deadline is not None, "nothing else ends it early"
        return (), (context.deadline.gap(label),)
    return result


async def _read(
    calendar: PersonalCalendar, label: str, zone: ZoneInfo, today: date, context: CollectContext
) -> tuple[tuple[Appointment, ...], tuple[Gap, ...]]:
    body = await _fetch(calendar, context)
    if isinstance(body, bytes):
        parsed = await context.parser.read_calendar(body, zone=zone.key, first=today, days=DAYS, max_events=MAX_EVENTS)
        problems = (parsed.problem,) if parsed.problem else parsed.notes
        events = parsed.events
    else:
        problems, events = (hide_address(body, calendar.place) if "://" in calendar.place else body,), ()
    await record_answer(label, "" if events else "; ".join(problems), context)
    return tuple(Appointment(calendar.name, event) for event in events), tuple(Gap(label, p) for p in problems)


async def _fetch(calendar: PersonalCalendar, context: CollectContext) -> bytes | str:
    """Return the calendar's bytes, or why there are none."""
    if "://" not in calendar.place:
        return await asyncio.to_thread(_read_file, context.workspace.root, calendar.place, context.limits.max_bytes)
    url = re.sub(r"^webcal:", "https:", calendar.place)
    answer = await fetch_document(url, context)
    return answer if isinstance(answer, str) else answer.body


def hide_address(words: str, address: str) -> str:
    """Return the words without the address and without any part of it that could let somebody in."""
    hidden = {address, address.replace("webcal:", "https:", 1)}
    try:
        parts = urlsplit(address)
        hidden |= {parts.path, parts.query, parts.netloc if parts.username else "", *parts.path.split("/")}
    except ValueError:
        return _HIDDEN
    for part in sorted(hidden, key=len, reverse=True):
        words = words.replace(part, _HIDDEN) if len(part) > 3 else words
    return words


def _read_file(root: Path, name: str, max_bytes: int) -> bytes | str:
    path = root / name
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            return "lies outside of the workspace"
        # Opened without waiting: a pipe in its place would never answer.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return f"{name} is no file"
            body = file.read(max_bytes + 1)
    except FileNotFoundError:
        return f"there is no file {name}"
    except OSError as error:
        return f"{name} cannot be read ({error.strerror})"
    return body if len(body) <= max_bytes else f"{name} is larger than {max_bytes / 1_000_000:g} MB"


def _item(one: Appointment, today: date) -> Item:
    """Return the event as an item. Its address names no place on the web, and changes when the event does."""
    day = max(one.event.start.date(), today)
    identity = "\0".join((one.calendar, one.event.uid, one.event.start.isoformat(), one.event.title))
    key = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    when = f"{_day_name(day)}, {one.when(day)}"
    return Item(
        title=f"{one.event.title} ({when})",
        url=f"calendar/{one.calendar}?event={key}",
        source=f"calendar {one.calendar}",
        summary=", ".join(filter(None, (when, one.event.location))),
    )


def _in_words(appointments: Sequence[Appointment], today: date, *, shows_names: bool) -> str:
    blocks = []
    for number, word in enumerate(("Today", "Tomorrow")):
        day = today + timedelta(days=number)
        lines = [_line(one, day, shows_names) for one in _in_order(appointments, day)]
        title = f"{word}, {_day_name(day)}"
        blocks.append("\n".join([f"{title}:", *lines]) if lines else f"{title}: nothing in the calendar.")
    return "\n\n".join(blocks)


def _in_order(appointments: Iterable[Appointment], day: date) -> list[Appointment]:
    def begins(one: Appointment) -> tuple[bool, datetime]:
        return not one.event.is_all_day, one.event.start

    return sorted((one for one in appointments if one.is_on(day)), key=begins)


def _line(one: Appointment, day: date, shows_names: bool) -> str:
    place = f", {one.event.location}" if one.event.location else ""
    name = f" ({one.calendar})" if shows_names else ""
    return f"- {one.when(day)} {one.event.title}{place}{name}"


def _day_name(day: date) -> str:
    return f"{day:%A} {day.day} {day:%B}"
