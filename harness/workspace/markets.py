"""`shared-context/markets/<list>.md`: what the person watches at the markets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Annotated

from pydantic import BeforeValidator, Field

from harness.domain.market import EVERY_DAY, MARKET_SOURCES, WEEKDAYS, WatchedSymbol, Watchlist
from harness.workspace.fields import Text
from harness.workspace.front_matter import FrontMatter, read_front_matter
from harness.workspace.located import Located
from harness.workspace.market_settings import MarketSource
from harness.workspace.report import Report, suggestion
from harness.workspace.shapes import Shape, as_list, check_shape

_HEADING = re.compile(r"#{1,6}[ \t]+(\S.*?)[ \t#]*")
_BULLET = re.compile(r"\s*[-*+]\s+(\S.*?)\s*")
_LINE = re.compile(r"\[(?P<name>(?:\\.|[^\]\\])+)\]\(\s*(?P<symbol>[^\s()]+)\s*\)(?P<rest>.*)")
_SYMBOL = re.compile(r"[\^A-Za-z0-9._=+-]{1,40}")
_EXAMPLE = "write it as - [S&P 500](^spx)"
_KEYS = ("calendar", "unit", *MARKET_SOURCES)


class WatchlistShape(Shape):
    title: Text | None = None
    calendar: Text | None = None
    sources: Annotated[list[MarketSource], BeforeValidator(as_list)] = Field(default_factory=list)


def read_watchlist(name: str, text: str, calendars: Iterable[str], report: Report) -> Watchlist | None:
    """Return the list, or None if its front matter, which it need not have, cannot be read.

    A line is `- [Name](symbol)`, and behind it what differs from the usual: `calendar: tokyo, unit: JPY,
    stooq: ^nkx`. `calendars` are the names of the calendars that exist. Lines that cannot be used are in the report
    and not in the result.
    """
    matter = read_front_matter(text, report) if text.startswith("---") else FrontMatter(Located({}), text, 1)
    shape = check_shape(WatchlistShape, matter.located, report) if matter is not None else None
    if matter is None or shape is None:
        return None
    known = frozenset((*calendars, EVERY_DAY, WEEKDAYS))
    if shape.calendar is not None:
        report.check_name(matter.located.line("calendar"), "calendar", shape.calendar, known)
    symbols = _read_symbols(matter, shape.calendar, known, report)
    if not symbols and not report.has_errors:
        report.warning(None, "the list holds no symbol", "add a line such as - [S&P 500](^spx)")
    return Watchlist(name, shape.title or name, symbols, tuple(dict.fromkeys(shape.sources)))


def _read_symbols(
    matter: FrontMatter, calendar: str | None, known: frozenset[str], report: Report
) -> tuple[WatchedSymbol, ...]:
    symbols: dict[str, WatchedSymbol] = {}
    group = ""
    for line, source in enumerate(matter.body.split("\n"), matter.body_line):
        heading, bullet = _HEADING.fullmatch(source), _BULLET.fullmatch(source)
        if heading is not None:
            group = heading[1]
        elif bullet is not None:
            symbol = _read_symbol(bullet[1], line, known, report)
            if symbol is not None and symbol.symbol in symbols:
                report.warning(line, f"{symbol.symbol} is in the list twice", "keep one of them")
            elif symbol is not None:
                symbols[symbol.symbol] = replace(symbol, group=group, calendar=symbol.calendar or calendar)
    return tuple(symbols.values())


def _read_symbol(text: str, line: int, calendars: frozenset[str], report: Report) -> WatchedSymbol | None:
    found = _LINE.fullmatch(text)
    if found is None or not _SYMBOL.fullmatch(found["symbol"]):
        report.error(line, f"{text!r} names no symbol", _EXAMPLE)
        return None
    keys = _read_keys(found["rest"], line, report)
    if keys is None:
        return None
    calendar = keys.get("calendar")
    if calendar is not None:
        report.check_name(line, "calendar", calendar, calendars)
    return WatchedSymbol(
        symbol=found["symbol"],
        name=re.sub(r"\\(.)", r"\1", found["name"]).strip(),
        calendar=calendar,
        unit=keys.get("unit", ""),
        spelled={source: keys[source] for source in MARKET_SOURCES if source in keys},
    )


def _read_keys(text: str, line: int, report: Report) -> Mapping[str, str] | None:
    keys: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, colon, value = (word.strip() for word in part.partition(":"))
        if not colon or not value:
            report.error(line, f"{part!r} says nothing about the symbol", "write key and value, such as calendar: nyse")
            return None
        if key not in _KEYS:
            report.error(line, f"unknown key {key!r}", suggestion(key, _KEYS))
            return None
        keys[key] = value
    return keys
