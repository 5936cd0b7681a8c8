"""feeds/LIST: RSS 2.0 as outlets publish it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.domain.feed import FeedEntry
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import Cassette, FamilyCase


def workspace(root: Path, url: str) -> Workspace:
    return Workspace(root, Settings(), feed_lists={"ai": (FeedEntry("Lantern Post", f"{url}/feed.xml"),)})


def check(collected: Collected) -> None:
    first, second = collected.items
    assert (first.title, first.url, first.source) == (
        "Harbour town lets residents audit its parking model",
        "https://lantern.example/2026/03/parking-model",
        "Lantern Post",
    )
    assert first.summary == "The council published weights & data; 41 people found two errors in a week."
    assert first.published_at == datetime(2026, 3, 8, 6, 30, tzinfo=UTC)
    assert second.published_at == datetime(2026, 3, 7, 21, 15, tzinfo=UTC)


CASE = FamilyCase(
    family="feeds",
    read="feeds/ai",
    workspace=workspace,
    check=check,
    cassettes={"/feed.xml": Cassette("rss.xml", "application/rss+xml; charset=utf-8")},
    empty=b'<?xml version="1.0"?><rss version="2.0"><channel><title>Lantern Post</title></channel></rss>',
)
