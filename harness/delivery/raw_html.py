"""HTML inside Markdown, turned into Markdown: the text stays, links stay links, every tag goes."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Literal

from harness.delivery.commonmark import escape, link_target

_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?:script|style)\b.*?(?:</(?:script|style)\s*>|\Z)"
    r"|<[!?][^>]*>"
    r"|</?[a-z][^\s>/\"'=<]*(?:\"[^\"]*\"|'[^']*'|[^<>\"'])*>",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"<(?P<slash>/?)(?P<name>[a-z][^\s>/]*)", re.IGNORECASE)
_ATTRIBUTE = r"(?<![\w-]){}\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))"
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "img",
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)


@dataclass(frozen=True, slots=True)
class Tag:
    """One HTML tag; `href` is an anchor's target, `alt` an image's text."""

    name: str
    kind: Literal["open", "close"]
    href: str = ""
    alt: str = ""


def read_tag(markup: str) -> Tag | None:
    """Return the tag, or None for a comment, a declaration, or something that is no tag."""
    match = _TAG.match(markup)
    if match is None:
        return None
    name = match["name"].lower()
    if match["slash"]:
        return Tag(name, "close")
    href = _attribute(markup, "href") if name == "a" else ""
    alt = _attribute(markup, "alt") if name == "img" else ""
    return Tag(name, "open", href, alt)


def markdown_of_html(source: str) -> str:
    """Return a block of HTML as Markdown that holds its text, its links, its list entries and headings.

    Scripts, styles and comments, which nobody sees, are left out.
    """
    written: list[str] = []
    in_link: str | None = None
    position = 0
    for match in _MARKUP.finditer(source):
        written.append(_text(source[position : match.start()]))
        position = match.end()
        tag = read_tag(match.group())
        if tag is None or tag.name in ("script", "style"):
            continue
        if tag.name == "a":
            if in_link is not None:
                written.append(f"]({in_link})")
                in_link = None
            if tag.kind == "open" and tag.href:
                in_link = link_target(tag.href)
                written.append("[")
        elif tag.name == "img":
            written.append(escape(tag.alt))
        elif tag.name not in _INLINE:
            # A link cannot reach over the end of a paragraph in Markdown.
            written.append(" " if in_link is not None else _break(tag))
    written.append(_text(source[position:]))
    if in_link is not None:
        written.append(f"]({in_link})")
    return "".join(written)


def _break(tag: Tag) -> str:
    if tag.kind == "open" and tag.name == "li":
        return "\n\n- "
    if tag.kind == "open" and re.fullmatch(r"h[1-6]", tag.name):
        return f"\n\n{'#' * int(tag.name[1])} "
    return "\n\n"


def _text(source: str) -> str:
    # The block's own line breaks mean nothing in HTML, and its text must not become Markdown.
    return escape(re.sub(r"\s+", " ", html.unescape(source)))


def _attribute(markup: str, name: str) -> str:
    match = re.search(_ATTRIBUTE.format(name), markup, re.IGNORECASE)
    return html.unescape(next((group for group in match.groups() if group), "")) if match else ""
