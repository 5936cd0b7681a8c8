"""Sites as RSS 2.0 and Atom documents."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from xml.etree.ElementTree import Element, SubElement, tostring

from harness.rehearsal.stories import Entry, Site

ATOM = "http://www.w3.org/2005/Atom"


def render_feed(site: Site, entries: Sequence[Entry], opened_at: datetime) -> bytes:
    """Return the site's feed with these entries, newest first, in the site's format.

    `opened_at` dates a feed that has no entry yet.
    """
    newest_first = sorted(entries, key=lambda entry: entry.published_at, reverse=True)
    updated_at = newest_first[0].published_at if newest_first else opened_at
    tree = _rss if site.format == "rss" else _atom
    return as_document(tree(site, newest_first, updated_at))


def as_document(root: Element) -> bytes:
    """Return the tree as a UTF-8 document with its XML declaration."""
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def leaf(parent: Element, tag: str, text: str = "", **attributes: str) -> None:
    """Append an element that holds text and nothing else."""
    SubElement(parent, tag, attributes).text = text or None


def iso(moment: datetime) -> str:
    """Return the moment as Atom writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rss(site: Site, entries: Sequence[Entry], updated_at: datetime) -> Element:
    root = Element("rss", {"version": "2.0"})
    channel = SubElement(root, "channel")
    leaf(channel, "title", site.name)
    leaf(channel, "link", f"{site.url}/")
    leaf(channel, "description", site.tagline)
    leaf(channel, "lastBuildDate", format_datetime(updated_at, usegmt=True))
    for entry in entries:
        item = SubElement(channel, "item")
        leaf(item, "title", entry.story.title)
        leaf(item, "link", entry.story.url)
        leaf(item, "guid", f"{site.host}/{entry.story.slug}", isPermaLink="false")
        leaf(item, "pubDate", format_datetime(entry.published_at, usegmt=True))
        # Markup inside descriptions is what most outlets publish, so readers must cope with it here too.
        leaf(item, "description", f"<p>{escape(entry.story.text, quote=False)}</p>")
    return root


def _atom(site: Site, entries: Sequence[Entry], updated_at: datetime) -> Element:
    root = Element("feed", {"xmlns": ATOM})
    leaf(root, "title", site.name)
    leaf(root, "subtitle", site.tagline)
    leaf(root, "id", site.feed_url)
    leaf(root, "link", rel="self", href=site.feed_url)
    leaf(root, "link", rel="alternate", href=f"{site.url}/")
    leaf(root, "updated", iso(updated_at))
    leaf(SubElement(root, "author"), "name", site.name)
    for entry in entries:
        element = SubElement(root, "entry")
        leaf(element, "title", entry.story.title)
        leaf(element, "link", rel="alternate", href=entry.story.url)
        leaf(element, "id", f"tag:{site.host},2020:{entry.story.slug}")
        leaf(element, "published", iso(entry.published_at))
        leaf(element, "updated", iso(entry.published_at))
        leaf(element, "summary", entry.story.text)
    return root
