"""What a source of prices is asked, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from harness.collectors.document import BadDocument
from harness.domain.market import WatchedSymbol

LOOK_BACK_DAYS = 75
"""Days that are asked for: enough for thirty sessions with holidays between them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One session: its local date, its close, and its range where the source knows it."""

    day: date
    close: float
    high: float | None = None
    low: float | None = None


@dataclass(frozen=True, slots=True)
class Prices:
    """What one source says of one symbol: bars, oldest first, one a day; `unit` is the currency, empty if unsaid.

    `at` is the moment (aware UTC) of which the newest price is, None where the source says only its day.
    """

    bars: tuple[Bar, ...]
    unit: str = ""
    at: datetime | None = None


class PriceSource(Protocol):
    """One keyless source of daily prices. Reading is pure; the asking is done by `harness.collectors.market`.

    `lag_sessions` is how many sessions later than others it knows a close. `gives_closes`: its values are an
    exchange's closing prices, so that they can confirm those of another source.
    """

    @property
    def key(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def lag_sessions(self) -> int: ...

    @property
    def gives_closes(self) -> bool: ...

    def spelling(self, symbol: WatchedSymbol) -> str | None:
        """Return how this source writes the symbol, or None if it does not know it."""
        ...

    def address(self, spelled: str, base_url: str, today: date) -> str:
        """Return where the prices of the last LOOK_BACK_DAYS stand."""
        ...

    def page(self, spelled: str) -> str:
        """Return where a person can look the symbol up."""
        ...

    def read(self, body: bytes, spelled: str) -> Prices:
        """Return the prices of an answer. Raises BadDocument, whose words follow the source's name."""
        ...


def in_order(bars: list[Bar]) -> tuple[Bar, ...]:
    """Return the bars by day, the later one of a day that comes twice. Raises BadDocument if there are none."""
    by_day = {bar.day: bar for bar in bars}
    if not by_day:
        raise BadDocument("has no prices for it")
    return tuple(by_day[day] for day in sorted(by_day))


def day_of(text: str) -> date | None:
    """Return the date that the text spells, or None."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None


def moment_of(seconds: float, zone: str) -> datetime | None:
    """Return the moment of these seconds since the epoch in the zone, or None if there is no such moment."""
    try:
        return datetime.fromtimestamp(seconds, ZoneInfo(zone))
    except (ValueError, OverflowError, OSError, ZoneInfoNotFoundError):
        return None
