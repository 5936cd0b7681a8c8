"""The invented outlets, stories and papers of the sample world, as its data files tell them.

One TOML file is one site; what it publishes on further days stands in `week/`. `at` is in hours after the
midnight of the rehearsed day, on the wall clock of the home zone. A story with `echoes = "<site>/<slug>"`
reports what another one reported first: `via = "link"` points at that one's page, with the tracking
parameters that syndication adds; `via = "title"` has its own page and the same title.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Literal, get_args

from harness.rehearsal.week import PAPERS, read_papers, with_week

DOMAIN = "sample.test"
PREPRINTS = "preprints.toml"

Format = Literal["rss", "atom"]
Fault = Literal["html", "truncated", "unavailable"]


@dataclass(frozen=True, slots=True)
class Story:
    """One entry of a feed. `url` is what the feed links to; `path` is its own page, None if it has none;
    `is_gone` says that the page answers 404 for ever, `page_text` what the page says if not the feed's text."""

    slug: str
    at_h: float
    title: str
    text: str
    url: str
    path: str | None
    is_gone: bool = False
    echoes: str | None = None
    page_text: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    """An outlet with one feed, its stories oldest first. `lists` are the feed lists that it belongs to."""

    slug: str
    name: str
    tagline: str
    format: Format
    lists: tuple[str, ...]
    host: str
    feed_path: str
    stories: tuple[Story, ...] = ()
    fault: Fault | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def feed_url(self) -> str:
        return self.url + self.feed_path


@dataclass(frozen=True, slots=True)
class Paper:
    """A preprint; its first category is the primary one."""

    at_h: float
    title: str
    text: str
    authors: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A story of a given day: `published_at` is aware UTC."""

    story: Story
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Almanac:
    """Everything that will be published in the sample world."""

    sites: tuple[Site, ...]
    papers: tuple[Paper, ...]
    papers_host: str


def load_almanac() -> Almanac:
    """Return the world that is shipped with the package, sites by name of their file."""
    folder = files("harness.rehearsal").joinpath("sample")
    return parse_almanac(_texts_in(folder, ".toml"), _texts_in(folder.joinpath("week"), ".txt"))


def _texts_in(folder: Traversable, ending: str) -> dict[str, str]:
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(ending))
    return {name: folder.joinpath(name).read_text(encoding="utf-8") for name in names}


def parse_almanac(texts: Mapping[str, str], week: Mapping[str, str] = MappingProxyType({})) -> Almanac:
    """Return the world that the files tell; `texts` maps a file's name to its TOML, `week` to its lines.

    Raises ValueError naming the file and what is wrong with it.
    """
    tables = with_week({name: tomllib.loads(text) for name, text in texts.items() if name != PREPRINTS}, week)
    sites = [_parse_site(name, table) for name, table in sorted(tables.items())]
    preprints = tomllib.loads(texts[PREPRINTS])
    preprints["paper"] += read_papers(week.get(PAPERS, ""))
    originals = {f"{site.slug}/{story.slug}": (site, story) for site in sites for story in site.stories}
    told = tuple(replace(site, stories=tuple(_resolve(site, s, originals) for s in site.stories)) for site in sites)
    papers = tuple(_parse_paper(table) for table in preprints["paper"])
    return Almanac(told, papers, f"{preprints['host']}.{DOMAIN}")


def _parse_site(file_name: str, table: Mapping[str, Any]) -> Site:
    slug = file_name.removesuffix(".toml")
    host = f"{table.get('host', slug)}.{DOMAIN}"
    story_path = table.get("story_path", "/stories/{slug}")
    if table["format"] not in get_args(Format):
        raise ValueError(f"{file_name}: format {table['format']!r} is not one of {', '.join(get_args(Format))}")
    if table.get("fault") not in (None, *get_args(Fault)):
        raise ValueError(f"{file_name}: fault {table['fault']!r} is not one of {', '.join(get_args(Fault))}")
    stories = [_parse_story(file_name, host, story_path, story) for story in table.get("story", [])]
    return Site(
        slug=slug,
        name=table["name"],
        tagline=table["tagline"],
        format=table["format"],
        lists=tuple(table["lists"]),
        host=host,
        feed_path=table.get("feed_path", "/feed.xml"),
        stories=tuple(sorted(stories, key=lambda story: story.at_h)),
        fault=table.get("fault"),
    )


def _parse_story(file_name: str, host: str, story_path: str, table: Mapping[str, Any]) -> Story:
    slug = table["slug"]
    via = table.get("via")
    if via not in (None, "link", "title") or (via is None) != ("echoes" not in table):
        raise ValueError(f"{file_name}: {slug}: `echoes` and `via` (link or title) belong together")
    if ("title" in table) == (via == "title"):
        raise ValueError(f'{file_name}: {slug}: a story has a title of its own unless it is `via = "title"`')
    path = None if via == "link" else story_path.format(slug=slug)
    return Story(
        slug=slug,
        at_h=float(table["at"]),
        title=table.get("title", ""),
        text=table["text"],
        url=f"http://{host}{path}" if path else "",
        path=path,
        is_gone=table.get("page") == "gone",
        echoes=table.get("echoes"),
        page_text=table.get("page_text", ""),
    )


def _resolve(site: Site, story: Story, originals: Mapping[str, tuple[Site, Story]]) -> Story:
    if story.echoes is None:
        return story
    if story.echoes not in originals:
        raise ValueError(f"{site.slug}.toml: {story.slug} echoes {story.echoes}, which nobody reported")
    _, original = originals[story.echoes]
    if original.echoes or original.at_h > story.at_h:
        raise ValueError(f"{site.slug}.toml: {story.slug} echoes {story.echoes}, itself an echo or later")
    if story.path is None:
        return replace(story, url=f"{original.url}?utm_source={site.slug}&utm_medium=feed")
    return replace(story, title=original.title)


def _parse_paper(table: Mapping[str, Any]) -> Paper:
    return Paper(
        at_h=float(table["at"]),
        title=table["title"],
        text=table["text"],
        authors=tuple(table["authors"]),
        categories=tuple(table["categories"]),
    )
