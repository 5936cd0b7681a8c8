"""When schedules are due, as moments in UTC.

cronsim walks the calendar in wall-clock time, and the way from wall-clock time to UTC is decided here.
Given zone-aware times it would do both, but it steps in whole hours, and so loses times where a zone
moves its clock by half an hour (Australia/Lord_Howe) or at midnight (America/Santiago).

A clock that is put forward skips wall-clock times, one that is put back repeats them. What is due at
a fixed time is due exactly once on such a day: a skipped time at the moment of the change, a repeated
one when it first comes. What is due by a pattern (a minute or hour field that starts with `*`) follows
the clock as it runs: nothing in the hour that is skipped, twice in the hour that is repeated. That is
what cron does on Debian.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

from harness.domain.schedule import Cron, Every, Once, Schedule

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST_CHANGE = timedelta(hours=25)
"""No zone has ever moved its clock by more than a day (Samoa skipped one in 2011)."""

_SLOTS_COMPARED = 50
"""A pattern of times shows within so many of them what its shortest pause is."""


def next_due(schedules: Sequence[Schedule], zone: str, after: datetime) -> datetime | None:
    """Return the first moment later than `after` (aware) at which any of the schedules is due, in UTC.

    `zone` is the IANA name of the job's time zone. None if nothing will ever be due again.
    """
    return next(slots_after(schedules, zone, after), None)


def slots_between(schedules: Sequence[Schedule], zone: str, after: datetime, until: datetime) -> list[datetime]:
    """Return every due moment with after < slot <= until, in UTC, sorted, each once."""
    return list(takewhile(lambda slot: slot <= until, slots_after(schedules, zone, after)))


def shortest_period_s(schedules: Sequence[Schedule], zone: str, after: datetime) -> float | None:
    """Return the shortest time between two of the next slots, in seconds; None if not two are to come."""
    slots = list(islice(slots_after(schedules, zone, after), _SLOTS_COMPARED))
    return min(((later - slot).total_seconds() for slot, later in pairwise(slots)), default=None)


def slots_after(schedules: Sequence[Schedule], zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the moments later than `after` at which any of the schedules is due, in UTC, ascending, each once.

    Without end for all that recurs.
    """
    latest = None
    for slot in heapq.merge(*(_slots(schedule, zone, after) for schedule in schedules)):
        if slot != latest:
            latest = slot
            yield slot


def _slots(schedule: Schedule, zone_name: str, after: datetime) -> Iterator[datetime]:
    """Yield the due moments of one schedule that are later than `after`, ascending."""
    if after.utcoffset() is None:
        raise ValueError("a moment without a time zone cannot be compared with due times")
    after = after.astimezone(UTC)
    zone = ZoneInfo(zone_name)
    match schedule:
        case Cron(expression):
            yield from _cron_slots(expression, zone, after)
        case Every(period_s):
            period = timedelta(seconds=period_s)
            count = (after - _EPOCH) // period + 1
            while True:
                yield _EPOCH + count * period
                count += 1
        case Once(at):
            moment = _moment_of(at, zone)
            if moment > after:
                yield moment


def _cron_slots(expression: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    minute, hour = expression.split()[:2]
    is_pattern = minute.startswith("*") or hour.startswith("*")
    # Walls are visited in order; in a repeated hour their second occurrences come after later walls, so
    # they wait here. _moment_of never falls as the wall rises: nothing up to it can be overtaken any more.
    waiting: list[datetime] = []
    last = after
    for wall in CronSim(expression, _wall_before(zone, after)):
        first = _moment_of(wall, zone)
        for moment in _moments_of(wall, zone) if is_pattern else (first,):
            heapq.heappush(waiting, moment)
        while waiting and waiting[0] <= first:
            moment = heapq.heappop(waiting)
            if moment > last:
                last = moment
                yield moment


def _wall_before(zone: ZoneInfo, after: datetime) -> datetime:
    """Return a wall-clock time (naive) before which no wall-clock time leads to a moment after `after`.

    That is the clock's reading at `after`, less what the clock changes by near it.
    """
    wall = after.astimezone(zone).replace(tzinfo=None, fold=0)
    near = [(after + shift).astimezone(zone) for shift in (-_LARGEST_CHANGE, timedelta(), _LARGEST_CHANGE)]
    offsets = [moment.utcoffset() or timedelta() for moment in near]
    return wall - (max(offsets) - min(offsets))


def _moments_of(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """Return the moments at which the clock of the zone shows `wall`: none, one or two."""
    candidates = {wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return sorted(c for c in candidates if c.astimezone(zone).replace(tzinfo=None, fold=0) == wall)


def _moment_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment for a fixed wall-clock time: the first at which the clock shows it, or the moment
    of the change if the clock skips it."""
    moments = _moments_of(wall, zone)
    if moments:
        return moments[0]
    # In a gap, fold=1 reads the clock as it will be (a moment before the change), fold=0 as it was.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    behind = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset_before = before.astimezone(zone).utcoffset()
    while behind - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(behind - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset_before:
            before = middle
        else:
            behind = middle
    return behind
