"""What the reminders of an agent said of late: the same words are no reminder a second time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from harness.domain.job import Job
from harness.domain.promised_words import folded, spoken
from harness.store.database import Database
from harness.store.reminders import marks_since

SAME_WORDS_AFTER = timedelta(days=7)
WORDS = "words:"
"""What the mark of a reminder's words begins with, among the addresses of what a job delivered."""


def mark_of_words(text: str) -> str:
    """Return by which mark the words of a reminder are remembered: signs and large letters make no difference."""
    words = "".join(sign if sign.isalnum() else " " for sign in folded(spoken(text)))
    return WORDS + hashlib.sha256(" ".join(words.split()).encode("utf-8", "replace")).hexdigest()[:24]


def days_of_words(database: Database, job: Job, now: datetime) -> Mapping[str, str]:
    """Return the marks of what the agent's reminders said in the last seven days, each with its day in the job's zone.

    Days are counted, and not hours: what was said last Monday may be said on Monday, whatever the minute.
    """
    zone = ZoneInfo(job.zone)
    since = now.astimezone(zone).date() - SAME_WORDS_AFTER
    with database.read() as connection:
        marks = marks_since(connection, job.agent, WORDS, now - SAME_WORDS_AFTER - timedelta(days=1))
    days = {mark: datetime.fromtimestamp(at, UTC).astimezone(zone).date() for mark, at in marks.items()}
    return {mark: day.isoformat() for mark, day in days.items() if day > since}
