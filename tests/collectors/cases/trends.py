"""trends/BASKET: the feeds of a basket."""

from __future__ import annotations

from pathlib import Path

from harness.domain.basket import Basket
from harness.domain.feed import FeedEntry
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from tests.collectors.cases import feeds
from tests.collectors.family_case import Cassette, FamilyCase


def workspace(root: Path, url: str) -> Workspace:
    world = Basket("world", "Society and the world", (FeedEntry("Lantern Post", f"{url}/feed.xml"),), ("town",))
    return Workspace(root, Settings(), baskets={"world": world})


CASE = FamilyCase(
    family="trends",
    read="trends/world",
    workspace=workspace,
    check=feeds.check,
    cassettes={"/feed.xml": Cassette("rss.xml", "application/rss+xml; charset=utf-8")},
    empty=feeds.CASE.empty,
)
