"""Which sessions have ended by now, so that a price that is too old is noticed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from harness.domain.market import EVERY_DAY
from harness.domain.schedule import Calendar

_SETTLED_AT = time(16, 30)
"""By the clock of its exchange, when a session's close is known to whoever is quick."""

_LONGEST_CLOSURE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Sessions:
    """The sessions of one symbol: by the calendar of its exchange, or, without one, by the days of the week."""

    calendar: Calendar | None
    is_every_day: bool

    @classmethod
    def of(cls, name: str, calendars: Mapping[str, Calendar]) -> Sessions:
        """Return the sessions that the calendar of this name knows; one that is not there counts as weekdays."""
        return cls(calendars.get(name), name == EVERY_DAY)

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which its days begin and end."""
        return ZoneInfo((self.calendar.zone if self.calendar else None) or "UTC")

    def is_open_on(self, day: date) -> bool:
        """Say whether there is a session on the day."""
        if self.calendar is not None:
            return self.calendar.why_closed(day) is None
        return self.is_every_day or day.weekday() < 5

    def last_ended(self, now: datetime, *, lag_sessions: int = 0) -> date:
        """Return the day of the last session that has ended at `now` (aware), or of the one so many before it."""
        local = now.astimezone(self.zone)
        day = local.date()
        # Without a calendar nobody knows when a day's trading ends but that it has with the day.
        is_over = self.calendar is not None and local.time() >= _SETTLED_AT
        if not is_over:
            day -= timedelta(days=1)
        for _ in range(lag_sessions):
            day = self._open_on_or_before(day) - timedelta(days=1)
        return self._open_on_or_before(day)

    def is_running(self, day: date, now: datetime) -> bool:
        """Say whether the session of the day has begun and not ended at `now`."""
        return day > self.last_ended(now)

    def close_of(self, day: date, now: datetime) -> datetime:
        """Return the moment (aware UTC) of which a value of that day is: its end, or now while it runs."""
        end = time(16) if self.calendar is not None else time(23, 59)
        return min(datetime.combine(day, end, self.zone), now).astimezone(UTC)

    def _open_on_or_before(self, day: date) -> date:
        days = (day - timedelta(days=back) for back in range(_LONGEST_CLOSURE_DAYS))
        return next((one for one in days if self.is_open_on(one)), day)
