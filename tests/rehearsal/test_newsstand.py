"""The services that pass on what the outlets of the sample world publish, read by the collectors themselves."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from harness.collectors.collect import collect
from harness.collectors.context import CollectContext
from harness.collectors.parse import FeedParser
from harness.domain.job import Job
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.gate.egress import WebDoor
from harness.rehearsal.newsstand import read_at_newsstand
from harness.rehearsal.workspace_copy import copy_workspace, point_at_world
from harness.rehearsal.world import SampleWorld
from harness.testing.clock import VirtualClock
from harness.wiring.files import load
from tests.collectors.conftest import RememberedSources

ROOT = Path(__file__).parents[2]
DAY, ZONE = date(2026, 11, 20), "America/Los_Angeles"
MIDNIGHT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MORNING = timedelta(hours=7, minutes=20)
DAY_S = 24 * 3600


@dataclass(frozen=True)
class Stand:
    """The shipped workspace's copy in an open world, and the world's clock."""

    workspace: Workspace
    world: SampleWorld
    clock: VirtualClock
    parser: FeedParser

    def read(self, entry: str, max_age_s: int | None = None) -> Collected:
        context = CollectContext(
            workspace=self.workspace,
            job=Job("scout", "morning", "agents/scout/jobs/morning.md", (), "UTC", max_age_s=max_age_s),
            web=WebDoor(self.workspace.settings.egress, self.world.resolver),
            now=self.clock.now(),
            cache=RememberedSources({}),
            parser=self.parser,
            latest_output=lambda job_id: None,
        )
        return asyncio.run(collect(entry, context))


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    copy = tmp_path_factory.mktemp("day") / "workspace"
    copy_workspace(ROOT, copy)
    shutil.rmtree(copy / "agents")
    (copy / "agents/scout/jobs").mkdir(parents=True)
    for name, text in {"agent.toml": 'description = "x"', "SOUL.md": "x", "AGENTS.md": "x"}.items():
        (copy / "agents/scout" / name).write_text(text)
    clock = VirtualClock(MIDNIGHT + MORNING)
    parser = FeedParser(workers=2)
    try:
        with SampleWorld(DAY, ZONE, clock.now) as world:
            point_at_world(copy, world)
            read_at_newsstand(copy, world.baskets)
            yield Stand(load(copy, {}, now=clock.now()).workspace, world, clock, parser)
    finally:
        parser.close()


def test_the_copy_has_all_baskets_with_their_words_and_the_outlets_of_the_world(stand: Stand) -> None:
    baskets = stand.workspace.baskets

    assert list(baskets) == ["ai", "product", "solo", "markets", "world"]
    assert all(".sample.test" in feed.url for basket in baskets.values() for feed in basket.feeds)
    assert min(len(basket.feeds) for basket in baskets.values()) >= 3
    assert "startup" in baskets["product"].words


@pytest.mark.parametrize("days", range(7))
def test_every_morning_of_a_week_has_fresh_news_of_every_kind(stand: Stand, days: int) -> None:
    moment = MIDNIGHT + timedelta(days=days) + MORNING
    if moment > stand.clock.now():
        stand.clock.advance_to(moment)
    least = {
        "feeds/ai": 18,
        "feeds/github-trending": 3,
        "feeds/releases": 1,
        "arxiv/cat:cs.AI": 1,
        "hn/top": 5,
        "hn/new": 5,
        "github/trending": 3,
        "trends/ai": 15,
        "trends/product": 2,
        "trends/solo": 2,
        "trends/markets": 2,
        "trends/world": 2,
    }
    found = {entry: stand.read(entry, max_age_s=DAY_S) for entry in least}

    assert {entry: len(found[entry].items) for entry in least if len(found[entry].items) < least[entry]} == {}
    broken = {"Latent Times", "Cinder Wire", "Prompt Courier"}  # the outlets that are broken on purpose
    assert {gap.source for one in found.values() for gap in one.gaps} <= broken
    both = [item for item in found["feeds/ai"].items if item.also_in]
    assert len(both) < len(found["feeds/ai"].items)


def test_points_grow_with_the_day_and_a_threshold_holds(stand: Stand) -> None:
    now = {figure.key: figure.value for figure in stand.read("hn/new").figures}
    stand.clock.advance(3600)
    later = {figure.key: figure.value for figure in stand.read("hn/new").figures}

    both = now.keys() & later.keys()
    assert len(both) > len(now) // 2
    assert all(later[key] >= now[key] for key in both)
    assert any(later[key] > now[key] for key in both)
    assert all(figure.value >= 150 for figure in stand.read("hn/best/150").figures)


def test_trends_tell_the_language_and_the_stars(stand: Stand) -> None:
    python = stand.read("github/trending/python")

    assert python.gaps == ()
    assert all(item.summary.startswith("Python, ") for item in python.items)
    assert {figure.unit for figure in python.figures} == {"stars"}


def test_any_repository_has_releases(stand: Stand) -> None:
    assert {item.source for item in stand.read("github/releases/mossdb/mossdb").items} == {"mossdb releases"}
    assert stand.read("github/releases/somebody/anything").items


def test_a_search_finds_what_was_told_and_says_when_it_was_not(stand: Stand) -> None:
    found = stand.read("search/stolen release token")

    assert any("quillgate" in f"{item.title} {item.summary}" for item in found.items[:3])
    assert [gap.problem for gap in stand.read("search/xylophone zzz").gaps] == ["found nothing"]


def test_one_page_holds_an_instruction_to_agents_and_its_feed_does_not(stand: Stand) -> None:
    stand.clock.advance_to(max(stand.clock.now(), MIDNIGHT + timedelta(days=4)))
    (notice,) = [item for item in stand.read("feeds/ai").items if item.title.startswith("A notice for anything")]

    assert "ignore all previous instructions" in stand.read(notice.url).text
    assert "ignore all previous" not in notice.summary
