"""A single address: a page reduced to its text, or a feed."""

from __future__ import annotations

import codecs
import re

from harness.collectors.context import CollectContext
from harness.collectors.feeds import parse_feed
from harness.collectors.fetch import Unchanged, Unreachable, fetch_source, keep_answer, record_health, source_name
from harness.collectors.freshness import settle_dates
from harness.collectors.parse import MAX_PAGE_CHARS, FeedParser, ParsedPage, known_charset
from harness.collectors.plain_text import MAX_SUMMARY_CHARS, shorten
from harness.collectors.sniff import looks_like_feed, looks_like_html
from harness.domain.source import Collected, Gap, Item
from harness.gate.sanitise import one_line, sanitise
from harness.ports import WebResponse

_KIND = re.compile(r"\s*([\w.+-]+/[\w.+-]+)\s*(?:;|$)", re.ASCII)
_CHARSET = re.compile(r";\s*charset\s*=\s*[\"']?([\w.:+-]+)", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(r"text/[\w.+-]+|application/(?:[\w.+-]+\+)?(?:json|xml|yaml|toml)")


async def collect_page(read: str, url: str, context: CollectContext) -> Collected:
    """Return what stands at the URL: a feed as items, a page as text and as one item that links to it."""
    collected = await _collect(read, url, context)
    await record_health(url, collected, context)
    return collected


async def reduce_page(response: WebResponse, parser: FeedParser, max_chars: int = MAX_PAGE_CHARS) -> ParsedPage:
    """Return the response's text as a reader sees it, or the problem that it is no text."""
    kind, charset = read_content_type(response.headers.get("content-type", ""))
    if kind in ("text/html", "application/xhtml+xml") or looks_like_html(response.body):
        return await parser.read_page(response.body, charset=charset, max_chars=max_chars)
    if kind and not _PLAIN.fullmatch(kind):
        return ParsedPage(problem=f"is {kind[:60]}, which is not read as text")
    text = _decoded(response.body, charset)
    if "\0" in text:
        return ParsedPage(problem="is not text")
    return ParsedPage(text=shorten("\n".join(line.rstrip() for line in sanitise(text).split("\n")), max_chars))


def _decoded(body: bytes, charset: str) -> str:
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charset = "utf-16"
    return body.decode(known_charset(charset), "replace").removeprefix("\ufeff").strip()


def read_content_type(header: str) -> tuple[str, str]:
    """Return the media type in lower case and the charset (UTF-8 if it names none).

    A header that names no media type at all counts as plain text, no header as nothing.
    """
    kind, charset = _KIND.match(header), _CHARSET.search(header)
    named = kind.group(1).lower() if kind else "text/plain"
    return named if header else "", charset.group(1).lower() if charset else "utf-8"


async def _collect(read: str, url: str, context: CollectContext) -> Collected:
    name = source_name(url)
    answer = await fetch_source(url, context, obeys_robots=context.limits.robots)
    match answer:
        case Unreachable(problem):
            return Collected(read, gaps=(Gap(name, problem),))
        case Unchanged(items):
            return Collected(read, items=settle_dates(items, context.now))
    if looks_like_feed(answer.body):
        feed = await parse_feed(answer.body, answer.url, "", context)
        if not feed.gaps:
            await keep_answer(url, answer, feed.items, context)
        return Collected(read, items=settle_dates(feed.items, context.now), gaps=feed.gaps)
    page = await reduce_page(answer, context.parser)
    if page.problem or not page.text:
        return Collected(read, gaps=(Gap(name, page.problem or "has no text"),))
    item = Item(page.title or name, url, name, shorten(one_line(page.text), MAX_SUMMARY_CHARS))
    return Collected(read, items=(item,), text=page.text)
