"""A digest as one self-contained HTML page."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from harness.delivery.chart_text import plain_line
from harness.delivery.drawing import draw
from harness.delivery.markdown import local_day, local_stamp, local_time, need_about, summary_of
from harness.delivery.picture import age_in_words, publication_timeline, source_bars
from harness.delivery.prose import link_key, plain_text_of
from harness.domain.digest import Digest, DigestItem, Need, Section
from harness.domain.sizes import counted


def render_html(digest: Digest) -> str:
    """Return the digest as a page that needs nothing but itself: no script, no request, inline style.

    Every value is escaped; Markdown is rendered without raw HTML, without images, and with links to web
    addresses only. The page's own content security policy forbids everything but its one style sheet.
    """
    environment = _environment()
    style = environment.get_template("digest.css").render()
    return environment.get_template("digest.html").render(
        **_shared(digest),
        style=Markup(style),  # noqa: S704 - the package's own style sheet
        style_hash=_hash_of(style),
        machine_time=digest.made_at.isoformat(timespec="seconds"),
        lines=[draw(chart) for chart in digest.charts if chart.kind == "line"],
        columns=[draw(chart) for chart in digest.charts if chart.kind == "bars"],
        contents=_contents(digest.sections),
        bars=(bars := source_bars(digest.items)),
        further_sources=len({source for item in digest.items for source in item.sources}) - len(bars),
        timeline=publication_timeline(digest.items, digest.made_at, digest.zone),
    )


def render_mail(digest: Digest) -> str:
    """Return the digest as HTML for mail programs, which show no pictures in the text and few styles.

    It is escaped as the page is; charts are lines of text.
    """
    return (
        _environment()
        .get_template("digest-mail.html")
        .render(
            **_shared(digest),
            lines=[plain_line(chart) for chart in digest.charts if chart.kind == "line"],
            columns=[plain_line(chart) for chart in digest.charts if chart.kind == "bars"],
        )
    )


def _shared(digest: Digest) -> dict[str, Any]:
    """What the page and the mail show alike."""
    ranks = _first_ranks(digest.sections)
    return {
        "digest": digest,
        "day": local_day(digest.made_at, digest.zone),
        "time": local_time(digest.made_at, digest.zone),
        "numbers": summary_of(digest),
        "needs": [_NeedView(need, need_about(need, digest.zone)) for need in digest.needs],
        "gap_count": counted(len(digest.gaps), "gap"),
        "sections": [
            _section_view(section, number, rank, digest)
            for number, (section, rank) in enumerate(zip(digest.sections, ranks, strict=True), start=1)
        ],
        "is_empty": not any(section.items or section.prose or section.after for section in digest.sections),
    }


@dataclass(frozen=True, slots=True)
class _NeedView:
    """What waits for the person, with the words about it."""

    need: Need
    about: str


@dataclass(frozen=True, slots=True)
class _ItemView:
    """An item as the template shows it."""

    item: DigestItem
    rank: int
    host: str
    href: str
    why: Markup
    age: str
    published: str
    machine_time: str


@dataclass(frozen=True, slots=True)
class _SectionView:
    """A section as the template shows it; `level` is that of its HTML heading."""

    anchor: str
    title: Markup
    level: int
    origin: str
    prose: Markup
    items: tuple[_ItemView, ...]
    after: Markup


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of the table of contents."""

    anchor: str
    title: str
    count: int


def _section_view(section: Section, number: int, rank: int, digest: Digest) -> _SectionView:
    return _SectionView(
        anchor=f"section-{number}",
        title=_inline(section.title),
        level=min(6, max(2, section.level)),
        origin=section.origin,
        prose=_block(section.prose),
        items=tuple(_item_view(item, at, digest) for at, item in enumerate(section.items, start=rank)),
        after=_block(section.after),
    )


def _item_view(item: DigestItem, rank: int, digest: Digest) -> _ItemView:
    key = link_key(item.url)
    published = item.published_at
    return _ItemView(
        item=item,
        rank=rank,
        host=_host_of(key),
        href=item.url if key is not None else "",
        why=_block(item.why),
        age=age_in_words(published, digest.made_at) if published is not None else "",
        published=local_stamp(published, digest.zone) if published is not None else "",
        machine_time=_machine_time(published, digest.zone) if published is not None else "",
    )


def _machine_time(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).isoformat(timespec="minutes")


def _host_of(key: str | None) -> str:
    return key.split("/")[2] if key is not None else ""


def _first_ranks(sections: Sequence[Section]) -> list[int]:
    ranks = [1]
    for section in sections:
        ranks.append(ranks[-1] + len(section.items))
    return ranks[:-1]


def _contents(sections: Sequence[Section]) -> list[_Entry]:
    """The headings of the highest level that is there, if there are several; items count up to the next one."""
    titled = [section.level for section in sections if section.title]
    highest = min((level for level in titled if titled.count(level) > 1), default=0)
    entries: list[_Entry] = []
    for number, section in enumerate(sections, start=1):
        if section.title and section.level <= highest:
            entries.append(_Entry(f"section-{number}", plain_text_of(section.title), len(section.items)))
        elif entries:
            last = entries[-1]
            entries[-1] = _Entry(last.anchor, last.title, last.count + len(section.items))
    return entries


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("harness.delivery", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _hash_of(style: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()


class _SafeRenderer(RendererHTML):
    """Shows images by their text and sends no referrer along with links."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        return str(Markup.escape(self.renderInlineAsText(tokens[idx].children, options, env)))

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        tokens[idx].attrSet("rel", "noopener noreferrer")
        return self.renderToken(tokens, idx, options, env)


class _WebOnly(MarkdownIt):
    """Markdown without raw HTML, in which only web addresses become links."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False}, renderer_cls=_SafeRenderer)
        self.enable(["table", "strikethrough"])

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        return link_key(url) is not None


@lru_cache(maxsize=1)
def _markdown() -> _WebOnly:
    return _WebOnly()


def _block(text: str) -> Markup:
    return Markup(_without_style(_markdown().render(text))) if text else Markup("")  # noqa: S704 - rendered with html off


def _inline(text: str) -> Markup:
    return Markup(_markdown().renderInline(text))  # noqa: S704 - rendered with html off


def _without_style(rendered: str) -> str:
    # Tables come with style attributes for their alignment, which the content security policy forbids.
    return re.sub(r'(<t[hd]) style="text-align:(left|center|right)"', r'\1 class="\2"', rendered)
