"""A small world of feeds, papers and pages, served over real HTTP on loopback."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import date, datetime
from http import HTTPStatus
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, parse_qsl

from harness.domain.errors import TransientError
from harness.domain.feed import FeedEntry
from harness.rehearsal.faults import HostFault, answer_of
from harness.rehearsal.loopback_server import Answer, serving
from harness.rehearsal.newsstand import TRENDS_PREFIX, Newsstand
from harness.rehearsal.pages import render_front, render_notice, render_story
from harness.rehearsal.preprints import BadSearch, Preprint, answer_search, number_papers, render_error
from harness.rehearsal.services import daily_services
from harness.rehearsal.stories import Almanac, Entry, Site, load_almanac
from harness.rehearsal.syndication import render_feed
from harness.rehearsal.wall_time import wall_moment

API_PATH = "/api/query"

_HTML = "text/html; charset=utf-8"
_ATOM = "application/atom+xml; charset=utf-8"
_CONTENT_TYPES = {"rss": "application/rss+xml; charset=utf-8", "atom": _ATOM}
_FIRST_NEWS_H = -36.0
# A little over the middle: the cut falls into the text of an entry, with whole entries before it.
_TRUNCATED_SHARE = 0.62

Page = Callable[[datetime, Mapping[str, str]], Answer]


class WorldResolver:
    """Knows the hosts of one world and nothing else, so that a rehearsal in it cannot reach outside."""

    def __init__(self, hosts: frozenset[str], address: tuple[str, int]) -> None:
        self._hosts = hosts
        self._address = address

    async def resolve(self, host: str, port: int) -> list[tuple[str, int]]:
        """Return the world's own address and port, whatever `port` was asked for.

        Raises TransientError for a host that is not of this world, also for an address in digits.
        """
        if host.casefold().removesuffix(".") not in self._hosts:
            raise TransientError(f"{host}: there is no such host in the sample world")
        return [self._address]


class SampleWorld:
    """What is published around one day, each story from its own moment on.

    `day` and `zone` say when the rehearsed day is, `now` which moment it is: nothing is served before it
    is published. `faults` are the hosts that are broken all day, and how. A context manager; the server runs inside
    the block.
    """

    def __init__(
        self,
        day: date,
        zone: str,
        now: Callable[[], datetime],
        *,
        almanac: Almanac | None = None,
        faults: Callable[[Iterable[str]], Mapping[str, HostFault]] = lambda hosts: {},
    ) -> None:
        self._now = now
        self._almanac = almanac or load_almanac()
        self._opened_at = wall_moment(day, zone, _FIRST_NEWS_H)
        self._entries = {
            site.slug: tuple(Entry(story, wall_moment(day, zone, story.at_h)) for story in site.stories)
            for site in self._almanac.sites
        }
        self._preprints = number_papers([(p, wall_moment(day, zone, p.at_h)) for p in self._almanac.papers])
        self._newsstand = Newsstand(
            [(site, entry) for site in self._almanac.sites for entry in self._entries[site.slug]]
        )
        self._services = {**daily_services(day, zone), **self._newsstand.services()}
        self._pages = self._lay_out()
        self._faults = faults(self.hosts)
        self._requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._address: tuple[str, int] | None = None

    def __enter__(self) -> Self:
        self._address = self._open.enter_context(serving(self._answer))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._address = None
        self._open.close()

    @property
    def hosts(self) -> frozenset[str]:
        """The names of all hosts of this world."""
        return frozenset((*self._services, *(host for host, _ in self._pages)))

    @property
    def resolver(self) -> WorldResolver:
        """The resolver that finds these hosts. Raises RuntimeError outside the `with` block."""
        if self._address is None:
            raise RuntimeError("the sample world is not open: use it in a `with` block")
        return WorldResolver(self.hosts, self._address)

    @property
    def feed_lists(self) -> dict[str, tuple[FeedEntry, ...]]:
        """The world's feeds by the name of the list to which they belong."""
        lists: dict[str, tuple[FeedEntry, ...]] = {}
        for site in self._almanac.sites:
            for name in (name for name in site.lists if not name.startswith(TRENDS_PREFIX)):
                lists[name] = (*lists.get(name, ()), FeedEntry(site.name, site.feed_url))
        return lists

    @property
    def baskets(self) -> dict[str, tuple[FeedEntry, ...]]:
        """The world's feeds by the basket to which they belong."""
        return self._newsstand.baskets()

    @property
    def arxiv_url(self) -> str:
        """The address of the API that answers as arXiv's does."""
        return f"http://{self._almanac.papers_host}{API_PATH}"

    @property
    def requests(self) -> Counter[str]:
        """How often each URL (without its query) has been asked for so far."""
        with self._lock:
            return Counter(self._requests)

    def _answer(self, url: SplitResult) -> Answer:
        host, path = (url.hostname or "").casefold(), url.path or "/"
        with self._lock:
            self._requests[f"http://{host}{path}"] += 1
        if host in self._faults:
            return answer_of(self._faults[host])
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        service = self._services.get(host)
        if service is not None and (answer := service(path, query, self._now())) is not None:
            return answer
        page = self._pages.get((host, path))
        if page is None:
            return _not_found(f"{host} has no page {path}.")
        return page(self._now(), query)

    def _lay_out(self) -> dict[tuple[str, str], Page]:
        pages: dict[tuple[str, str], Page] = {}
        papers_host = self._almanac.papers_host
        for host in {papers_host, *(site.host for site in self._almanac.sites)}:
            pages[host, "/"] = self._front_page(host)
        for site in self._almanac.sites:
            pages[site.host, site.feed_path] = self._feed_page(site)
            for entry in self._entries[site.slug]:
                if entry.story.path is not None:
                    pages[site.host, entry.story.path] = _story_page(site, entry)
        pages[papers_host, API_PATH] = self._search_page()
        for preprint in self._preprints:
            page = _paper_page(papers_host, preprint)
            pages[papers_host, preprint.path] = pages[papers_host, preprint.path.removesuffix("v1")] = page
        return pages

    def _front_page(self, host: str) -> Page:
        links = [(site.name, site.feed_url) for site in self._almanac.sites if site.host == host]
        body = render_front(host, links)
        return lambda now, query: Answer(HTTPStatus.OK, _HTML, body)

    def _feed_page(self, site: Site) -> Page:
        entries = self._entries[site.slug]

        def answer(now: datetime, query: Mapping[str, str]) -> Answer:
            if site.fault == "html":
                return Answer(HTTPStatus.OK, _HTML, render_notice(site.name, "We have a new site! Feeds are gone."))
            if site.fault == "unavailable":
                return Answer(HTTPStatus.SERVICE_UNAVAILABLE, _HTML, render_notice(site.name, "Overloaded."))
            published = [entry for entry in entries if entry.published_at <= now]
            body = render_feed(site, published, self._opened_at)
            if site.fault == "truncated":
                body = body[: int(len(body) * _TRUNCATED_SHARE)]
            changed_at = max((entry.published_at for entry in published), default=self._opened_at)
            return Answer(HTTPStatus.OK, _CONTENT_TYPES[site.format], body, changed_at)

        return answer

    def _search_page(self) -> Page:
        url = f"http://{self._almanac.papers_host}"

        def answer(now: datetime, query: Mapping[str, str]) -> Answer:
            try:
                return Answer(HTTPStatus.OK, _ATOM, answer_search(query, self._preprints, url, now))
            except BadSearch as problem:
                return Answer(HTTPStatus.BAD_REQUEST, _ATOM, render_error(str(problem), url, now))

        return answer


def _story_page(site: Site, entry: Entry) -> Page:
    story, published_at = entry.story, entry.published_at
    body = render_story(site.name, story.title, story.page_text or story.text, published_at)

    def answer(now: datetime, query: Mapping[str, str]) -> Answer:
        if story.is_gone or now < published_at:
            return _not_found(f"{site.name} has no such story.")
        return Answer(HTTPStatus.OK, _HTML, body, published_at)

    return answer


def _paper_page(host: str, preprint: Preprint) -> Page:
    paper, published_at = preprint.paper, preprint.published_at
    body = render_story(host, paper.title, paper.text, published_at, byline=", ".join(paper.authors))

    def answer(now: datetime, query: Mapping[str, str]) -> Answer:
        if now < published_at:
            return _not_found(f"There is no paper {preprint.id}.")
        return Answer(HTTPStatus.OK, _HTML, body, published_at)

    return answer


def _not_found(text: str) -> Answer:
    return Answer(HTTPStatus.NOT_FOUND, _HTML, render_notice("Not here", text))
