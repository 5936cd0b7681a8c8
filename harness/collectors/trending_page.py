"""GitHub's page of trending repositories, reduced to its rows. Pure, and run only in a worker that can be killed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from harness.collectors.plain_text import MAX_SUMMARY_CHARS, shorten
from harness.gate.sanitise import one_line

_REPOSITORY = re.compile(r"/([A-Za-z0-9][\w.-]{0,99})/([\w.-]{1,100})")
_NUMBER = re.compile(r"(\d[\d,]*)")
_TODAY = re.compile(r"(\d[\d,]{0,12})\s+stars?\s+(?:today|this week|this month)")
_HEADINGS = ("h1", "h2", "h3")
_MOST_ROWS = 100
_MOST_CHARS = 2_000
_MOST_PIECES = 200


@dataclass(slots=True)
class TrendingRow:
    """One repository; numbers are None where the page does not tell them."""

    name: str = ""
    about: str = ""
    language: str = ""
    stars: int | None = None
    gained: int | None = None


def read_trending(html: str) -> dict[str, Any]:
    """Return the rows of the page as JSON can carry them, or `{"problem": "…"}`.

    Only what the page means is relied on (articles, headings, links, what the words say), not how it is styled.
    """
    reader = _Rows()
    reader.feed(html)
    rows = [row for row in reader.rows if row.name]
    if not rows:
        return {"problem": "lists no repositories" if reader.is_page_of_trends else "is not the page of trends"}
    problem = "is cut off in the middle" if reader.is_open else ""
    return {"rows": [_as_json(row) for row in rows[:_MOST_ROWS]], "note": problem}


def _as_json(row: TrendingRow) -> dict[str, Any]:
    return {
        "name": row.name,
        "about": shorten(one_line(row.about), MAX_SUMMARY_CHARS // 2),
        "language": shorten(one_line(row.language), 40),
        "stars": row.stars,
        "gained": row.gained,
    }


class _Rows(HTMLParser):
    """A row is an `article`: its heading links to the repository, its paragraph says what it is, and somewhere in it
    stand the language (marked as such), a link to who starred it, and how many did so today."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[TrendingRow] = []
        self.is_page_of_trends = False
        self.is_open = True
        self._row: TrendingRow | None = None
        self._is_in_heading = False
        self._texts: dict[str, list[str]] = {}
        self._reading: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "article":
            self._row, self._texts, self._reading = TrendingRow(), {}, None
            self.rows.append(self._row)
        elif tag in _HEADINGS:
            self._is_in_heading = True
        elif tag == "a":
            self._enter_link((values.get("href") or "").partition("?")[0])
        elif tag == "p":
            self._reading = ("about", tag)
        elif values.get("itemprop") == "programmingLanguage":
            self._reading = ("language", tag)

    def _enter_link(self, path: str) -> None:
        match = _REPOSITORY.fullmatch(path)
        if self._row is not None and self._is_in_heading and match and not self._row.name:
            self._row.name = f"{match[1]}/{match[2]}"
        elif path.endswith("/stargazers"):
            self._reading = ("stars", "a")

    def handle_endtag(self, tag: str) -> None:
        if self._reading is not None and self._reading[1] == tag:
            self._reading = None
        if tag in ("html", "body"):
            self.is_open = False
        elif tag in _HEADINGS:
            self._is_in_heading = False
        elif tag == "article" and self._row is not None:
            self._finish(self._row)
            self._row = None

    def handle_data(self, data: str) -> None:
        if self._row is None:
            self.is_page_of_trends = self.is_page_of_trends or "trending" in data.casefold()
            return
        for name in ("all", self._reading[0] if self._reading else "rest"):
            pieces = self._texts.setdefault(name, [])
            if len(pieces) < _MOST_PIECES:
                pieces.append(data[:_MOST_CHARS])

    def _finish(self, row: TrendingRow) -> None:
        # Elements side by side are apart to the eye; without a space between them two numbers become one.
        between = {"all": " "}
        texts = {name: " ".join(between.get(name, "").join(pieces).split()) for name, pieces in self._texts.items()}
        row.about, row.language = texts.get("about", ""), texts.get("language", "")
        row.stars = _number(_NUMBER.search(texts.get("stars", "")))
        row.gained = _number(_TODAY.search(texts.get("all", "")))


def _number(match: re.Match[str] | None) -> int | None:
    digits = "" if match is None else match[1].replace(",", "")
    return int(digits) if digits and len(digits) <= 9 else None
