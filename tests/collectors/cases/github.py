"""github/…: the page of trends as github.com/trending is built, and a repository's releases.atom."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from harness.domain.settings import Settings, SourceLimits
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import NOW, Cassette, FamilyCase


def workspace(root: Path, url: str) -> Workspace:
    return Workspace(root, Settings(sources=SourceLimits(github_url=url)))


def check_trending(collected: Collected) -> None:
    first, second = collected.items
    assert first.title == "sieveworks/sievekit: Evaluations that show their failures & keep every transcript"
    assert first.url.endswith("/sieveworks/sievekit")
    assert (first.source, first.published_at) == ("GitHub Trending", NOW)
    assert first.summary.startswith("Python, 1,612 stars today, 12,345 stars. Evaluations that")
    assert (second.title, second.summary) == ("north-pier/pebblecron", "1 stars today, 980 stars")
    assert {figure.key: figure.value for figure in collected.figures} == {
        "sieveworks/sievekit.gained": 1612,
        "sieveworks/sievekit.stars": 12345,
        "north-pier/pebblecron.gained": 1,
        "north-pier/pebblecron.stars": 980,
    }


def check_releases(collected: Collected) -> None:
    (release,) = collected.items
    assert (release.title, release.source) == ("pebblecron v0.9.1", "pebblecron releases")
    assert release.url == "https://github.com/north-pier/pebblecron/releases/tag/v0.9.1"
    assert release.summary == "Slots in the hour that happens twice fire once."
    assert release.published_at == datetime(2026, 3, 7, 18, 20, tzinfo=UTC)


TRENDING = FamilyCase(
    family="github",
    read="github/trending/python",
    workspace=workspace,
    check=check_trending,
    cassettes={"/trending/python": Cassette("trending.html", "text/html; charset=utf-8")},
    empty=b"<!DOCTYPE html><html><body><h2>Trending</h2><p>No repositories.</p></body></html>",
)
RELEASES = FamilyCase(
    family="github",
    read="github/releases/north-pier/pebblecron",
    workspace=workspace,
    check=check_releases,
    cassettes={"/north-pier/pebblecron/releases.atom": Cassette("releases.atom", "application/atom+xml")},
    empty=b'<feed xmlns="http://www.w3.org/2005/Atom"><title>Release notes from pebblecron</title></feed>',
)
