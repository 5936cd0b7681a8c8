"""What collectors bring home: items with links, and the gaps where something could not be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from harness.domain.figures import Figure, Series

_TRACKING = re.compile(r"^(utm_\w+|fbclid|gclid|mc_cid|mc_eid|ref|ref_src|source|igshid)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a source.

    `url` is the entry's own link as published; `summary` is plain text of at most 600 characters;
    `published_at` is aware UTC. `source` is the feed's readable name, `also_in` the names of further
    sources that report the same thing (same canonical URL or same title). `priority` is P0, P1 or P2 where another
    agent of the team has judged it, else empty.
    """

    title: str
    url: str
    source: str
    summary: str = ""
    published_at: datetime | None = None
    also_in: tuple[str, ...] = ()
    priority: str = ""

    @property
    def key(self) -> str:
        """The identity of the item across sources and days: its canonical URL."""
        return canonical_url(self.url)

    @property
    def is_single_source(self) -> bool:
        return not self.also_in


@dataclass(frozen=True, slots=True)
class Gap:
    """A source that could not be used, and why, in words for the person."""

    source: str
    problem: str

    def __str__(self) -> str:
        return f"{self.source}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Collected:
    """What one `read` entry of a job yielded.

    `read` is the entry as the person wrote it (`feeds/ai`, `arxiv/cat:cs.AI`, `ainews/morning-digest`).
    `text` holds content that has no items (a file, another job's prose). `is_untrusted` marks text
    that came from outside the team. `figures` are numbers with their sources, `series` what charts are drawn from.
    """

    read: str
    items: tuple[Item, ...] = ()
    gaps: tuple[Gap, ...] = ()
    text: str = ""
    is_untrusted: bool = True
    figures: tuple[Figure, ...] = ()
    series: tuple[Series, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing to write about."""
        return not (self.items or self.text.strip() or self.figures)


def canonical_url(url: str) -> str:
    """Return the URL reduced to what identifies the page.

    Lower-case scheme and host, no fragment, no default port, no tracking parameters, sorted query,
    no trailing slash; http and https count as the same. What is no URL is returned as it is.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").removeprefix("www."), parts.port
    except ValueError:
        return url.strip()
    if ":" in host:
        host = f"[{host}]"
    if port not in (None, 80, 443):
        host = f"{host}:{port}"
    query = urlencode(
        sorted((k, v) for k, v in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.match(k))
    )
    path = parts.path.rstrip("/")
    scheme = "https" if parts.scheme.lower() in ("http", "https") else parts.scheme.lower()
    return urlunsplit((scheme, host, path, query, ""))


def title_key(title: str) -> str:
    """Return the title reduced to its words, for finding the same story in two sources."""
    return " ".join(re.findall(r"\w+", title.casefold()))
