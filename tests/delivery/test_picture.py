from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.delivery.picture import age_in_words, publication_timeline, source_bars
from harness.domain.digest import DigestItem

NOW = datetime(2026, 11, 21, 15, 40, tzinfo=UTC)


def item(*sources: str, hours_ago: float | None = None) -> DigestItem:
    return DigestItem(
        "T",
        "https://a.example",
        sources=sources,
        published_at=None if hours_ago is None else NOW - timedelta(hours=hours_ago),
    )


def test_bars_rank_sources_and_count_what_only_they_reported() -> None:
    bars = source_bars([item("b", "a"), item("b"), item("b", "c"), item("a", "b")], most=2)
    assert [(bar.label, bar.count, bar.single, bar.percent, bar.single_percent) for bar in bars] == [
        ("b", 4, 1, 100, 25),
        ("a", 2, 0, 50, 0),
    ]
    assert source_bars([]) == ()


def test_timeline_counts_every_item_once() -> None:
    items = [item(hours_ago=hours) for hours in (-1, 0, 0.9, 1, 23.9, 24, 100)] + [item()]
    timeline = publication_timeline(items, NOW, "America/Los_Angeles")
    counts = [column.count for column in timeline.columns]
    assert (counts[-1], counts[-2], counts[0]) == (3, 1, 1)
    assert sum(counts) + timeline.older + timeline.undated == len(items)
    assert (timeline.older, timeline.undated, timeline.highest) == (2, 1, 3)
    assert [column.hour for column in timeline.columns if column.is_marked] == ["12", "18", "00", "06"]


def test_age_is_said_in_one_unit() -> None:
    ages = [(-5, "0 min"), (59, "59 min"), (60, "1 h"), (47 * 60 + 59, "47 h"), (48 * 60, "2 days")]
    assert [age_in_words(NOW - timedelta(minutes=minutes), NOW) for minutes, _ in ages] == [text for _, text in ages]
