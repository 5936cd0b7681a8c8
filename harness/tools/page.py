"""An HTML page reduced to its readable text.

Not built on the standard library's html.parser: on this kind of input it takes quadratic time (400 KB of `<a`
keep it busy for over a minute), and what is read here was written by strangers. This scanner looks at every
character a bounded number of times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_VOID = _names("area base br col embed hr img input link meta source track wbr")
_RAW_TEXT = _names("script style textarea title xmp noembed noframes iframe")
# Not part of what the page says: code, navigation, controls.
_SKIPPED = _names("head noscript template svg math nav footer select button object canvas dialog")
# Their end tags may be left out, so a hidden one also ends at the next tag of the same name.
_OPTIONAL_END = _names("p li dt dd tr td th option thead tbody tfoot rt rp")
_BLOCK = _names(
    "address article aside blockquote body br caption dd details div dl dt fieldset figcaption figure footer form"
    " h1 h2 h3 h4 h5 h6 header hr html li main nav ol p pre section summary table tbody td th thead tr ul"
)
_PREFIX = {"h1": "# ", "h2": "## ", "h3": "### ", "h4": "#### ", "h5": "#### ", "h6": "#### ", "li": "- "}
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9:-]{0,40})")
_HIDDEN = re.compile(
    r"""\s(?:hidden(?=[\s=/>]|$)|aria-hidden\s*=\s*["']?true|style\s*=[^>]{0,500}?(?:display\s*:\s*none|visibility\s*:\s*hidden))""",
    re.IGNORECASE,
)
_MAX_TAG_CHARS = 4_000
# Possessive: a tag whose quotes are not closed is tried once and not again in every other way.
_TAG_REST = re.compile(r"""(?:[^"'>]++|"[^"]*+"|'[^']*+')*+>""")


@dataclass(slots=True)
class _Text:
    """Blocks of text, while the page is read."""

    blocks: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    prefix: str = ""
    is_preformatted: bool = False

    def add(self, raw: str) -> None:
        self.pieces.append(unescape(raw))

    def end_block(self, prefix: str = "") -> None:
        text = "".join(self.pieces)
        text = text.strip("\n") if self.is_preformatted else " ".join(text.split())
        if text.strip():
            self.blocks.append(self.prefix + text)
            self.prefix = ""
        self.pieces.clear()
        # A paragraph inside a list item is still that item's first line.
        self.prefix = prefix or self.prefix


def readable_text(html: str) -> str:
    """Return the page's title and text, block by block; scripts, navigation and hidden parts are left out."""
    reader = _Reader(html)
    reader.read()
    text = "\n\n".join(reader.text.blocks)
    # Items of one list belong together.
    text = re.sub(r"(?m)^(- .*)\n\n(?=- )", r"\1\n", text)
    title = " ".join(unescape(reader.title).split())
    return f"# {title}\n\n{text}" if title and not text.startswith(f"# {title}") else text


class _Reader:
    """One pass over the page, from `<` to `<`."""

    def __init__(self, html: str) -> None:
        self.html = html
        self.lower = _ascii_lower(html)
        self.text = _Text()
        self.title = ""
        self._skipped: str | None = None
        self._depth = 0

    def read(self) -> None:
        position = 0
        while position < len(self.html):
            start = self.html.find("<", position)
            if start < 0:
                start = len(self.html)
            if self._skipped is None:
                self.text.add(self.html[position:start])
            position = self._markup(start) if start < len(self.html) else start
        self.text.end_block()

    def _markup(self, start: int) -> int:
        """Deal with what begins at the `<`; return where to go on."""
        if self.html.startswith("<!--", start):
            return self._after("-->", start + 4)
        if self.html.startswith(("<!", "<?"), start):
            return self._after(">", start + 2)
        name = _NAME.match(self.html, start + 1)
        if name is None:  # a bare "less than"
            if self._skipped is None:
                self.text.add("<")
            return start + 1
        end = self._end_of_tag(name.end())
        tag = name[1].lower()
        if self.html[start + 1] == "/":
            self._close(tag)
            return end
        if tag in _RAW_TEXT:
            return self._raw_text(tag, end)
        self._open(tag, self.html[name.end() : end])
        return end

    def _after(self, mark: str, position: int) -> int:
        found = self.html.find(mark, position)
        return len(self.html) if found < 0 else found + len(mark)

    def _end_of_tag(self, position: int) -> int:
        """Past the tag's `>`, which may also stand inside a quoted attribute; looks a bounded distance ahead."""
        end = match.end() if (match := _TAG_REST.match(self.html, position, position + _MAX_TAG_CHARS)) else -1
        return end if end > 0 else self._after(">", position)

    def _raw_text(self, tag: str, position: int) -> int:
        end = self.lower.find(f"</{tag}", position)
        if end < 0:
            return len(self.html)
        if tag == "title" and not self.title:
            self.title = self.html[position:end]
        return self._after(">", end)

    def _open(self, tag: str, attributes: str) -> None:
        if self._skipped is not None:
            if tag != self._skipped:
                # The head's end tag may be left out.
                if self._skipped == "head" and tag == "body":
                    self._skipped = None
                return
            if tag not in _OPTIONAL_END:
                self._depth += 1
                return
            self._skipped = None
        is_hidden = _HIDDEN.search(attributes[:_MAX_TAG_CHARS]) is not None
        if tag not in _VOID and not attributes.endswith("/>") and (tag in _SKIPPED or is_hidden):
            self._skipped, self._depth = tag, 1
            return
        self._block(tag, _PREFIX.get(tag, ""))
        if tag == "pre":
            self.text.is_preformatted = True

    def _close(self, tag: str) -> None:
        if self._skipped is not None:
            if tag == self._skipped:
                self._depth -= 1
                self._skipped = self._skipped if self._depth else None
            return
        self._block(tag, "")
        if tag == "pre":
            self.text.is_preformatted = False

    def _block(self, tag: str, prefix: str) -> None:
        if tag in _BLOCK:
            self.text.end_block(prefix)


def _ascii_lower(text: str) -> str:
    """Lower case that keeps every character in its place, which `lower` doesn't promise (`İ`)."""
    return text.translate({code: code + 32 for code in range(ord("A"), ord("Z") + 1)})
