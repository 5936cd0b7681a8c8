"""HTML reduced to plain text, and text cut at a word. Pure, and forgiving: the input is hostile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from harness.gate.sanitise import one_line

MAX_SUMMARY_CHARS = 600
"""How much of an entry's text an item carries."""
MAX_TITLE_CHARS = 300

_SPACE = re.compile(r"\s+")
_WITHOUT_TEXT = frozenset(("script", "style", "noscript", "template", "svg", "iframe", "object", "head"))
# fmt: off
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "figcaption", "figure", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section",
    "table", "td", "th", "tr", "ul",
))
# fmt: on
_PIECE_CHARS = 4096
_MOST_OF_A_SUMMARY = 200_000
_LONGEST_WORD_CHARS = 60


@dataclass(frozen=True, slots=True)
class PageText:
    """What a reader sees of a page: `text` has a line for every block."""

    title: str
    text: str


def shorten(text: str, max_chars: int) -> str:
    """Return the text, cut after its last whole word that leaves room for an ellipsis if it is too long.

    What goes on longer than any word, as scripts without spaces and data do, is cut anywhere.
    """
    if len(text) <= max_chars:
        return text
    cut = text[: max_chars - 1]
    if not text[max_chars - 1].isspace():
        end = max(cut.rfind(space, -_LONGEST_WORD_CHARS) for space in " \n")
        cut = cut[:end] if end > 0 else cut
    return cut.rstrip(" ,;:.-–—") + "…"


def strip_html(html: str, max_chars: int) -> str:
    """Return the first `max_chars` characters of the HTML's text on one line, cut at a word."""
    reader = _read(html[:_MOST_OF_A_SUMMARY], enough_chars=4 * max_chars)
    return shorten(one_line(reader.text()), max_chars)


def read_html_page(html: str, max_chars: int) -> PageText:
    """Return the page's title and its text, block by block, cut at a word after `max_chars`."""
    reader = _read(html, enough_chars=4 * max_chars)
    lines = (one_line(line) for line in reader.text().splitlines())
    title = shorten(one_line(reader.title()), MAX_TITLE_CHARS)
    return PageText(title, shorten("\n".join(line for line in lines if line), max_chars))


def _read(html: str, enough_chars: int) -> _TextReader:
    reader = _TextReader()
    try:
        # In pieces, to stop early: only the beginning of a long article is wanted.
        for start in range(0, len(html), _PIECE_CHARS):
            reader.feed(html[start : start + _PIECE_CHARS])
            if reader.length > enough_chars:
                return reader
        # What is left over may be the beginning of a tag, and closing would call that text.
        if not reader.rawdata.startswith("<"):
            reader.close()
    except AssertionError:
        # The standard library's way to say that a declaration such as `<![x` makes no sense: what was
        # understood until here is the text.
        return reader
    return reader


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.length = 0
        self._pieces: list[str] = []
        self._title: list[str] = []
        self._hidden_in: list[str] = []
        self._is_in_title = False

    def text(self) -> str:
        return "".join(self._pieces)

    def title(self) -> str:
        return "".join(self._title)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title" and not self._title:
            self._is_in_title = True
        elif tag == "body":
            # Many pages never close their head.
            self._hidden_in.clear()
        elif tag in _WITHOUT_TEXT:
            self._hidden_in.append(tag)
        elif tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._is_in_title = False
        elif tag in self._hidden_in:
            while self._hidden_in.pop() != tag:
                pass
        elif tag in _BLOCKS:
            self._pieces.append("\n")

    def handle_data(self, data: str) -> None:
        if self._is_in_title:
            self._title.append(data)
        elif not self._hidden_in:
            # A line break in the source is a space; only a block begins a line.
            self._pieces.append(_SPACE.sub(" ", data))
            self.length += len(data)
