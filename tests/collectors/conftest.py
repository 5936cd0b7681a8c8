"""A world for collectors: real servers, a real parser, the real door; a cache in memory."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.collectors.collect import collect
from harness.collectors.context import CachedSource, CollectContext, SharedMeans, SourceCache
from harness.collectors.hosts import HostsInMemory
from harness.collectors.parse import FeedParser
from harness.collectors.politeness import HostTurns
from harness.domain.agent import Agent
from harness.domain.feed import FeedEntry
from harness.domain.job import Job
from harness.domain.settings import Egress, Settings, SourceLimits
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.gate.egress import SystemResolver, WebDoor
from harness.ports import Web
from harness.testing.web_server import WebServer

NOW = datetime(2026, 3, 8, 12, 0, tzinfo=UTC)


class RememberedSources:
    """Keeps what a run leaves for the next one, as the database does."""

    def __init__(self, health: dict[str, tuple[bool, str]]) -> None:
        self.cached: dict[str, CachedSource] = {}
        self.health = health

    def load(self, url: str) -> CachedSource | None:
        return self.cached.get(url)

    def save(self, cached: CachedSource) -> None:
        self.cached[cached.url] = cached

    def record(self, source: str, *, ok: bool, problem: str, at: datetime) -> None:
        self.health[source] = (ok, problem)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with WebServer() as running:
        yield running


@pytest.fixture(scope="session")
def parser() -> Iterator[FeedParser]:
    running = FeedParser(workers=2)
    yield running
    running.close()


@pytest.fixture
def health() -> dict[str, tuple[bool, str]]:
    """What was recorded of each source: whether it was all right, and its problem."""
    return {}


@pytest.fixture
def collected(parser: FeedParser, health: dict[str, tuple[bool, str]], tmp_path: Path) -> Callable[..., Collected]:
    """Collect one entry in a workspace at tmp_path; calls of one test share the cache."""
    cache: SourceCache = RememberedSources(health)
    hosts = HostsInMemory()

    def run(
        read: str,
        *,
        lists: Mapping[str, Sequence[tuple[str, str]]] | None = None,
        limits: Mapping[str, Any] | None = None,
        egress: Egress = Egress(loopback=True),  # noqa: B008 - frozen
        max_age_s: int | None = None,
        overrides: Mapping[str, str] | None = None,
        outputs: Mapping[str, Collected] | None = None,
        write_paths: tuple[str, ...] = (),
        parser: FeedParser = parser,
        web: Web | None = None,
        cache: SourceCache = cache,
        turns: HostTurns | None = None,
        now: datetime = NOW,
    ) -> Collected:
        workspace = Workspace(
            root=tmp_path,
            settings=Settings(egress=egress, sources=SourceLimits(**{"timeout_s": 10.0, **(limits or {})})),
            agents={"scout": Agent("scout", "", "", "", write_paths=write_paths)},
            feed_lists={
                name: tuple(FeedEntry(title, url) for title, url in feeds) for name, feeds in (lists or {}).items()
            },
        )
        context = CollectContext(
            workspace=workspace,
            job=Job("scout", "morning", "agents/scout/jobs/morning.md", (), "UTC", max_age_s=max_age_s),
            web=web or WebDoor(egress, SystemResolver()),
            now=now,
            cache=cache,
            parser=parser,
            latest_output=(outputs or {}).get,
            overrides=overrides or {},
            shared=SharedMeans(turns=turns or HostTurns(), hosts=hosts),
        )
        return asyncio.run(collect(read, context))

    return run
