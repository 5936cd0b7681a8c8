"""arXiv's search API: the newest papers of a query, with their authors and abstracts."""

from __future__ import annotations

from urllib.parse import urlencode

from harness.collectors.context import CollectContext, SourceYield
from harness.collectors.fetch import (
    Unchanged,
    Unreachable,
    fetch_source,
    keep_answer,
    record_health,
    words_for_status,
)
from harness.collectors.freshness import settle_dates
from harness.collectors.parse import ParsedEntry, ParsedFeed
from harness.collectors.plain_text import MAX_SUMMARY_CHARS, shorten
from harness.collectors.politeness import Pace
from harness.domain.source import Collected, Gap, Item

MAX_AUTHORS = 3
SOURCE = "arXiv"
"""Every paper's source: two of its categories are one archive, and no second opinion."""


async def collect_arxiv(read: str, context: CollectContext) -> Collected:
    """Return the newest papers of `arxiv/<search query>`, as arXiv's query language has it (`cat:cs.AI`)."""
    query = read.partition("/")[2]
    url = query_url(query, context.limits.arxiv_url, context.limits.max_items_per_source)
    result = await _read(url, f"arXiv {query}", context)
    await record_health(url, result, context)
    return Collected(read, items=result.items, gaps=result.gaps)


def query_url(query: str, api_url: str, max_items: int) -> str:
    """Return the address that lists the query's papers, newest first."""
    parameters = {
        "search_query": query,
        "start": 0,
        "max_results": max_items,
        "sortBy": "submittedDate",
        "sortOrder": "descending",
    }
    return f"{api_url}?{urlencode(parameters)}"


def papers_of(feed: ParsedFeed, name: str) -> SourceYield:
    """Return the feed's papers, or the gap that it stands for."""
    if feed.problem == "has no entries":
        return SourceYield(gaps=(Gap(name, "no paper matches the query"),))
    if feed.problem:
        return SourceYield(gaps=(Gap(name, feed.problem),))
    # arXiv reports a bad query as an ordinary entry with this title.
    if len(feed.entries) == 1 and feed.entries[0].title == "Error":
        return SourceYield(gaps=(Gap(name, f"arXiv refused the query: {feed.entries[0].summary}"),))
    return SourceYield(
        tuple(Item(entry.title, entry.url, SOURCE, _summary(entry), entry.published_at) for entry in feed.entries),
        tuple(Gap(name, note) for note in feed.notes),
    )


async def _read(url: str, name: str, context: CollectContext) -> SourceYield:
    # One connection and a pause, as arXiv asks for, also of those who stand in for it.
    answer = await fetch_source(url, context, explained=(400,), pace=Pace(1, context.limits.arxiv_pause_s))
    match answer:
        case Unreachable(problem):
            return SourceYield(gaps=(Gap(name, problem),))
        case Unchanged(items):
            return SourceYield(settle_dates(items, context.now))
    feed = await context.parser.parse(answer.body, url=answer.url, max_items=context.limits.max_items_per_source)
    result = papers_of(feed, name)
    if answer.status >= 400 and feed.problem:
        return SourceYield(gaps=(Gap(name, words_for_status(answer.status)),))
    if not result.gaps:
        await keep_answer(url, answer, result.items, context)
    return SourceYield(settle_dates(result.items, context.now), result.gaps)


def _summary(entry: ParsedEntry) -> str:
    named = ", ".join(entry.authors[:MAX_AUTHORS])
    others = len(entry.authors) - MAX_AUTHORS
    authors = f"{named} and {others} more" if others > 0 else named
    return shorten(f"{authors}. {entry.summary}" if authors else entry.summary, MAX_SUMMARY_CHARS)
