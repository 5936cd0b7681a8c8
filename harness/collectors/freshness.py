"""How old an item is, and what to make of dates in the future. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from harness.domain.source import Item

_CLOCK_ERROR = timedelta(days=1)


def settle_dates(items: Iterable[Item], now: datetime) -> tuple[Item, ...]:
    """Return the items without dates in the future.

    Up to a day ahead is a time zone left out or an announcement set in advance: it counts as now. Anything
    later is no date at all, so that an entry of the year 2099 is not news every day until then.
    """
    return tuple(replace(item, published_at=_settled(item.published_at, now)) for item in items)


def keep_recent(items: Iterable[Item], now: datetime, max_age_s: int | None) -> tuple[Item, ...]:
    """Return the items published at most `max_age_s` before now; undated ones stay."""
    if max_age_s is None:
        return tuple(items)
    oldest = now - timedelta(seconds=max_age_s)
    return tuple(item for item in items if item.published_at is None or item.published_at >= oldest)


def _settled(published_at: datetime | None, now: datetime) -> datetime | None:
    if published_at is None or published_at <= now:
        return published_at
    return now if published_at <= now + _CLOCK_ERROR else None
