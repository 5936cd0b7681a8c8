"""`shared-context/baskets.md`: the baskets of the trend radar, their feeds and their words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.domain.basket import Basket
from harness.workspace.names import SLUG
from harness.workspace.report import Report
from harness.workspace.shared import check_feeds, feed_lines

_HEADING = re.compile(r"##[ \t]+(?P<name>[^:]+?)(?:[ \t]*:[ \t]*(?P<title>\S.*?))?[ \t]*")
_WORDS = re.compile(r"words:(?P<words>.*)", re.IGNORECASE)
_EXAMPLE = "write it as ## ai: AI and technology"


def read_baskets(text: str, report: Report) -> dict[str, Basket]:
    """Return the baskets by name, in the file's order.

    A basket is a heading `## name: Title`, its feeds as `- [Name](address)`, and a line `Words: one, two words`,
    which may stand several times. Lines that cannot be used are in the report and not in the result.
    """
    baskets: dict[str, Basket] = {}
    for line, heading, body in _sections(text):
        name, title = heading["name"].strip(), heading["title"]
        if not SLUG.fullmatch(name):
            report.error(line, f"basket name {name!r} is not lower-case words with hyphens", _EXAMPLE)
        elif name in baskets:
            report.error(line, f"there are two baskets {name!r}", "rename or remove one of them")
        else:
            baskets[name] = _read_basket(name, title or name, line, body, report)
    if not baskets and not report.has_errors:
        report.warning(None, "the file holds no basket", _EXAMPLE)
    return baskets


def _sections(text: str) -> Iterator[tuple[int, re.Match[str], str]]:
    """Yield for each basket the number of its heading's line, the heading, and the text below it."""
    lines = text.split("\n")
    starts = [(number, found) for number, line in enumerate(lines) if (found := _HEADING.fullmatch(line))]
    for position, (number, heading) in enumerate(starts, 1):
        end = starts[position][0] if position < len(starts) else len(lines)
        yield number + 1, heading, "\n".join(lines[number + 1 : end])


def _read_basket(name: str, title: str, line: int, body: str, report: Report) -> Basket:
    feeds = check_feeds(feed_lines(body, report, first_line=line + 1), report)
    found = (match["words"] for match in map(_WORDS.fullmatch, body.split("\n")) if match)
    words = dict.fromkeys(" ".join(word.split()).casefold() for words in found for word in words.split(","))
    words.pop("", None)
    if not feeds:
        report.warning(line, f"the basket {name!r} has no feed", "add a line such as - [Title](https://its.address/)")
    if not words:
        report.warning(line, f"the basket {name!r} has no words", "add a line such as Words: startup, funding round")
    return Basket(name, title, feeds, tuple(words))
