"""What a collector is given: the workspace, the network, the time, and what earlier runs left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from harness.collectors.deadline import Deadline
from harness.collectors.hosts import HostMemory, HostsInMemory
from harness.collectors.parse import FeedParser
from harness.collectors.politeness import HostTurns, Pace
from harness.domain.job import Job
from harness.domain.settings import SourceLimits
from harness.domain.source import Collected, Gap, Item
from harness.domain.workspace import Workspace
from harness.ports import Outlet, Web

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
class SharedMeans:
    """What everything that one harness collects has in common.

    `turns` makes requests to one host wait for each other, `hosts` are what is remembered of hosts. `secret` returns
    the value of a name that the settings mention (a key in the environment), or None. `outlet` sends what a service
    is asked in a body; None where nothing may be sent.
    """

    turns: HostTurns = field(default_factory=HostTurns)
    hosts: HostMemory = field(default_factory=HostsInMemory)
    secret: Callable[[str], str | None] = lambda name: None
    outlet: Outlet | None = None


@dataclass(frozen=True, slots=True)
class CollectContext:
    """Everything that collecting for one run depends on.

    `overrides` are the person's `--input K=V`: `feeds=PATH_OR_URL` stands in for every `feeds/…` entry of the
    job, and a key that equals an entry for that one. `latest_output` returns another job's latest delivered
    output, or None. `shared` is what this has in common with everything else that the harness collects. What is
    not finished at the `deadline` is a gap.
    """

    workspace: Workspace
    job: Job
    web: Web
    now: datetime
    cache: SourceCache
    parser: FeedParser
    latest_output: Callable[[str], Collected | None]
    overrides: Mapping[str, str] = field(default_factory=dict)
    shared: SharedMeans = field(default_factory=SharedMeans)
    deadline: Deadline | None = None
    requests: Callable[[], Sequence[RequestRow]] = tuple

    @property
    def limits(self) -> SourceLimits:
        return self.workspace.settings.sources

    @property
    def turns(self) -> HostTurns:
        return self.shared.turns

    @property
    def hosts(self) -> HostMemory:
        return self.shared.hosts

    @property
    def pace(self) -> Pace:
        """How fast a host is asked that does not want it otherwise."""
        return Pace(self.limits.per_host, self.limits.host_pause_s)


@dataclass(frozen=True, slots=True)
class SourceYield:
    """What one source gave: items, and the gaps that go with them."""

    items: tuple[Item, ...] = ()
    gaps: tuple[Gap, ...] = ()
