"""The accounted line: what the team had to do that day so far, and what became of every bit of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from harness.domain.moments import day_start
from harness.domain.run import FireState
from harness.store.day_counts import Became, planned_fires

NOBODY_THERE = "asleep"
"""Why a slot passed without a run: the machine slept, or no daemon was up."""

_AT_WORK = (FireState.PLANNED, FireState.RUNNING)
_WORDS = {FireState.SUSPENDED: "waiting"}
_ORDER = (
    FireState.DELIVERED, FireState.SILENT, FireState.DEGRADED, FireState.FAILED, FireState.MISSED, FireState.SKIPPED,
    FireState.CANCELLED, FireState.RUNNING, FireState.SUSPENDED,
)  # fmt: skip
_EXPLAINED = (FireState.FAILED, FireState.MISSED)
_LATE = re.compile(r"\d+ (?:d|h|min|s)\b.* late\b")
_MOST_CAUSES = 3
_CAUSE_CHARS = 40


def accounted_until(connection: Connection, until: datetime, zone: str) -> str:
    """Return the line of the zone's day up to the minute of `until`, which is not counted itself.

    What is due in that same minute is about to begin: it would stand there as at work, or not, by chance.
    """
    minute = until.replace(second=0, microsecond=0)
    return accounted(planned_fires(connection, day_start(until, zone), minute))


def accounted(fires: Sequence[Became]) -> str:
    """Return `55 planned: 51 delivered, 3 silent, 1 missed (asleep)`: the counts add up to the first number."""
    counts = Counter(FireState.RUNNING if one.state in _AT_WORK else one.state for one in fires)
    parts = [f"{counts[state]} {_name(state)}{_causes(state, fires)}" for state in _ORDER if counts[state]]
    return f"{len(fires)} planned: {', '.join(parts)}" if parts else "nothing was planned yet"


def short_cause(reason: str) -> str:
    """Return why in a few words: what the reason begins with, without what follows from it."""
    if _LATE.match(reason):
        return NOBODY_THERE
    first = re.split(r"; |: ", " ".join(reason.split()), maxsplit=1)[0]
    if len(first) <= _CAUSE_CHARS:
        return first
    return first[: _CAUSE_CHARS - 1].rpartition(" ")[0] + "…"


def _name(state: FireState) -> str:
    return "at work" if state is FireState.RUNNING else _WORDS.get(state, str(state))


def _causes(state: FireState, fires: Iterable[Became]) -> str:
    if state not in _EXPLAINED:
        return ""
    causes = Counter(short_cause(one.reason) for one in fires if one.state is state and one.reason)
    named = [cause for cause, _ in causes.most_common(_MOST_CAUSES)]
    more = len(causes) - len(named)
    return f" ({', '.join(named)}{f' and {more} more' if more else ''})" if named else ""
