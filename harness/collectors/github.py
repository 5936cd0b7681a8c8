"""GitHub without a key: the page of trending repositories, and the feed of a repository's releases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from harness.collectors.context import CollectContext, SourceYield
from harness.collectors.document import record_answer
from harness.collectors.feeds import read_feed_url
from harness.collectors.fetch import Unchanged, Unreachable, fetch_source
from harness.collectors.plain_text import MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, shorten
from harness.domain.figures import Figure
from harness.domain.source import Collected, Gap, Item

TRENDING = "GitHub Trending"
_TRENDING = re.compile(r"trending(?:/(?P<language>[a-z0-9][a-z0-9+#.-]*))?")
_RELEASES = re.compile(r"releases/(?P<owner>[A-Za-z0-9][\w-]*)/(?P<repository>[\w.-]+)")
_VERSION_ONLY = re.compile(r"[\w.-]*?v?\d[\w.+-]*")


def check_github(rest: str) -> str | None:
    """Return what is wrong with what stands after `github/`, and how to write it."""
    if _TRENDING.fullmatch(rest) or _RELEASES.fullmatch(rest):
        return None
    return "is neither trends nor releases; write github/trending, github/trending/python or github/releases/OWNER/REPO"


async def collect_github(read: str, context: CollectContext) -> Collected:
    """Return today's trending repositories (of a language), or a repository's releases."""
    rest = read.partition("/")[2]
    releases = _RELEASES.fullmatch(rest)
    if releases is not None:
        found = await _read_releases(releases["owner"], releases["repository"], context)
        return Collected(read, found.items, found.gaps)
    trending = _TRENDING.fullmatch(rest)
    if trending is None:
        return Collected(read, gaps=(Gap(read, check_github("") or ""),))
    return await _read_trending(read, trending["language"], context)


async def _read_releases(owner: str, repository: str, context: CollectContext) -> SourceYield:
    url = f"{context.limits.github_url}/{owner}/{repository}/releases.atom"
    found = await read_feed_url(url, f"{repository} releases", context)
    return replace(found, items=tuple(_with_name(item, repository) for item in found.items))


def _with_name(item: Item, repository: str) -> Item:
    """Return the release with a title that says of what it is: many are called by their number alone."""
    if repository.casefold() in item.title.casefold():
        return item
    separator = " " if _VERSION_ONLY.fullmatch(item.title) else ": "
    return replace(item, title=shorten(f"{repository}{separator}{item.title}", MAX_TITLE_CHARS))


async def _read_trending(read: str, language: str | None, context: CollectContext) -> Collected:
    path = f"/{quote(language)}" if language else ""
    # Without ?since=daily, which says nothing new: addresses with that word are closed to robots there.
    url = f"{context.limits.github_url}/trending{path}"
    match await fetch_source(url, context, obeys_robots=context.limits.robots):
        case Unreachable(problem):
            collected = Collected(read, gaps=(Gap(TRENDING, problem),))
        case Unchanged():
            # The page is never kept: its stars change by the minute.
            collected = Collected(
                read, gaps=(Gap(TRENDING, "answered that nothing changed, and nothing is kept of it"),)
            )
        case answer:
            page = await context.parser.read_trending(answer.body)
            collected = repositories_of(read, page, context)
    await record_answer(url, "; ".join(gap.problem for gap in collected.gaps), context)
    return collected


def repositories_of(read: str, page: Mapping[str, Any], context: CollectContext) -> Collected:
    """Return the rows of the page as items and figures, or the gap that it is."""
    if page.get("problem"):
        return Collected(read, gaps=(Gap(TRENDING, page["problem"]),))
    rows = page["rows"][: context.limits.max_items_per_source]
    gaps = (Gap(TRENDING, f"{page['note']}; {len(rows)} repositories could be read"),) if page["note"] else ()
    figures = [figure for row in rows for figure in _figures(row, context)]
    return Collected(
        read,
        tuple(_item(row, context) for row in rows),
        gaps,
        figures=tuple({figure.key: figure for figure in figures}.values()),
    )


def _item(row: Mapping[str, Any], context: CollectContext) -> Item:
    said = [
        row["language"],
        f"{row['gained']:,} stars today" if row["gained"] is not None else "",
        f"{row['stars']:,} stars" if row["stars"] is not None else "",
    ]
    facts = ", ".join(filter(None, said))
    summary = ". ".join(filter(None, (facts, row["about"])))
    title = f"{row['name']}: {row['about']}" if row["about"] else row["name"]
    url = f"{context.limits.github_url}/{row['name']}"
    return Item(shorten(title, 160), url, TRENDING, shorten(summary, MAX_SUMMARY_CHARS), context.now)


def _figures(row: Mapping[str, Any], context: CollectContext) -> list[Figure]:
    url = f"{context.limits.github_url}/{row['name']}"
    told = (("gained", "stars today"), ("stars", "stars"))
    return [
        Figure(f"{row['name']}.{key}", f"{row['name']}, {name}", row[key], "stars", context.now, TRENDING, url)
        for key, name in told
        if row[key] is not None
    ]
