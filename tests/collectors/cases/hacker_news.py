"""hn/…: Algolia's search of Hacker News, after hn.algolia.com/api."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.domain.settings import Settings, SourceLimits
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import Cassette, FamilyCase


def workspace(root: Path, url: str) -> Workspace:
    return Workspace(root, Settings(sources=SourceLimits(hn_url=f"{url}/api/v1")))


def check(collected: Collected) -> None:
    shown, asked = collected.items
    assert (shown.title, shown.source) == ("Show HN: A ledger for jobs that may not fail silently", "Hacker News")
    assert shown.key == "https://ledger.example/why"
    assert shown.summary.startswith("312 points, 87 comments on Hacker News: https://news.ycombinator.com/item?id=4731")
    assert shown.published_at == datetime(2026, 3, 8, 7, 12, 31, tzinfo=UTC)
    assert asked.url == "https://news.ycombinator.com/item?id=47309555"
    assert asked.summary.endswith(". I run six agents at home. What do you do about silence?")
    assert [(figure.key, figure.value) for figure in collected.figures] == [
        ("47310021.points", 312),
        ("47309555.points", 41),
    ]


CASE = FamilyCase(
    family="hn",
    read="hn/top",
    workspace=workspace,
    check=check,
    cassettes={"/api/v1/search": Cassette("search.json", "application/json; charset=utf-8")},
    empty=b'{"hits": [], "nbHits": 0, "page": 0, "nbPages": 0, "hitsPerPage": 60}',
)
