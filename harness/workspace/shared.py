"""`shared-context/feeds/`: lists of feeds, in Markdown or OPML."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from xml.parsers import expat

from harness.domain.feed import FeedEntry
from harness.workspace.report import Report

_BULLET = re.compile(r"\s*[-*+]\s+(\S.*)")
_LINK = re.compile(r"\[(?P<title>(?:\\.|[^\]\\])*)\]\(\s*<?(?P<url>[^\s<>]*)>?\s*\)")


def read_feed_list(text: str, report: Report) -> tuple[FeedEntry, ...] | None:
    """Return the feeds of a list, each address once; `report.path` tells the format by its ending.

    Lines that cannot be used are in the report and not in the result. None if the file cannot be
    read as a list at all.
    """
    found = _read_opml(text, report) if report.path.endswith(".opml") else feed_lines(text, report)
    if found is None:
        return None
    entries = check_feeds(found, report)
    if not entries and not report.has_errors:
        report.warning(None, "the list holds no feed", "add a line such as - [Title](https://its.address/feed.xml)")
    return entries


def check_feeds(found: Iterable[tuple[int, str, str]], report: Report) -> tuple[FeedEntry, ...]:
    """Return the feeds of these lines (number, title, address), each address once; what is no address is reported."""
    entries: dict[str, FeedEntry] = {}
    for line, title, url in found:
        parts = urlsplit(url) if _is_splittable(url) else None
        if parts is None or parts.scheme not in ("http", "https", "file") or not (parts.hostname or parts.path):
            report.error(line, f"{url!r} is not an address of a feed", "write it with https://")
        elif url in entries:
            report.warning(line, f"{url} is in the list twice", "keep one of them")
        else:
            entries[url] = FeedEntry(title or parts.hostname or url, url)
    return tuple(entries.values())


def _is_splittable(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


def feed_lines(text: str, report: Report, first_line: int = 1) -> list[tuple[int, str, str]]:
    """Return line, title and address of each bullet that is a link; a bullet that is none is reported."""
    found: list[tuple[int, str, str]] = []
    for number, line in enumerate(text.split("\n"), first_line):
        bullet = _BULLET.fullmatch(line)
        if bullet is None:
            continue
        link = _LINK.match(bullet[1])
        if link is None:
            report.error(
                number, f"{bullet[1].strip()!r} is not a link", "write it as - [Title](https://its.address/feed.xml)"
            )
            continue
        found.append((number, re.sub(r"\\(.)", r"\1", link["title"]).strip(), link["url"]))
    return found


@dataclass(slots=True)
class _Outlines:
    """Receives what expat finds; a document type declaration, where entity bombs live, ends the reading."""

    parser: expat.XMLParserType
    found: list[tuple[int, str, str]] = field(default_factory=list)
    is_opml: bool = False

    def start_element(self, name: str, attributes: dict[str, str]) -> None:
        self.is_opml = self.is_opml or name.lower() == "opml"
        by_name = {key.lower(): value for key, value in attributes.items()}
        if name.lower() == "outline" and "xmlurl" in by_name:
            title = by_name.get("title") or by_name.get("text") or ""
            self.found.append((self.parser.CurrentLineNumber, title.strip(), by_name["xmlurl"].strip()))

    def start_doctype(self, *_: object) -> None:
        raise _DoctypeError(self.parser.CurrentLineNumber)


class _DoctypeError(Exception):
    """The file declares a document type."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(line)


def _read_opml(text: str, report: Report) -> list[tuple[int, str, str]] | None:
    parser = expat.ParserCreate()
    outlines = _Outlines(parser)
    parser.StartElementHandler = outlines.start_element
    parser.StartDoctypeDeclHandler = outlines.start_doctype
    try:
        # The text is decoded already, whatever encoding the declaration names.
        parser.Parse(re.sub(r"^\s*<\?xml[^>]*\?>", "", text), True)
    except _DoctypeError as error:
        report.error(error.line, "the file declares a DOCTYPE", "remove it: feed lists need none")
        return None
    except expat.ExpatError as error:
        report.error(error.lineno, f"not OPML: {expat.errors.messages[error.code]}", "export the list again")
        return None
    if not outlines.is_opml:
        report.error(1, "not OPML: there is no <opml> element", "export the list again")
        return None
    return outlines.found
