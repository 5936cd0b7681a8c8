"""The doors to the world outside: what may be fetched, what is remembered of sources, and what reads their pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.collectors.cache import DatabaseSourceCache
from harness.collectors.collect import collect
from harness.collectors.context import CollectContext, SharedMeans
from harness.collectors.hosts import HostsInDatabase
from harness.collectors.parse import FeedParser
from harness.collectors.robots import why_not_to_read
from harness.collectors.search import SearchQuestion, search_web
from harness.domain.errors import ToolError
from harness.domain.job import Job
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from harness.gate.breakers import Breakers
from harness.gate.granted_web import GrantedWeb
from harness.gate.guarded_web import GuardedWeb
from harness.ports import Clock, Resolver, Web
from harness.store.database import Database
from harness.tools.feeds import FetchList
from harness.tools.web import SearchWeb, WhyNot
from harness.workspace.current import CurrentWorkspace

_ANY_JOB = Job(agent="", name="", path="", schedules=(), zone="UTC")
"""For a tool that reads a feed list: what a job would say about age and inputs does not apply."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a harness reaches the world through; `source_web` leaves hosts alone that do not answer.

    `shared` is what all collecting has in common: also between runs, hosts are not hurried.
    """

    web: Web
    source_web: Web
    breakers: Breakers
    parser: FeedParser
    sources: DatabaseSourceCache
    shared: SharedMeans


def reach_of(
    workspace: CurrentWorkspace, database: Database, clock: Clock, resolver: Resolver, environ: Mapping[str, str]
) -> Reach:
    """Return the doors that this workspace's settings open; `environ` holds the keys that they name."""
    web = GrantedWeb(lambda: workspace().settings.egress, resolver)
    breakers = Breakers(database, clock.now, lambda: workspace().settings.home_zone)
    # A run in flight waits for a server that restarts, as its engine does.
    patient = database.patiently()
    shared = SharedMeans(hosts=HostsInDatabase(patient), secret=environ.get, outlet=web)
    return Reach(web, GuardedWeb(web, breakers), breakers, FeedParser(), DatabaseSourceCache(patient), shared)


def feed_lists(workspace: CurrentWorkspace, reach: Reach, clock: Clock) -> FetchList:
    """Return what fetches a feed list of the workspace by its name, for a tool."""

    async def fetch(name: str) -> Collected:
        snapshot = workspace()
        if name not in snapshot.feed_lists:
            raise ToolError(f"there is no feed list {name!r}; there are: {', '.join(sorted(snapshot.feed_lists))}")
        return await collect(f"feeds/{name}", _context(snapshot, reach, clock))

    return fetch


def searches(workspace: CurrentWorkspace, reach: Reach, clock: Clock) -> SearchWeb:
    """Return what searches the web with the service of the workspace, for a tool."""

    async def search(words: str, limit: int) -> Collected:
        question = SearchQuestion(words, limit)
        return await search_web("web.search", question, _context(workspace(), reach, clock))

    return search


def manners(workspace: CurrentWorkspace, reach: Reach, clock: Clock) -> WhyNot:
    """Return what says whether a host lets robots read an address, for a tool."""

    async def why_not(url: str) -> str | None:
        return await why_not_to_read(url, _context(workspace(), reach, clock))

    return why_not


def _context(workspace: Workspace, reach: Reach, clock: Clock) -> CollectContext:
    return CollectContext(
        workspace=workspace,
        job=_ANY_JOB,
        web=reach.source_web,
        now=clock.now(),
        cache=reach.sources,
        parser=reach.parser,
        latest_output=lambda job_id: None,
        shared=reach.shared,
    )
