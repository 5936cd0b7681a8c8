"""Turns the bytes of a feed into plain entries. Pure, and run only in a worker that can be killed."""

from __future__ import annotations

import calendar
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from xml.sax import SAXException

import feedparser

from harness.collectors.links import usable_link
from harness.collectors.plain_text import MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, shorten, strip_html
from harness.collectors.sniff import is_feed_closed, looks_like_html, refuse_document
from harness.gate.sanitise import one_line

MAX_AUTHOR_CHARS = 200
_MOST_AUTHORS = 100
_MOST_OF_A_REASON = 200


def read_feed(body: bytes, *, url: str, max_items: int) -> dict[str, Any]:
    """Return what the feed holds, as JSON can carry it.

    `{"problem": "…"}` if it gives nothing, in words that follow the feed's name; or `title`, `entries` (the
    newest `max_items` in the feed's order: title, url, summary, authors, published as ISO 8601 UTC or None)
    and `notes`, what is wrong with the rest. `url` is where relative links start, empty for a file.
    """
    problem = refuse_document(body)
    if problem:
        return {"problem": problem}
    # Never the bare bytes: feedparser takes those for the name of a file first. Cleaning and resolving embedded
    # HTML is left out, because only its text is kept.
    document = feedparser.parse(
        io.BytesIO(body),
        response_headers={"content-location": url} if url else {},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    if not document.entries:
        return {"problem": _why_no_entries(document, body)}
    base = url or str(document.feed.get("link", ""))
    read = [_read_entry(entry, base) for entry in document.entries]
    entries = [entry for entry in read if entry is not None]
    if not entries:
        return {"problem": f"none of its {len(read)} entries has a usable link"}
    notes = []
    if document.bozo and isinstance(document.get("bozo_exception"), SAXException) and not is_feed_closed(body):
        notes.append(f"is cut off in the middle; {_entries(len(entries))} could be read")
    if len(entries) < len(read):
        notes.append(f"left out {len(read) - len(entries)} of its {_entries(len(read))}, for want of a usable link")
    return {
        "title": _title_of(document.feed, "title"),
        "entries": _newest(entries, max_items),
        "notes": notes,
    }


def _read_entry(entry: Mapping[str, Any], base: str) -> dict[str, Any] | None:
    link = usable_link(str(entry.get("link") or ""), base) if entry.get("link") else None
    if link is None:
        return None
    summary = _summary_of(entry)
    authors = [one_line(str(author.get("name", ""))) for author in (entry.get("authors") or ())[:_MOST_AUTHORS]]
    published = _published_at(entry)
    return {
        "title": _title_of(entry, "title") or shorten(summary, 80) or link,
        "url": link,
        "summary": summary,
        "authors": [shorten(author, MAX_AUTHOR_CHARS) for author in authors if author],
        "published": None if published is None else published.isoformat(),
    }


def _summary_of(entry: Mapping[str, Any]) -> str:
    summary = str(entry.get("summary") or "")
    kind = (entry.get("summary_detail") or {}).get("type", "text/html")
    if not summary and entry.get("content"):
        summary, kind = str(entry["content"][0].get("value", "")), entry["content"][0].get("type", "text/html")
    if kind == "text/plain":
        return shorten(one_line(summary), MAX_SUMMARY_CHARS)
    return strip_html(summary, MAX_SUMMARY_CHARS)


def _title_of(holder: Mapping[str, Any], name: str) -> str:
    title = str(holder.get(name) or "")
    kind = (holder.get(f"{name}_detail") or {}).get("type", "text/plain")
    if kind == "text/plain":
        return shorten(one_line(title), MAX_TITLE_CHARS)
    return strip_html(title, MAX_TITLE_CHARS)


def _published_at(entry: Mapping[str, Any]) -> datetime | None:
    moment = entry.get("published_parsed")
    # `in`, because feedparser's `get` falls back from updated to published, with a warning.
    if moment is None and "updated_parsed" in entry:
        moment = entry["updated_parsed"]
    if moment is None:
        return None
    try:
        seconds = calendar.timegm(moment)
        # The years 1 and 1970 are what programs write that know no date.
        return datetime.fromtimestamp(seconds, UTC) if seconds > 86_400 else None
    except (ValueError, OverflowError, OSError):
        return None


def _newest(entries: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Keep the newest, in the feed's order: some feeds put the oldest first. Undated ones count as old."""
    if len(entries) <= limit:
        return entries
    by_age = sorted(range(len(entries)), key=lambda index: entries[index]["published"] or "", reverse=True)
    return [entries[index] for index in sorted(by_age[:limit])]


def _why_no_entries(document: Any, body: bytes) -> str:
    if looks_like_html(body):
        return "is an HTML page, not a feed"
    if isinstance(document.get("bozo_exception"), SAXException):
        if document.version and not is_feed_closed(body):
            return "is cut off before its first entry"
        reason = shorten(one_line(str(document.bozo_exception.getMessage())), _MOST_OF_A_REASON)
        return f"is no readable XML ({reason})" if body.lstrip().startswith(b"<") else "is not a feed"
    return "has no entries" if document.version else "is not a feed"


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
