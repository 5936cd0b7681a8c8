"""Hacker News through Algolia's search of it: stories with their points and where they are discussed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from harness.collectors.context import CollectContext
from harness.collectors.document import (
    BadDocument,
    fetch_document,
    list_of,
    number_of,
    read_json,
    record_answer,
    text_of,
)
from harness.collectors.freshness import settle_dates
from harness.collectors.links import usable_link
from harness.collectors.plain_text import MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, shorten, strip_html
from harness.domain.figures import Figure
from harness.domain.source import Collected, Gap, Item

SOURCE = "Hacker News"
_DISCUSSION = "https://news.ycombinator.com/item?id={}"
_ENTRY = re.compile(r"(?:(?P<list>top|new|best)(?:/(?P<points>\d{1,5}))?|(?P<alone>\d{1,5}))")
_BEST_OF = timedelta(days=3)


def check_hacker_news(rest: str) -> str | None:
    """Return what is wrong with what stands after `hn/`, and how to write it."""
    if _ENTRY.fullmatch(rest):
        return None
    return "names no list; write hn/top, hn/new or hn/best, with /150 for stories of at least so many points, or hn/150"


async def collect_hacker_news(read: str, context: CollectContext) -> Collected:
    """Return the stories of `hn/top`, `hn/new` or `hn/best`, of at least so many points; `hn/150` are new ones."""
    match = _ENTRY.fullmatch(read.partition("/")[2])
    if match is None:
        return Collected(read, gaps=(Gap(read, check_hacker_news("") or ""),))
    points = int(match["points"] or match["alone"] or 0)
    url = query_url(match["list"] or "new", points, context)
    answer = await fetch_document(url, context)
    problem = answer if isinstance(answer, str) else ""
    collected = Collected(read)
    if not isinstance(answer, str):
        try:
            collected = stories_of(read, list_of(read_json(answer.body), "hits"), points, context.now)
        except BadDocument as bad:
            problem = str(bad)
    await record_answer(url.partition("?")[0], problem, context)
    return Collected(read, gaps=(Gap(SOURCE, problem),)) if problem else collected


def query_url(name: str, points: int, context: CollectContext) -> str:
    """Return the address that lists the stories: the front page, the newest, or the best of the last days."""
    filters = [f"points>={points}"] if points else []
    parameters = {"tags": "story", "hitsPerPage": str(context.limits.max_items_per_source)}
    if name == "top":
        parameters["tags"] = "front_page"
    elif name == "best":
        # To the hour, so that the same question is asked again and may be answered from a cache.
        since = (context.now - _BEST_OF).replace(minute=0, second=0, microsecond=0)
        filters.append(f"created_at_i>{int(since.timestamp())}")
    if filters:
        parameters["numericFilters"] = ",".join(filters)
    verb = "search_by_date" if name == "new" else "search"
    return f"{context.limits.hn_url}/{verb}?{urlencode(parameters)}"


def stories_of(read: str, hits: Any, points: int, now: datetime) -> Collected:
    """Return the stories among the hits, and how many of them could not be read."""
    found: dict[str, tuple[Item, Figure | None]] = {}
    unreadable = 0
    for hit in hits:
        story = _story(hit) if isinstance(hit, dict) else None
        if story is None:
            unreadable += 1
        elif (number_of(hit.get("points")) or 0) >= points:
            found.setdefault(story[0].url, story)
    gaps = [Gap(SOURCE, f"{unreadable} of its {len(hits)} stories could not be read")] if unreadable else []
    # That no story has so many points today is an answer; a front page without any is none.
    if not hits and not points:
        gaps.append(Gap(SOURCE, "listed no story"))
    figures = {figure.key: figure for _, figure in found.values() if figure is not None}
    return Collected(
        read, settle_dates((item for item, _ in found.values()), now), tuple(gaps), figures=tuple(figures.values())
    )


def _story(hit: Mapping[str, Any]) -> tuple[Item, Figure | None] | None:
    number, title = text_of(hit.get("objectID")), text_of(hit.get("title"), MAX_TITLE_CHARS)
    if not number.isdecimal() or not title:
        return None
    discussion = _DISCUSSION.format(number)
    points, comments, at = number_of(hit.get("points")), number_of(hit.get("num_comments")), _moment(hit)
    written = hit.get("url")
    link = usable_link(written, "") if isinstance(written, str) and written else None
    said = [f"{points:.0f} points" if points is not None else "", f"{comments:.0f} comments" if comments else ""]
    summary = f"{', '.join(filter(None, said)) or 'New'} on Hacker News: {discussion}."
    about = hit.get("story_text")
    if isinstance(about, str) and about:
        summary = shorten(f"{summary} {strip_html(about, MAX_SUMMARY_CHARS)}", MAX_SUMMARY_CHARS)
    figure = None
    if points is not None:
        figure = Figure(f"{number}.points", f"{shorten(title, 80)}, points", points, "points", at, SOURCE, discussion)
    return Item(title, link or discussion, SOURCE, summary, at), figure


def _moment(hit: Mapping[str, Any]) -> datetime | None:
    seconds = number_of(hit.get("created_at_i"))
    try:
        return None if not seconds or seconds < 0 else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
