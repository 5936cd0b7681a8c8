"""When a job is due, as plain values; the grammar that people write lives in `harness.schedule.grammar`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Cron:
    """A standard five-field crontab expression, read in the job's time zone."""

    expression: str


@dataclass(frozen=True, slots=True)
class Every:
    """Every `period_s` seconds, anchored to the Unix epoch: restarts neither starve nor drift it."""

    period_s: int


@dataclass(frozen=True, slots=True)
class Once:
    """One time only, at a wall-clock time (naive) in the job's time zone."""

    at: datetime


Schedule = Cron | Every | Once


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What happens to slots that passed while nobody was there to fire them.

    `latest` runs the newest missed slot that is at most `within_s` seconds old, `all` every such slot,
    `none` no slot; every slot that is not run gets its row as missed. A slot at most `grace_s` seconds old
    is on time and was not missed at all.
    """

    run: Literal["latest", "all", "none"] = "latest"
    within_s: int = 3 * 3600
    grace_s: int = 60


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local times of day, in minutes after midnight; `start` may be later than `end` (over midnight).

    `zone` is the IANA zone in which they are read; None means the job's, and for the team's hours the home
    zone.
    """

    start_minute: int
    end_minute: int
    zone: str | None = None

    def include(self, wall: datetime) -> bool:
        """Say whether they hold at this wall-clock time. Hours that start when they end never hold."""
        minute = wall.hour * 60 + wall.minute
        if self.start_minute <= self.end_minute:
            return self.start_minute <= minute < self.end_minute
        return minute >= self.start_minute or minute < self.end_minute

    def __str__(self) -> str:
        times = (self.start_minute, self.end_minute)
        return "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in times)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which something is closed, from one file in `shared-context/calendars/`.

    `closed` maps a local date to what it is called; with `closed_on_weekends` Saturdays and Sundays are
    closed as well. The file knows the days from `first` to `last`; outside of them nothing is known, and
    only the weekends count. `zone` is the IANA zone in which its days begin and end; None means the job's.
    """

    name: str
    title: str
    closed: Mapping[date, str]
    first: date
    last: date
    closed_on_weekends: bool = True
    zone: str | None = None

    def why_closed(self, day: date) -> str | None:
        """Return what the day is called on which this is closed, or None if it is open."""
        if day in self.closed:
            return self.closed[day]
        if self.closed_on_weekends and day.weekday() >= 5:
            return "Saturday" if day.weekday() == 5 else "Sunday"
        return None
