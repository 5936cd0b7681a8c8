"""RSS and Atom: the feeds of a list, all at once, each on its own risk."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from harness.collectors.context import CollectContext, SourceYield
from harness.collectors.deadline import finish
from harness.collectors.fetch import (
    Unchanged,
    Unreachable,
    fetch_source,
    gap_of_fault,
    keep_answer,
    record_health,
    source_name,
)
from harness.collectors.freshness import settle_dates
from harness.collectors.politeness import host_of
from harness.domain.errors import HarnessError
from harness.domain.feed import FeedEntry
from harness.domain.source import Collected, Gap, Item


async def collect_feed_list(read: str, context: CollectContext) -> Collected:
    """Return the items of all feeds in the list `feeds/<list>`, in the list's order."""
    name = read.partition("/")[2]
    feeds = context.workspace.feed_lists.get(name)
    if feeds is None:
        return Collected(read, gaps=(Gap(read, f"there is no list shared-context/feeds/{name}.md or .opml"),))
    if not feeds:
        return Collected(read, gaps=(Gap(read, "the list is empty"),))
    return await collect_feeds(read, feeds, context)


async def collect_feeds(read: str, feeds: Sequence[FeedEntry], context: CollectContext) -> Collected:
    """Return the items of all these feeds for the entry, in their order; each is held to the deadline by itself."""
    places = asyncio.Semaphore(context.limits.concurrency)

    async def read_in_time(feed: FeedEntry) -> SourceYield:
        result = await finish(read_in_turn(feed), context.deadline)
        if result is None:
            assert context.deadline is not None, "nothing else ends it early"
            return SourceYield(gaps=(context.deadline.gap(feed.title or source_name(feed.url)),))
        return result

    async def read_in_turn(feed: FeedEntry) -> SourceYield:
        async with places:
            try:
                return await read_feed_url(feed.url, feed.title, context)
            except HarnessError:
                raise  # not this feed's, but what all of them need: a full disk, a database that is locked
            except Exception as error:  # noqa: BLE001 - the boundary of a source: whatever breaks, the others go on
                return SourceYield(gaps=(gap_of_fault(feed.title or source_name(feed.url), error, context),))

    try:
        async with asyncio.TaskGroup() as tasks:
            # Begun host by host in turn: many feeds of one host, which wait for each other, keep no others waiting.
            begun = {feed: tasks.create_task(read_in_time(feed)) for feed in _spread_over_hosts(feeds)}
            readings = [begun[feed] for feed in feeds]
    except ExceptionGroup as failures:
        # A group would hide from the person what the error says and from the run that it is one of the harness's.
        raise failures.exceptions[0] from failures
    results = [reading.result() for reading in readings]
    return Collected(
        read,
        items=tuple(item for result in results for item in result.items),
        gaps=tuple(gap for result in results for gap in result.gaps),
    )


async def read_feed_url(url: str, name: str, context: CollectContext) -> SourceYield:
    """Return what the feed at the URL holds and record how it did; its name may be empty.

    Never raises for what the feed does: that is a gap.
    """
    result = await _read(url, name, context)
    await record_health(url, result, context)
    return result


async def parse_feed(body: bytes, url: str, name: str, context: CollectContext, unnamed: str = "") -> SourceYield:
    """Return what the document holds as the items of one source.

    Without a name the feed's own title names it, and without that `unnamed`, or the host of the URL.
    """
    feed = await context.parser.parse(body, url=url, max_items=context.limits.max_items_per_source)
    name = name or feed.title or unnamed or source_name(url)
    if feed.problem:
        return SourceYield(gaps=(Gap(name, feed.problem),))
    return SourceYield(
        tuple(Item(entry.title, entry.url, name, entry.summary, entry.published_at) for entry in feed.entries),
        tuple(Gap(name, note) for note in feed.notes),
    )


def _spread_over_hosts(feeds: Sequence[FeedEntry]) -> list[FeedEntry]:
    """Return the first feed of each host, then the second of each, and so on."""
    met: Counter[str] = Counter()
    rounds: list[tuple[int, FeedEntry]] = []
    for feed in feeds:
        host = host_of(feed.url)
        rounds.append((met[host], feed))
        met[host] += 1
    return [feed for _, feed in sorted(rounds, key=lambda entry: entry[0])]


async def _read(url: str, name: str, context: CollectContext) -> SourceYield:
    answer = await fetch_source(url, context, obeys_robots=context.limits.robots)
    match answer:
        case Unreachable(problem):
            return SourceYield(gaps=(Gap(name or source_name(url), problem),))
        case Unchanged(items):
            # The person may have given the feed another name since then.
            named = (replace(item, source=name or item.source) for item in items)
            return SourceYield(settle_dates(named, context.now))
    result = await parse_feed(answer.body, answer.url, name, context)
    if not result.gaps:
        await keep_answer(url, answer, result.items, context)
    return SourceYield(settle_dates(result.items, context.now), result.gaps)
