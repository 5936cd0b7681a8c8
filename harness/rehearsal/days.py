"""What a person's days are made of in the sample world: weather, releases, calendars and to-dos.

Each value is a function of the day's distance from the first rehearsed day.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from harness.collectors.weather import MEASURES
from harness.rehearsal.loopback_server import Answer
from harness.rehearsal.pages import render_story

_JSON, _ICS = "application/json; charset=utf-8", "text/calendar; charset=utf-8"
_HTML = "text/html; charset=utf-8"
_VALUES = ("actual", "forecast", "previous")
RELEASE_PAGES = "/releases/"
_AROUND = timedelta(days=8)
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PLACE = re.compile(r"\{(-?\d+)\}")


@dataclass(frozen=True, slots=True)
class SampleDays:
    """The days around the first rehearsed one, in the home zone."""

    first_day: date
    zone: str
    skies: Sequence[Mapping[str, Any]]
    first_sky: int
    releases: Sequence[Mapping[str, Any]]
    events: Sequence[Mapping[str, Any]]
    todos: str
    pages_url: str

    def forecast(self, query: Mapping[str, str], now: datetime) -> Answer | None:
        """Return the weather of today and tomorrow as Open-Meteo tells it, the same in every place."""
        try:
            today = now.astimezone(ZoneInfo(query.get("timezone", "UTC"))).date()
        except (ZoneInfoNotFoundError, ValueError):
            return _json({"error": True, "reason": "Invalid timezone"}, HTTPStatus.BAD_REQUEST)
        days = [today + timedelta(days=ahead) for ahead in range(2)]
        skies = [self._sky(day) for day in days]
        daily: dict[str, list[Any]] = {"time": [day.isoformat() for day in days]}
        daily["weather_code"] = [sky["code"] for sky in skies]
        daily |= {measure.field: [sky[measure.key] for sky in skies] for measure in MEASURES}
        daily |= {"sunrise": [f"{day}T06:34" for day in days], "sunset": [f"{day}T16:47" for day in days]}
        hours = [
            (day, hour, _temperature(sky, hour)) for day, sky in zip(days, skies, strict=True) for hour in range(24)
        ]
        hourly = {
            "time": [f"{day}T{hour:02}:00" for day, hour, _ in hours],
            "temperature_2m": [temperature for _, _, temperature in hours],
        }
        return _json({"daily": daily, "hourly": hourly})

    def week(self, now: datetime) -> Answer:
        """Return what is released around now as the export of an economic calendar has it."""
        rows = [self._release(one, now) for one in self.releases]
        return _json([row for row in rows if row is not None])

    def release_page(self, path: str, now: datetime) -> Answer | None:
        """Return the page of one release, with what is known of it by now."""
        found = next((one for one in self.releases if path == RELEASE_PAGES + _slug(one)), None)
        row = None if found is None else self._release(found, now)
        if row is None:
            return None
        values = " ".join(f"{key.capitalize()}: {row[key]}." for key in _VALUES if row.get(key))
        at = datetime.fromisoformat(row["date"]).astimezone(UTC)
        return Answer(HTTPStatus.OK, _HTML, render_story("Sample agenda", row["title"], values or "No values.", at))

    def calendar(self, name: str) -> Answer:
        """Return the calendar of this name as an .ics file; one that nobody knows is empty."""
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//sample world//EN", f"X-WR-CALNAME:{name}"]
        for number, event in enumerate(one for one in self.events if one["calendar"] == name):
            lines += ["BEGIN:VEVENT", f"UID:{name}-{number}@sample.test", "DTSTAMP:20260101T000000Z"]
            lines += [*self._event(event), "END:VEVENT"]
        return Answer(HTTPStatus.OK, _ICS, "\r\n".join([*lines, "END:VCALENDAR", ""]).encode())

    def todo_list(self) -> str:
        """Return the task list with its days."""
        return _PLACE.sub(lambda found: str(self.first_day + timedelta(days=int(found[1]))), self.todos)

    def _sky(self, day: date) -> Mapping[str, Any]:
        return self.skies[((day - self.first_day).days - self.first_sky) % len(self.skies)]

    def _release(self, one: Mapping[str, Any], now: datetime) -> Mapping[str, str] | None:
        day = self.first_day + timedelta(days=one["offset"])
        at = datetime.combine(day, time.fromisoformat(one["at"]), ZoneInfo(one["zone"]))
        if day.weekday() >= 5 or abs(at - now) > _AROUND:
            return None
        row = {key: one.get(key, "") for key in ("title", "country", "impact", "forecast", "previous")}
        actual = {"actual": one["actual"]} if "actual" in one and at <= now else {}
        page = f"{self.pages_url}{RELEASE_PAGES}{_slug(one)}"
        return {**row, "date": at.isoformat(), "url": page, **actual}

    def _event(self, event: Mapping[str, Any]) -> Iterator[str]:
        day = self.first_day + timedelta(days=event.get("offset", -7))
        if "on" in event:
            days = event["on"].split(",")
            while _WEEKDAYS[day.weekday()] not in days:
                day += timedelta(days=1)
            yield f"RRULE:FREQ=WEEKLY;BYDAY={event['on']}"
        if event.get("all_day"):
            yield f"DTSTART;VALUE=DATE:{day:%Y%m%d}"
            yield f"DTEND;VALUE=DATE:{day + timedelta(days=event.get('days', 1)):%Y%m%d}"
        else:
            for key, name in (("start", "DTSTART"), ("end", "DTEND")):
                moment = datetime.combine(day, time.fromisoformat(event[key]))
                # Without a zone: the clock at home, wherever that is.
                yield f"{name}:{moment:%Y%m%dT%H%M%S}"
        yield f"SUMMARY:{event['title']}"
        if event.get("location"):
            yield f"LOCATION:{event['location']}"
        if event.get("is_cancelled"):
            yield "STATUS:CANCELLED"


def load_days(first_day: date, zone: str, pages_url: str = "") -> SampleDays:
    """Return the days that are shipped with the package; `pages_url` is where the pages of releases stand."""
    folder = files("harness.rehearsal").joinpath("sample", "days")
    texts = {name: folder.joinpath(name).read_text(encoding="utf-8") for name in _FILES}
    skies = tomllib.loads(texts["skies.toml"])
    return SampleDays(
        first_day=first_day,
        zone=zone,
        skies=skies["day"],
        first_sky=int(skies["first_offset"]),
        releases=tomllib.loads(texts["releases.toml"])["release"],
        events=tomllib.loads(texts["diary.toml"])["event"],
        todos=texts["todos.md"],
        pages_url=pages_url,
    )


_FILES = ("skies.toml", "releases.toml", "diary.toml", "todos.md")


def _slug(release: Mapping[str, Any]) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", f"{release['country']} {release['title']} {release['offset']}".lower()))


def _temperature(sky: Mapping[str, Any], hour: int) -> float:
    """Return the hour's temperature: lowest at six in the morning, highest at three in the afternoon."""
    share = max(0.0, 1 - abs(hour - 15) / 9)
    return round(float(sky["min"] + (sky["max"] - sky["min"]) * share), 1)


def _json(value: Any, status: int = HTTPStatus.OK) -> Answer:
    return Answer(status, _JSON, json.dumps(value, separators=(",", ":")).encode())
