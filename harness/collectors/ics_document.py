"""Calendars in the iCalendar format, reduced to the events of a few days. Runs in the parser's worker only.

The libraries are imported when the first calendar is read: whoever reads feeds does without them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from harness.collectors.sniff import looks_like_html
from harness.gate.sanitise import one_line

_MAX_TEXT_CHARS = 200
_NO_SUMMARY = "(no title)"
_BEGINS, _ENDS = re.compile(rb"^BEGIN:VCALENDAR", re.MULTILINE | re.IGNORECASE), b"END:VCALENDAR"


def read_ics(body: bytes, *, zone: str, first: str, days: int, max_events: int) -> dict[str, Any]:
    """Return `{title, events, notes}` of the `days` days from `first` (an ISO date) on, or `{problem}`.

    An event is `{uid, title, start, end, is_all_day, location}`: ISO moments in `zone`, or ISO dates with the last
    day of it as `end`. Repetitions are spelled out, with their exceptions; what is cancelled is left out. A time
    without a zone is one of `zone`. `notes` say what is wrong although events could be read.
    """
    if looks_like_html(body):
        return {"problem": "is a web page, not a calendar"}
    if not _BEGINS.search(body.lstrip(b"\xef\xbb\xbf \r\n")):
        return {"problem": "is not a calendar: it does not begin with BEGIN:VCALENDAR"}
    if not body.rstrip().upper().endswith(_ENDS):
        return {"problem": "is cut off: it does not end with END:VCALENDAR"}
    calendars = _calendars(body)
    if not calendars:
        return {"problem": "cannot be read as a calendar"}
    local, begin = ZoneInfo(zone), date.fromisoformat(first)
    notes: list[str] = []
    events = [event for calendar in calendars for event in _events(calendar, local, begin, days, notes)]
    events.sort(key=lambda event: (event["start"][:10], not event["is_all_day"], event["start"], event["title"]))
    if len(events) > max_events:
        notes.append(f"has {len(events)} events in {days} days; the first {max_events} are shown")
    title = next((_text(calendar.get("X-WR-CALNAME")) for calendar in calendars), "")
    return {"title": title, "events": events[:max_events], "notes": notes}


def _calendars(body: bytes) -> list[Any]:
    from icalendar import Calendar

    try:
        return list(Calendar.from_ical(body, multiple=True))
    except ValueError:
        return []


def _events(calendar: Any, zone: ZoneInfo, first: date, days: int, notes: list[str]) -> Iterator[dict[str, Any]]:
    _leave_out_endless(calendar, notes)
    begin = datetime.combine(first, time(), zone)
    end = datetime.combine(first + timedelta(days=days), time(), zone)
    found = _occurrences(calendar, begin, end, notes)
    if not notes and any(component.errors for component in calendar.walk("VEVENT")):
        notes.append("holds lines that cannot be understood and are left out")
    for component in found:
        if str(component.get("STATUS", "")).strip().upper() == "CANCELLED":
            continue
        event = _event(component, zone)
        if event is not None and _is_within(event, first, days):
            yield event


def _occurrences(calendar: Any, begin: datetime, end: datetime, notes: list[str]) -> list[Any]:
    """Return what happens between the two, each series by itself where one of them makes no sense."""
    import recurring_ical_events

    try:
        return list(recurring_ical_events.of(calendar).between(begin, end))
    except Exception as error:  # noqa: BLE001 - one series that makes no sense must not hide the others
        notes.append(f"holds events that cannot be understood and are left out ({type(error).__name__})")
    series: dict[str, list[Any]] = {}
    for number, event in enumerate(calendar.walk("VEVENT")):
        series.setdefault(str(event.get("UID", number)), []).append(event)
    found: list[Any] = []
    for events in series.values():
        alone = calendar.copy()
        alone.subcomponents = events
        try:
            found += recurring_ical_events.of(alone).between(begin, end)
        except Exception:  # noqa: BLE001, S112 - one of those that the note tells of
            continue
    return found


def _leave_out_endless(calendar: Any, notes: list[str]) -> None:
    """Take out events that come every second or make no step at all: anybody may invite to one, and counting its
    repetitions would take the time that is there for all others."""
    kept = [component for component in calendar.subcomponents if not _is_endless(component)]
    if len(kept) < len(calendar.subcomponents):
        notes.append("holds events without an end to their repetitions, which are left out")
        calendar.subcomponents = kept


def _is_endless(component: Any) -> bool:
    rules = component.get("RRULE") or ()
    return any(
        "SECONDLY" in map(str.upper, map(str, rule.get("FREQ", ())))
        or any(not isinstance(step, int) or step < 1 for step in rule.get("INTERVAL", ()))
        for rule in (rules if isinstance(rules, list) else [rules])
        if isinstance(rule, dict)
    )


def _event(component: Any, zone: ZoneInfo) -> dict[str, Any] | None:
    start, end = component.start, component.end
    if isinstance(start, datetime):
        until = end if isinstance(end, datetime) else start
        begins, ends = _local(start, zone).isoformat(), max(_local(start, zone), _local(until, zone)).isoformat()
    elif isinstance(start, date):
        # The end that is written is the day after the last one.
        last = max(start, _as_date(end) - timedelta(days=1)) if isinstance(end, date) else start
        begins, ends = start.isoformat(), last.isoformat()
    else:
        return None
    return {
        "uid": _text(component.get("UID")),
        "title": _text(component.get("SUMMARY")) or _NO_SUMMARY,
        "start": begins,
        "end": ends,
        "is_all_day": not isinstance(start, datetime),
        "location": _text(component.get("LOCATION")),
    }


def _is_within(event: dict[str, Any], first: date, days: int) -> bool:
    """Say whether the event touches one of the days: one that ends at midnight does not touch the day after."""
    starts, ends = date.fromisoformat(event["start"][:10]), date.fromisoformat(event["end"][:10])
    if not event["is_all_day"] and event["end"][11:19] == "00:00:00" and ends > starts:
        ends -= timedelta(days=1)
    return starts < first + timedelta(days=days) and ends >= first


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def _as_date(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    return one_line(str(value))[:_MAX_TEXT_CHARS].strip() if value is not None else ""
