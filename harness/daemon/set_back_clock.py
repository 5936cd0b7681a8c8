"""A clock that was set back: the ledger is ahead of it, and nothing would be fired until it has caught up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from harness.daemon.wording import local_time
from harness.ports import Incidents

CAUSE = "clock"
TOLERANCE = timedelta(minutes=2)
"""The clocks of several machines differ by less."""


def clock_problem(now: datetime, written_at: datetime | None, zone: str) -> str | None:
    """Return what to tell the person if the ledger was written later than `now`; None if all is well."""
    if written_at is None or written_at - now <= TOLERANCE:
        return None
    clock, ledger = local_time(now, zone, written_at), local_time(written_at, zone, now)
    return (
        f"the clock stands at {clock}, the ledger was last written at {ledger}: nothing fires before the clock has"
        " caught up; if the clock is wrong, set it right"
    )


class ClockCheck:
    """Keeps one incident for as long as the clock is behind the ledger, which was last `written_at`."""

    def __init__(self, written_at: Callable[[], datetime | None], incidents: Incidents) -> None:
        self._written_at = written_at
        self._incidents = incidents
        self._told: bool | None = None
        """None until the first look: an earlier life may have left the incident open."""

    def look(self, now: datetime, zone: str) -> None:
        """Open the incident, or close it."""
        problem = clock_problem(now, self._written_at(), zone)
        if problem is not None and not self._told:
            self._incidents.open(CAUSE, problem)
        if problem is None and self._told is not False:
            self._incidents.resolve(CAUSE)
        self._told = problem is not None
