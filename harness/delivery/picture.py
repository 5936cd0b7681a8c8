"""The small pictures of a digest, as geometry: what is drawn where, in SVG units."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from harness.domain.digest import DigestItem

_HOURS = 24
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """One source: its share of the longest bar in percent, its items, and how many only it reported."""

    label: str
    count: int
    single: int
    percent: float
    single_percent: float


@dataclass(frozen=True, slots=True)
class Column:
    """One hour: how many items were published in it, and its local hour, shown where `is_marked`."""

    count: int
    hour: str
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """The day up to the digest, hour by hour; `older` were published before, `undated` at an unknown time."""

    columns: tuple[Column, ...]
    highest: int
    older: int
    undated: int


def source_bars(items: Sequence[DigestItem], most: int = 8) -> tuple[Bar, ...]:
    """Return the sources that report most, at most that many of them.

    An item with several sources counts for each of them.
    """
    counts = Counter(source for item in items for source in item.sources)
    single = Counter(item.sources[0] for item in items if item.is_single_source)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0].casefold()))[:most]
    longest = max((count for _, count in ranked), default=1)
    return tuple(
        Bar(
            label=label,
            count=count,
            single=single[label],
            percent=round(100 * count / longest, 2),
            single_percent=round(100 * single[label] / longest, 2),
        )
        for label, count in ranked
    )


def publication_timeline(items: Sequence[DigestItem], made_at: datetime, zone: str) -> Timeline:
    """Return when the items were published, in the 24 hours up to `made_at`."""
    ages = [made_at - item.published_at for item in items if item.published_at is not None]
    # A feed whose clock runs ahead publishes "in the future": it belongs to the newest hour.
    hours_ago = Counter(max(0, age // _HOUR) for age in ages)
    columns = []
    for back in range(_HOURS - 1, -1, -1):
        local = (made_at - back * _HOUR).astimezone(ZoneInfo(zone))
        columns.append(Column(hours_ago[back], f"{local:%H}", local.hour % 6 == 0))
    return Timeline(
        columns=tuple(columns),
        highest=max((column.count for column in columns), default=0),
        older=sum(count for back, count in hours_ago.items() if back >= _HOURS),
        undated=len(items) - len(ages),
    )


def age_in_words(moment: datetime, now: datetime) -> str:
    """Return how long ago it was, in one unit: `12 min`, `3 h`, `2 days`."""
    minutes = max(0, int((now - moment).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // (24 * 60)} days"
