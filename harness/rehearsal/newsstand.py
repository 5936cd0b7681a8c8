"""The services of the sample world that pass on what its outlets publish: Hacker News, GitHub, a search, baskets.

Nothing is told here that no outlet told: points and stars are functions of a story's name and its age.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from http import HTTPStatus
from pathlib import Path
from typing import Any

import tomlkit

from harness.domain.feed import FeedEntry
from harness.rehearsal.loopback_server import Answer
from harness.rehearsal.services import Service
from harness.rehearsal.stories import DOMAIN, Entry, Site
from harness.rehearsal.syndication import render_feed
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.snapshot import BASKETS_FILE

HN, FORGE, SEARCH = f"orange.{DOMAIN}", f"forge.{DOMAIN}", f"search.{DOMAIN}"
"""The hosts that answer as Algolia's search of Hacker News does, as GitHub does, and as SearXNG does."""

TRENDS_PREFIX = "trends/"
_TRENDING_LIST = "github-trending"
_JSON, _HTML = "application/json; charset=utf-8", "text/html; charset=utf-8"
_ATOM = "application/atom+xml; charset=utf-8"
_POSTED_AFTER = timedelta(minutes=45)
_ON_FRONT_PAGE = timedelta(hours=20)
_TRENDS_FOR = timedelta(hours=48)
_RELEASES = re.compile(r"/[\w.-]+/(?P<repository>[\w.-]+)/releases\.atom")
_FACTS = re.compile(r"(?P<language>[\w+#]+), \+(?P<gained>\d+) stars today\. (?P<about>.+)")
_HEADING = re.compile(r"##[ \t]+([^:]+?)(?:[ \t]*:.*)?")
_FOUND_AT_MOST = 10

Told = tuple[Site, Entry]


@dataclass(frozen=True, slots=True)
class Newsstand:
    """What the outlets of a world publish, each story with its moment."""

    told: Sequence[Told]

    def services(self) -> Mapping[str, Service]:
        """Return the services by host."""
        return {HN: self.stories, FORGE: self.repositories, SEARCH: self.results}

    def baskets(self) -> dict[str, tuple[FeedEntry, ...]]:
        """Return the outlets of each basket; what is told of AI comes from the outlets that tell of nothing else."""
        baskets: dict[str, dict[str, FeedEntry]] = {"ai": {}}
        for site, _ in self.told:
            for name in site.lists:
                basket = "ai" if name == "ai" else name.removeprefix(TRENDS_PREFIX) if "/" in name else None
                if basket is not None:
                    baskets.setdefault(basket, {})[site.slug] = FeedEntry(site.name, site.feed_url)
        return {name: tuple(feeds.values()) for name, feeds in baskets.items()}

    def stories(self, path: str, query: Mapping[str, str], now: datetime) -> Answer | None:
        """Answer as Algolia's search of Hacker News does."""
        if path not in ("/api/v1/search", "/api/v1/search_by_date"):
            return None
        hits = [_hit(site, entry, now) for site, entry in self.told if _is_posted(site, entry, now)]
        least, since = _filters(query.get("numericFilters", ""))
        hits = [hit for hit in hits if hit["points"] >= least and hit["created_at_i"] > since]
        if query.get("tags") == "front_page":
            oldest = (now - _ON_FRONT_PAGE).timestamp()
            hits = [hit for hit in hits if hit["created_at_i"] > oldest]
        order = "created_at_i" if path.endswith("by_date") else "points"
        hits.sort(key=lambda hit: (hit[order], hit["objectID"]), reverse=True)
        limit = query.get("hitsPerPage", "20")
        return _json({"hits": hits[: int(limit) if limit.isdecimal() else 20], "nbHits": len(hits), "page": 0})

    def repositories(self, path: str, query: Mapping[str, str], now: datetime) -> Answer | None:
        """Answer as GitHub does: its page of trends, and the releases of whatever repository is asked for."""
        if path == "/trending" or path.startswith("/trending/"):
            return self._trends(path.removeprefix("/trending").strip("/").casefold(), now)
        releases = _RELEASES.fullmatch(path)
        if releases is None:
            return None
        sites = {site.slug: site for site, _ in self.told if "releases" in site.lists}
        own = [site for site in sites.values() if site.feed_path == path]
        # What no repository of this world is called has the releases of one, always of the same.
        site = own[0] if own else sorted(sites.values(), key=lambda one: _digest(f"{one.slug} {path}"))[0]
        published = [entry for teller, entry in self.told if teller.slug == site.slug and entry.published_at <= now]
        changed_at = max((entry.published_at for entry in published), default=now)
        return Answer(HTTPStatus.OK, _ATOM, render_feed(site, published, changed_at), changed_at)

    def _trends(self, language: str, now: datetime) -> Answer:
        rows = []
        for site, entry in self.told:
            if _TRENDING_LIST not in site.lists or not now - _TRENDS_FOR < entry.published_at <= now:
                continue
            facts = _FACTS.fullmatch(entry.story.text)
            if facts is not None and language in ("", facts["language"].casefold()):
                rows.append((int(facts["gained"]), _row(entry, facts)))
        rows.sort(reverse=True)
        page = "".join(row for _, row in rows)
        body = f'<!DOCTYPE html><html lang="en"><head><title>Trending</title></head><body><h2>Trending</h2>{page}'
        return Answer(HTTPStatus.OK, _HTML, f"{body}</body></html>\n".encode())

    def results(self, path: str, query: Mapping[str, str], now: datetime) -> Answer | None:
        """Answer as SearXNG does: the stories that hold most of the words, the newest first among equals."""
        if path != "/search":
            return None
        words = set(_words(query.get("q", "")))
        found = []
        for site, entry in self.told:
            if entry.published_at > now or entry.story.path is None or entry.story.is_gone or site.fault:
                continue
            shared = len(words & set(_words(f"{entry.story.title} {entry.story.text}")))
            if shared:
                found.append((shared, entry.published_at, entry))
        found.sort(key=lambda one: (one[0], one[1], one[2].story.slug), reverse=True)
        results = [_result(entry) for _, _, entry in found[:_FOUND_AT_MOST]]
        return _json({"query": query.get("q", ""), "results": results})


def read_at_newsstand(workspace: Path, baskets: Mapping[str, Sequence[FeedEntry]]) -> None:
    """Lead a rehearsal's copy to the services of the world, and its baskets to the outlets of the world."""
    path = workspace / SETTINGS_FILE
    settings: Any = tomlkit.parse(path.read_text(encoding="utf-8"))
    sources = settings.setdefault("sources", tomlkit.table())
    # The hosts of this world have no robots.txt, and asking each of them for it costs real time.
    sources.update({"hn_url": f"http://{HN}/api/v1", "github_url": f"http://{FORGE}", "robots": False})
    settings["search"] = {"provider": "searxng", "url": f"http://{SEARCH}"}
    path.write_text(tomlkit.dumps(settings), encoding="utf-8")
    file = workspace / BASKETS_FILE
    if file.is_file():
        file.write_text(_with_feeds(file.read_text(encoding="utf-8"), baskets), encoding="utf-8")


def _with_feeds(text: str, baskets: Mapping[str, Sequence[FeedEntry]]) -> str:
    """Return the file of the baskets with the world's feeds in place of its own, those of AI where it has none."""
    lines = []
    for line in text.split("\n"):
        if not line.lstrip().startswith(("- [", "* [", "+ [")):
            lines.append(line)
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            feeds = baskets.get(heading[1]) or baskets.get("ai", ())
            lines += [f"- [{feed.title}]({feed.url})" for feed in feeds]
    return "\n".join(lines)


def _is_posted(site: Site, entry: Entry, now: datetime) -> bool:
    """Say whether somebody has posted the story: a third of what is told of AI, products and solo businesses is."""
    tells = any(name in ("ai", "trends/product", "trends/solo") for name in site.lists)
    is_own = entry.story.echoes is None and entry.story.path is not None and not entry.story.is_gone
    posted_at = entry.published_at + _POSTED_AFTER
    return tells and is_own and site.fault is None and posted_at <= now and _digest(entry.story.slug) % 3 == 0


def _hit(site: Site, entry: Entry, now: datetime) -> dict[str, Any]:
    posted_at = entry.published_at + _POSTED_AFTER
    hours = (now - posted_at).total_seconds() / 3600
    most = 40 + _digest(entry.story.slug) // 3 % 460
    points = 1 + int(most * (1 - math.exp(-hours / 6)))
    number = 40_000_000 + _digest(f"{site.slug}/{entry.story.slug}") % 9_000_000
    return {
        "objectID": str(number),
        "title": entry.story.title,
        "url": entry.story.url,
        "author": site.slug.replace("-", ""),
        "points": points,
        "num_comments": points * 2 // 5,
        "created_at": f"{posted_at:%Y-%m-%dT%H:%M:%SZ}",
        "created_at_i": int(posted_at.timestamp()),
        "_tags": ["story", f"story_{number}"],
    }


def _filters(text: str) -> tuple[int, int]:
    """Return the points and the moment that Algolia's filters ask for at least."""
    found = dict(re.findall(r"(points|created_at_i)>=?(\d+)", text))
    return int(found.get("points", 0)), int(found.get("created_at_i", 0))


def _row(entry: Entry, facts: re.Match[str]) -> str:
    name = escape(entry.story.slug)
    about = escape(entry.story.title.partition(": ")[2] or facts["about"])
    stars = int(facts["gained"]) * (3 + _digest(entry.story.slug) % 40)
    return (
        f'<article class="Box-row"><h2><a href="/{name}"><span>{name}</span></a></h2><p>{about}</p>'
        f'<div><span itemprop="programmingLanguage">{escape(facts["language"])}</span>'
        f'<a href="/{name}/stargazers">{stars:,}</a><span>{int(facts["gained"]):,} stars today</span></div></article>'
    )


def _result(entry: Entry) -> dict[str, Any]:
    return {
        "url": entry.story.url,
        "title": entry.story.title,
        "content": entry.story.text,
        "publishedDate": f"{entry.published_at:%Y-%m-%dT%H:%M:%S}",
        "engine": "sample",
        "category": "general",
    }


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.casefold()) if len(word) > 2]


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6])


def _json(value: Any) -> Answer:
    return Answer(HTTPStatus.OK, _JSON, json.dumps(value).encode())
