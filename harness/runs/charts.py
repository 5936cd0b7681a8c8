"""The charts of a digest: how the team's jobs went, what that cost, and the series among its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice, zip_longest
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from harness.collectors.collect import read_kind
from harness.domain.chart import Chart, Mark, Part
from harness.domain.figures import Series
from harness.domain.moments import day_end, day_start
from harness.domain.run import FireState
from harness.domain.source import Collected
from harness.store.day_counts import cost_between, states_between

MOST_SERIES = 4
HEALTH_DAYS = 7
COST_DAYS = 14
_NOON = timedelta(hours=12)
_ONE_DAY = timedelta(hours=36)
_PARTS: tuple[tuple[Part, tuple[FireState, ...]], ...] = (
    (Part("delivered", "good"), (FireState.DELIVERED,)),
    (Part("silent", "quiet"), (FireState.SILENT, FireState.SKIPPED, FireState.CANCELLED)),
    (Part("degraded", "fair"), (FireState.DEGRADED,)),
    (Part("failed or missed", "bad"), (FireState.FAILED, FireState.MISSED)),
)


def first_hand(collected: Sequence[Collected]) -> tuple[Collected, ...]:
    """Return what the run collected itself, without what other jobs had delivered."""
    return tuple(one for one in collected if read_kind(one.read) != "output")


def series_charts(collected: Sequence[Collected], zone: str) -> tuple[Chart, ...]:
    """Return a line for each of at most four series with two points or more.

    The inputs take turns, so that the first series of each is there before the second of any.
    """
    rows = zip_longest(*([series for series in one.series if len(series.points) > 1] for one in collected))
    in_turn = {series.name: series for row in rows for series in row if series is not None}
    return tuple(_line(series, zone) for series in islice(in_turn.values(), MOST_SERIES))


def health_chart(connection: Connection, now: datetime, zone: str) -> Chart:
    """Return what became of the planned fires of the last seven days, by day; what is still open is left out."""
    marks = [
        Mark(label, tuple(float(sum(states.get(state, 0) for state in of_part)) for _, of_part in _PARTS))
        for label, states in (
            (label, states_between(connection, start, end)) for label, start, end in _last_days(now, zone, HEALTH_DAYS)
        )
    ]
    return Chart("bars", f"Jobs, last {HEALTH_DAYS} days", _begun(marks), parts=tuple(part for part, _ in _PARTS))


def cost_chart(connection: Connection, now: datetime, zone: str) -> Chart:
    """Return what the model calls of the last fourteen days cost, by day."""
    marks = [
        Mark(label, (round(cost_between(connection, start, end), 6),))
        for label, start, end in _last_days(now, zone, COST_DAYS)
    ]
    return Chart("bars", f"Cost of models, last {COST_DAYS} days", tuple(marks), unit="USD")


def _line(series: Series, zone: str) -> Chart:
    local = ZoneInfo(zone)
    times = [point.at.astimezone(local) for point in series.points]
    is_one_day = times[-1] - times[0] <= _ONE_DAY
    marks = tuple(
        Mark(f"{time:%H:%M}" if is_one_day else f"{time.day} {time:%b}", (point.value,), point.at)
        for time, point in zip(times, series.points, strict=True)
    )
    return Chart("line", series.name, marks, unit=series.unit, source=series.source, url=series.url)


def _last_days(now: datetime, zone: str, days: int) -> Iterator[tuple[str, datetime, datetime]]:
    """Yield each day up to today with its label, its first moment and its last, which is now for today."""
    noon = day_start(now, zone) + _NOON
    for back in range(days - 1, -1, -1):
        # Noon is on its day also where a night has an hour more or less.
        moment = noon - timedelta(days=back)
        local = moment.astimezone(ZoneInfo(zone))
        end = min(now.replace(second=0, microsecond=0), day_end(moment, zone))
        yield f"{local:%a} {local.day}", day_start(moment, zone), end


def _begun(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """Leave out the days before anything was planned at all."""
    first = next((at for at, mark in enumerate(marks) if mark.total), len(marks) - 1)
    return tuple(marks[first:])
