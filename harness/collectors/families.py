"""The families of sources, by the word before the slash of a `read` entry.

A further family is one file with a function that collects, one that checks, and one line here.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.collectors.arxiv import collect_arxiv
from harness.collectors.calendar import collect_calendars
from harness.collectors.context import CollectContext
from harness.collectors.economy import collect_economy
from harness.collectors.feeds import collect_feed_list
from harness.collectors.github import check_github, collect_github
from harness.collectors.hacker_news import check_hacker_news, collect_hacker_news
from harness.collectors.market import collect_market
from harness.collectors.radar import check_radar, collect_radar, count_pages
from harness.collectors.requests import check_requests, collect_open_requests, count_files
from harness.collectors.search import check_search, collect_search
from harness.collectors.todos import collect_todos
from harness.collectors.trends import check_trends, collect_trends, count_basket_feeds
from harness.collectors.weather import collect_weather
from harness.domain.source import Collected
from harness.domain.workspace import Workspace

_LIST = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class Family:
    """How entries of one kind are read.

    `form` shows the person how an entry is written. `check` is given what stands after the slash, empty if nothing
    does, and returns what is wrong with it and how to write it, or None. `collect` never raises for what a source
    does. `keeps_its_time`: it holds each of its sources to the deadline by itself. `is_recent`: its items are held
    to the job's `max_age`. `count_sources` says how many sources stand behind an entry: a run has failed to read
    where not one of them could be used.
    """

    form: str
    check: Callable[[str], str | None]
    collect: Callable[[str, CollectContext], Awaitable[Collected]]
    keeps_its_time: bool = False
    is_recent: bool = True
    count_sources: Callable[[str, Workspace], int] = lambda read, workspace: 1


def _check_list(rest: str) -> str | None:
    if _LIST.fullmatch(rest):
        return None
    return "names no feed list; write feeds/NAME for shared-context/feeds/NAME.md"


def _check_query(rest: str) -> str | None:
    return None if rest.strip() else "has no query; write it as arXiv has it, such as arxiv/cat:cs.AI"


def _count_feeds(read: str, workspace: Workspace) -> int:
    return len(workspace.feed_lists.get(read.partition("/")[2], ())) or 1


def _check_watchlist(rest: str) -> str | None:
    if _LIST.fullmatch(rest):
        return None
    return "names no watchlist; write market/NAME for shared-context/markets/NAME.md"


def _check_calendar(rest: str) -> str | None:
    return None if not rest or _LIST.fullmatch(rest) else "names no calendar; write calendar, or calendar/NAME"


def _check_economy(rest: str) -> str | None:
    return None if rest == "calendar" else "is not something to read; write economy/calendar"


def _check_bare(name: str) -> Callable[[str], str | None]:
    return lambda rest: f"has nothing behind it; write {name}" if rest else None


def _count_symbols(read: str, workspace: Workspace) -> int:
    watchlist = workspace.watchlists.get(read.partition("/")[2])
    return len(watchlist.symbols) or 1 if watchlist is not None else 1


def _count_calendars(read: str, workspace: Workspace) -> int:
    return 1 if "/" in read else len(workspace.settings.calendars) or 1


FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "feeds": Family("feeds/LIST", _check_list, collect_feed_list, keeps_its_time=True, count_sources=_count_feeds),
        "arxiv": Family("arxiv/QUERY", _check_query, collect_arxiv),
        "hn": Family("hn/top", check_hacker_news, collect_hacker_news),
        "github": Family("github/trending", check_github, collect_github),
        "search": Family("search/WORDS", check_search, collect_search),
        "trends": Family(
            "trends/BASKET", check_trends, collect_trends, keeps_its_time=True, count_sources=count_basket_feeds
        ),
        "radar": Family("radar", check_radar, collect_radar, is_recent=False, count_sources=count_pages),
        "requests": Family(
            "requests/open", check_requests, collect_open_requests, is_recent=False, count_sources=count_files
        ),
        "market": Family(
            "market/LIST", _check_watchlist, collect_market, keeps_its_time=True, count_sources=_count_symbols
        ),
        "economy": Family("economy/calendar", _check_economy, collect_economy, is_recent=False),
        "weather": Family("weather", _check_bare("weather"), collect_weather),
        "calendar": Family(
            "calendar",
            _check_calendar,
            collect_calendars,
            keeps_its_time=True,
            is_recent=False,
            count_sources=_count_calendars,
        ),
        "todos": Family("todos", _check_bare("todos"), collect_todos, is_recent=False),
    }
)


def family_of(read: str) -> Family | None:
    """Return the family that collects the entry; None for another job's output, a file, an address."""
    return FAMILIES.get(read.partition("/")[0])
