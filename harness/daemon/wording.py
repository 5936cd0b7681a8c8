"""Moments in words for the person; standard library only."""

from __future__ import annotations

from datetime import datetime

from harness.domain.moments import local_time as local_time
from harness.schedule.catchup import duration_in_words


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago the moment was: `2 h 3 min ago`; a moment to come is `in 5 min`."""
    seconds = (now - moment).total_seconds()
    return f"{duration_in_words(seconds)} ago" if seconds >= 0 else f"in {duration_in_words(-seconds)}"


def when(moment: datetime, zone: str, now: datetime) -> str:
    """Return the clock time in the zone and how far away it is: `07:15 (2 h 3 min ago)`."""
    return f"{local_time(moment, zone, now)} ({ago(moment, now)})"
