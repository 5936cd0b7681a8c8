"""The HTML pages of the sample world."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape

_NOTE = "This page belongs to the sample world of a rehearsal: outlets, people and claims are invented."


def render_story(outlet: str, title: str, text: str, published_at: datetime, byline: str = "") -> bytes:
    """Return the page of one story or paper."""
    line = " · ".join(part for part in (outlet, byline, f"{published_at:%Y-%m-%d %H:%M} UTC") if part)
    return _page(title, f"<article><h1>{escape(title)}</h1><p>{escape(line)}</p><p>{escape(text)}</p></article>")


def render_front(host: str, links: Sequence[tuple[str, str]]) -> bytes:
    """Return a host's front page; `links` are titles and addresses."""
    rows = "".join(f'<li><a href="{escape(url)}">{escape(title)}</a></li>' for title, url in links)
    return _page(host, f"<h1>{escape(host)}</h1><ul>{rows}</ul>")


def render_notice(title: str, text: str) -> bytes:
    """Return a page that says one thing, such as that something is not here."""
    return _page(title, f"<h1>{escape(title)}</h1><p>{escape(text)}</p>")


def _page(title: str, body: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>'
        f"<body><main>{body}</main><footer><p>{_NOTE}</p></footer></body></html>\n"
    ).encode()
