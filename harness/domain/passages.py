"""A piece of Markdown as headings, and the passages below them: list entries, paragraphs, rows of tables."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

_HEADING = re.compile(r"(?P<marks>#{1,6})\s+(?P<title>.*?)[\s#]*|(?:\*\*|__)(?P<bold>[^*_]+?)(?:\*\*|__):?\s*")
_ENTRY = re.compile(r"(?P<indent>\s*)(?:[-*+]|\d{1,3}[.)])\s+\S")
_RULE = re.compile(r"\s*(?:\|?\s*:?-{2,}:?\s*)+\|?\s*|\s*([-*_]\s*){3,}")
_FENCE = re.compile(r" {0,3}(?P<mark>```+(?=[^`]*$)|~~~+)(?P<info>.*)")
_NUMBERING = re.compile(r"^(?:\d+(?:\.\d+)*[.):]?|[IVX]+[.)])\s+")
_BOLD_LEVEL = 7
_END = "# End"


@dataclass(frozen=True, slots=True)
class Passage:
    """What belongs together: a paragraph, or a list entry with all that stands below it.

    `lines` are its first and last one, from 1. `headings` are those that it stands under, the outermost first.
    """

    text: str
    lines: tuple[int, int]
    headings: tuple[str, ...] = ()
    is_entry: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, or a line that is all bold. `has_text`: something stands below it, or below those under it: `body`."""

    title: str
    line: int
    level: int
    has_text: bool
    body: str = ""


@lru_cache(maxsize=8)  # each fault of a text asks for the passage that it stands in
def passages_of(text: str) -> tuple[Passage, ...]:
    """Return all that stands below headings or above the first one, in its order."""
    return tuple(_passages(text.split("\n")))


def headings_of(text: str) -> tuple[Heading, ...]:
    """Return the headings in their order."""
    lines = text.split("\n")
    code = _in_code(lines)
    found = [
        (number, *read)
        for number, line in enumerate(lines, start=1)
        if number not in code and (read := _heading(line)) is not None
    ]
    ends = [
        next((later for later, other, _ in found[at + 1 :] if other <= level), len(lines) + 1)
        for at, (_, level, _) in enumerate(found)
    ]
    bodies = [
        [line for line in lines[number : end - 1] if _is_text(line)]
        for (number, _, _), end in zip(found, ends, strict=True)
    ]
    return tuple(
        Heading(title, number, level, bool(body), "\n".join(body))
        for (number, level, title), body in zip(found, bodies, strict=True)
    )


def without_lines(text: str, spans: list[tuple[int, int]]) -> str:
    """Return the text without these lines (first and last, from 1); a blank line is not left twice."""
    gone = {number for first, last in spans for number in range(first, last + 1)}
    kept: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if number in gone or (not line.strip() and (number - 1 in gone) and (not kept or not kept[-1].strip())):
            continue
        kept.append(line)
    return "\n".join(kept)


def plain(title: str) -> str:
    """Return the words of a heading as they are compared: no numbering, no marks and pictures, small letters."""
    words = re.sub(r"^[^\w(]+", "", re.sub(r"[*_`:]+", " ", title))
    return " ".join(_NUMBERING.sub("", words).casefold().split())


def _is_text(line: str) -> bool:
    """Say whether there is something to read in the line: letters or digits, and no heading."""
    return _heading(line) is None and any(map(str.isalnum, html.unescape(re.sub(r"<!--(?:(?!<!--).)*?-->", "", line))))


def _in_code(lines: list[str]) -> frozenset[int]:
    """Return the numbers of the lines between fences: nothing there is a heading."""
    found: set[int] = set()
    fence = ""
    for number, line in enumerate(lines, start=1):
        mark = _FENCE.match(line)
        if fence or mark is not None:
            found.add(number)
        if mark is not None and not fence:
            fence = mark["mark"]
        elif mark is not None and mark["mark"].startswith(fence) and not mark["info"].strip():
            fence = ""
    return frozenset(found)


def _heading(line: str) -> tuple[int, str] | None:
    """Return the level and the title of a line that is a heading."""
    found = _HEADING.fullmatch(line.strip())
    if found is None:
        return None
    return (len(found["marks"]), found["title"]) if found["marks"] else (_BOLD_LEVEL, found["bold"].rstrip(":"))


def _is_table_head(lines: list[str], number: int) -> bool:
    below = lines[number] if number < len(lines) else ""
    return "-" in below and _RULE.fullmatch(below) is not None


def _passages(lines: list[str]) -> Iterator[Passage]:
    stack: list[tuple[int, str]] = []
    body: list[str] = []
    first, indent, code = 0, -1, _in_code(lines)

    def passage(last: int) -> Iterator[Passage]:
        if body:
            end = last - next((back for back, line in enumerate(reversed(body)) if line.strip()), 0)
            yield Passage("\n".join(body).strip("\n"), (first, end), tuple(title for _, title in stack), indent >= 0)

    for number, line in enumerate([*lines, _END], start=1):
        heading, entry = None if number in code else _heading(line), _ENTRY.match(line)
        depth = len(line) - len(line.lstrip())
        is_row = line.lstrip().startswith("|")
        is_lazy = bool(body) and bool(body[-1].strip()) and bool(line.strip()) and entry is None
        is_deeper = indent >= 0 and (not line.strip() or depth > indent)
        if body and heading is None and not is_row and (is_deeper or (is_lazy and not _RULE.fullmatch(line))):
            body.append(line)
            continue
        yield from passage(number - 1)
        body, indent = [], -1
        if heading is not None:
            stack = [*(each for each in stack if each[0] < heading[0]), heading]
        elif line.strip() and not _RULE.fullmatch(line):
            body, first = [line], number
            indent = depth if entry is not None else 0 if is_row else -1
            if is_row:
                if not _is_table_head(lines, number):
                    yield from passage(number)
                body, indent = [], -1
