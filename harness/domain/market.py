"""What the person watches at the markets, and how it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MARKET_SOURCES = ("yahoo", "stooq", "fred", "frankfurter", "coingecko")
"""Who can be asked, in the order in which they are if the person names no other."""

EVERY_DAY, WEEKDAYS = "every-day", "weekdays"
"""Calendars that need no file: what is traded without a pause, and what rests at weekends only."""


@dataclass(frozen=True, slots=True)
class WatchedSymbol:
    """One line of a watchlist.

    `symbol` is how the person writes it (`^spx`); `spelled` how single sources do where that differs, by source.
    `calendar` names the closed days of its exchange, None for those of the symbol's own kind; `unit` is the currency
    or `%`, empty for what the source says. `group` is the heading above it.
    """

    symbol: str
    name: str
    group: str = ""
    calendar: str | None = None
    unit: str = ""
    spelled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watchlist:
    """One file of `shared-context/markets/`. `sources` are who is asked and in which order, empty for the team's."""

    name: str
    title: str
    symbols: tuple[WatchedSymbol, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MarketSettings:
    """`[markets]` of harness.toml.

    `sources` are asked in this order until one answers, and with `confirm` a second one as well: two closes that
    differ by more than `tolerance_percent` are named. `urls` are their addresses, by name.
    """

    sources: tuple[str, ...] = MARKET_SOURCES
    confirm: bool = True
    tolerance_percent: float = 0.5
    urls: Mapping[str, str] = field(
        default_factory=lambda: {
            "yahoo": "https://query1.finance.yahoo.com/v8/finance/chart",
            "stooq": "https://stooq.com/q/d/l/",
            "fred": "https://fred.stlouisfed.org/graph/fredgraph.csv",
            "frankfurter": "https://api.frankfurter.dev/v1",
            "coingecko": "https://api.coingecko.com/api/v3",
        }
    )
