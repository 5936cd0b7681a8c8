"""Ages and dates in the future."""

from datetime import UTC, datetime, timedelta

import pytest

from harness.collectors.freshness import keep_recent, settle_dates
from harness.domain.source import Item

NOW = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def item(published_at: datetime | None) -> Item:
    return Item("T", "https://x.test", "S", published_at=published_at)


@pytest.mark.parametrize(
    ("published_at", "settled"),
    [
        (NOW - HOUR, NOW - HOUR),
        (NOW, NOW),
        (NOW + 9 * HOUR, NOW),
        (NOW + 24 * HOUR, NOW),
        (NOW + 25 * HOUR, None),
        (datetime(2099, 1, 1, tzinfo=UTC), None),
        (None, None),
    ],
)
def test_the_near_future_counts_as_now_and_the_far_future_as_no_date(
    published_at: datetime | None, settled: datetime | None
) -> None:
    assert settle_dates([item(published_at)], NOW) == (item(settled),)


def test_items_older_than_the_limit_are_left_out_and_undated_ones_stay() -> None:
    fresh, edge, old, undated = item(NOW - HOUR), item(NOW - 2 * HOUR), item(NOW - 3 * HOUR), item(None)

    assert keep_recent([fresh, edge, old, undated], NOW, 2 * 3600) == (fresh, edge, undated)
    assert keep_recent([old], NOW, None) == (old,)
