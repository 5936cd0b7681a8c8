"""Reading a model's Markdown into a tree in which every link is known to be deliverable or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.common.normalize_url import normalizeLink
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from harness.delivery.commonmark import ADDRESS, plain_text, write_blocks
from harness.delivery.raw_html import markdown_of_html, read_tag
from harness.domain.source import canonical_url

Allow = Callable[[str], str | None]
"""Says as which URL a link is delivered, or None if it is not: then only its text is."""

_MAX_NESTING = 100


class _Reader(MarkdownIt):
    """CommonMark with tables and strikethrough, which takes any address for a link: `Allow` judges later."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": True, "maxNesting": _MAX_NESTING})
        self.enable(["table", "strikethrough"])

    def validateLink(self, url: str) -> bool:  # noqa: N802 - the library's name
        return True


def link_key(url: str) -> str | None:
    """Return what identifies the page behind a link, or None if it is no web address.

    The same for an address as published and as a Markdown reader percent-encodes it.
    """
    try:
        normal = normalizeLink(url.strip())
        parts = urlsplit(normal)
        return canonical_url(normal) if parts.scheme in ("http", "https") and parts.hostname else None
    except ValueError:
        return None


def allow_web(url: str) -> str | None:
    """Deliver every web address as it stands, and nothing else."""
    return url if link_key(url) is not None else None


def allow_only(urls: Sequence[str]) -> Allow:
    """Deliver the links to these pages, under the first of these URLs that leads there."""
    known: dict[str, str] = {}
    for url in urls:
        key = link_key(url)
        if key is not None:
            known.setdefault(key, url)
    return lambda url: known.get(link_key(url) or "")


def read_markdown(text: str, allow: Allow) -> SyntaxTreeNode:
    """Return the text as a tree without raw HTML.

    Each link node says in `meta["is_allowed"]` whether it is delivered, and then carries the URL under
    which it is; one that is not keeps the URL that was written.
    """
    tokens = _without_html(_Reader().parse(text))
    for token in tokens:
        if token.children:
            token.children = _with_addresses_linked(token.children)
        for child in token.children or ():
            if child.type == "link_open":
                delivered = allow(str(child.attrs["href"]))
                child.meta["is_allowed"] = delivered is not None
                child.attrs["href"] = delivered if delivered is not None else child.attrs["href"]
    return SyntaxTreeNode(tokens)


def safe_markdown(text: str, allow: Allow) -> str:
    """Return the Markdown with every link that is not allowed reduced to its text."""
    return write_blocks(read_markdown(text, allow).children)


def plain_text_of(text: str) -> str:
    """Return the words of a piece of Markdown on one line, without any mark."""
    return " ".join(_words(read_markdown(text, allow_web)).split())


def _words(node: SyntaxTreeNode) -> str:
    if node.type == "inline":
        return plain_text(node.children)
    if node.type in ("fence", "code_block"):
        return node.content
    return " ".join(_words(child) for child in node.children)


def _without_html(tokens: Sequence[Token]) -> list[Token]:
    kept: list[Token] = []
    for token in tokens:
        if token.type == "html_block":
            inner = _without_html(_Reader().parse(markdown_of_html(token.content)))
            for child in inner:
                child.map = token.map
            kept += inner
            continue
        if token.children:
            token.children = _links_of_html(token.children)
        kept.append(token)
    return kept


def _links_of_html(children: Sequence[Token]) -> list[Token]:
    """Turn anchors into links where they are closed at the depth at which they were opened; drop other tags."""
    kept: list[Token] = []
    opened: tuple[int, int, str] | None = None  # where, how deep, where to
    depth = links = 0
    for token in children:
        if token.type != "html_inline":
            depth += token.nesting
            links += token.nesting if token.type.startswith("link_") else 0
            if token.type == "link_open":
                opened = None  # a link cannot hold another
            # An image would be fetched by whoever looks at the digest: its text is delivered instead.
            kept.append(Token("text", "", 0, content=_words_of(token)) if token.type == "image" else token)
            continue
        tag = read_tag(token.content)
        if tag is None:
            continue
        if tag.name == "a" and tag.kind == "open" and tag.href and not links:
            opened = (len(kept), depth, tag.href)
            kept.append(token)
        elif tag.name == "a" and tag.kind == "close" and opened is not None and opened[1] == depth:
            kept[opened[0]] = Token("link_open", "a", 1, attrs={"href": opened[2]})
            kept.append(Token("link_close", "a", -1))
            opened = None
        elif tag.name == "br":
            kept.append(Token("hardbreak", "br", 0))
        elif tag.alt:
            kept.append(Token("text", "", 0, content=tag.alt))
    return [token for token in kept if token.type != "html_inline"]


def _words_of(image: Token) -> str:
    return "".join(
        _words_of(child) if child.type == "image" else child.content
        for child in image.children or ()
        if child.type in ("image", "text", "code_inline")
    )


def _with_addresses_linked(children: Sequence[Token]) -> list[Token]:
    """Turn addresses in the text into links, as most readers of Markdown do."""
    kept: list[Token] = []
    links = 0
    for token in children:
        links += token.nesting if token.type.startswith("link_") else 0
        if token.type != "text" or links:
            kept.append(token)
            continue
        position = 0
        for match in ADDRESS.finditer(token.content):
            address = match.group()
            target = f"http://{address}" if address.lower().startswith("www.") else address
            kept += [
                Token("text", "", 0, content=token.content[position : match.start()]),
                Token("link_open", "a", 1, attrs={"href": target}, markup="linkify"),
                Token("text", "", 0, content=address),
                Token("link_close", "a", -1, markup="linkify"),
            ]
            position = match.end()
        kept.append(Token("text", "", 0, content=token.content[position:]))
    return [token for token in kept if token.type != "text" or token.content]
