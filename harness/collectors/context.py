"""What a collector is given: the workspace, the network, the time, and what earlier runs left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from harness.collectors.deadline import Deadline
from harness.collectors.parse import FeedParser
from harness.collectors.politeness import HostTurns
from harness.domain.job import Job
from harness.domain.settings import SourceLimits
from harness.domain.source import Collected, Gap, Item
from harness.domain.workspace import Workspace
from harness.ports import Web

if TYPE_CHECKING:
    from harness.store.requests import RequestRow


@dataclass(frozen=True, slots=True)
class CachedSource:
    """The last whole answer of a source, with what a conditional GET needs. `fetched_at` is aware UTC."""

    url: str
    etag: str | None
    last_modified: str | None
    items: tuple[Item, ...]
    fetched_at: datetime


class SourceCache(Protocol):
    """What is remembered about sources from run to run; used from several threads."""

    def load(self, url: str) -> CachedSource | None:
        """Return the last whole answer of the URL."""
        ...

    def save(self, cached: CachedSource) -> None:
        """Keep an answer in place of the one before."""
        ...

    def record(self, source: str, *, ok: bool, problem: str, at: datetime) -> None:
        """Count a success or a failure of the source; `source` is its URL."""
        ...


@dataclass(frozen=True, slots=True)
class CollectContext:
    """Everything that collecting for one run depends on.

    `overrides` are the person's `--input K=V`: `feeds=PATH_OR_URL` stands in for every `feeds/…` entry of the
    job, and a key that equals an entry for that one. `latest_output` returns another job's latest delivered
    output, or None. `turns` makes requests wait for each other at hosts that ask for it; contexts that share
    one wait for each other too. What is not finished at the `deadline` is a gap.
    `requests` returns the open requests, and the dead letters that nobody has settled.
    """

    workspace: Workspace
    job: Job
    web: Web
    now: datetime
    cache: SourceCache
    parser: FeedParser
    latest_output: Callable[[str], Collected | None]
    overrides: Mapping[str, str] = field(default_factory=dict)
    turns: HostTurns = field(default_factory=HostTurns)
    deadline: Deadline | None = None
    requests: Callable[[], Sequence[RequestRow]] = tuple

    @property
    def limits(self) -> SourceLimits:
        return self.workspace.settings.sources


@dataclass(frozen=True, slots=True)
class SourceYield:
    """What one source gave: items, and the gaps that go with them."""

    items: tuple[Item, ...] = ()
    gaps: tuple[Gap, ...] = ()
