"""The exchanges of the sample world: what everything is worth at which moment, and how five services tell it.

One truth, told by services in the formats of real ones: `chart` (Yahoo Finance), `ticks` (Stooq), `series` (FRED),
`fixings` (Frankfurter) and `coins` (CoinGecko). Prices are functions of the day's distance from the first rehearsed
day, so that a rehearsal of any date is the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from http import HTTPStatus
from importlib.resources import files
from types import MappingProxyType
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from harness.collectors.markets.symbols import KNOWN
from harness.rehearsal.loopback_server import Answer
from harness.rehearsal.stories import DOMAIN

HOSTS: Mapping[str, str] = MappingProxyType(
    {
        "yahoo": f"chart.{DOMAIN}",
        "stooq": f"ticks.{DOMAIN}",
        "fred": f"series.{DOMAIN}",
        "frankfurter": f"fixings.{DOMAIN}",
        "coingecko": f"coins.{DOMAIN}",
    }
)
PATHS: Mapping[str, str] = MappingProxyType(
    {"yahoo": "/v8/finance/chart", "stooq": "/q/d/l/", "fred": "/graph/fredgraph.csv"}
)
"""Where their addresses go on behind the host; the others begin at its root."""

HISTORY_DAYS = 90
_JSON, _CSV = "application/json; charset=utf-8", "text/csv; charset=utf-8"
_RANGE = 0.004
_COIN_CODES = {"bitcoin": "btc", "ethereum": "eth", "solana": "sol"}


@dataclass(frozen=True, slots=True)
class Hours:
    """When an exchange trades, by its own clock."""

    zone: str
    opens: time
    closes: time
    rests_at_weekends: bool = True

    def is_open_on(self, day: date) -> bool:
        """Say whether there is a session on the day."""
        return not self.rests_at_weekends or day.weekday() < 5

    def share_of(self, day: date, now: datetime) -> float:
        """Return how much of the day's session is over at `now` (aware), from 0 to 1."""
        opens, closes = (datetime.combine(day, clock, ZoneInfo(self.zone)) for clock in (self.opens, self.closes))
        return min(1.0, max(0.0, (now - opens) / (closes - opens)))


@dataclass(frozen=True, slots=True)
class Listing:
    """One symbol: its exchange, the digits of its price, and its closes by the day's distance."""

    hours: Hours
    digits: int
    closes: Mapping[int, float]

    def close_at(self, offset: int) -> float:
        """Return the close of the day so many days after the first rehearsed one, before any history too."""
        if offset in self.closes:
            return self.closes[offset]
        first, last = min(self.closes), max(self.closes)
        edge = first if offset < first else last
        away = offset - edge
        # Each in its own way, from what it costs at the edge: no two lines of a chart are the same.
        phase = self.closes[edge] % math.tau
        wave = math.sin(away / 3.1 + phase) - math.sin(phase) + 0.6 * math.sin(away / 1.3 + 2 * phase)
        wave -= 0.6 * math.sin(2 * phase)
        return round(self.closes[edge] * (1 + 0.008 * wave + 0.0006 * away), self.digits)


@dataclass(frozen=True, slots=True)
class Session:
    """One day of a symbol, as far as it has come; `is_over` once the exchange has closed."""

    day: date
    open: float
    high: float
    low: float
    close: float
    is_over: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """All listings around the first rehearsed day, and the prices that single services have wrong."""

    first_day: date
    listings: Mapping[str, Listing]
    hours: Mapping[str, Hours]
    errors: Mapping[tuple[str, str, int], float] = field(default_factory=dict)

    def sessions(self, symbol: str, now: datetime, source: str = "") -> Iterator[Session]:
        """Yield the sessions that have begun at `now` (aware), oldest first, as the source has them."""
        listing = self.listings.get(symbol) or self._unlisted(symbol)
        today = now.astimezone(ZoneInfo(listing.hours.zone)).date()
        days = (today - timedelta(days=back) for back in range(HISTORY_DAYS, -1, -1))
        previous = None
        for day in filter(listing.hours.is_open_on, days):
            offset = (day - self.first_day).days
            close = listing.close_at(offset)
            share = listing.hours.share_of(day, now)
            if previous is not None and share > 0:
                wrong = self.errors.get((symbol, source, offset), 1.0)
                price = round((previous + (close - previous) * share) * wrong, listing.digits)
                high = round(max(previous, price) * (1 + _RANGE * share), listing.digits)
                low = round(min(previous, price) * (1 - _RANGE * share), listing.digits)
                yield Session(day, previous, high, low, price, share >= 1)
            previous = close

    def _unlisted(self, symbol: str) -> Listing:
        """Return prices for what the person watches and the world does not know: invented, and always the same."""
        number = int.from_bytes(hashlib.sha256(symbol.encode()).digest()[:4], "big")
        base = round(20 + number % 48_000 / 100, 2)
        wave = {offset: round(base * (1 + 0.01 * math.sin(offset + number % 7)), 2) for offset in range(-7, 9)}
        return Listing(self.hours["new-york"], 2, wave)


def load_exchange(first_day: date) -> Exchange:
    """Return the exchanges that are shipped with the package."""
    text = files("harness.rehearsal").joinpath("sample", "days", "exchange.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    hours = {name: _hours(one) for name, one in table["exchanges"].items()}
    first = int(table["first_offset"])
    listings = {
        one["symbol"]: Listing(
            hours[one["exchange"]], one["digits"], {first + number: close for number, close in enumerate(one["closes"])}
        )
        for one in table["symbol"]
    }
    errors = {(one["symbol"], one["source"], one["offset"]): float(one["factor"]) for one in table["error"]}
    return Exchange(first_day, listings, hours, errors)


def answer_prices(exchange: Exchange, source: str, path: str, query: Mapping[str, str], now: datetime) -> Answer | None:
    """Return what the service says, None if it has no such page."""
    match source:
        case "yahoo":
            return _chart(exchange, path, now)
        case "stooq" if path == PATHS[source]:
            return _ticks(exchange, query.get("s", ""), now)
        case "fred" if path == PATHS[source]:
            return _series(exchange, query.get("id", ""), now)
        case "frankfurter" if ".." in path:
            return _fixings(exchange, query.get("base", "") + query.get("symbols", ""), now)
        case "coingecko":
            return _coins(exchange, path, now)
    return None


def _hours(table: Mapping[str, Any]) -> Hours:
    opens, closes = (time.fromisoformat(table[key]) for key in ("opens", "closes"))
    return Hours(table["zone"], opens, closes, table.get("rests_at_weekends", True))


def _symbol_of(source: str, spelled: str) -> str:
    """Return what the person writes for the spelling of a source; of what is in no table, the spelling in their way."""
    known = next((name for name, kind in KNOWN.items() if kind.spelled.get(source) == spelled), None)
    if known is not None:
        return known
    lower = spelled.casefold()
    if source == "yahoo":
        return lower.removesuffix("=x") if lower.endswith("=x") else lower if "." in lower else f"{lower}.us"
    return lower


def _json(value: Any) -> Answer:
    return Answer(HTTPStatus.OK, _JSON, json.dumps(value, separators=(",", ":")).encode())


def _chart(exchange: Exchange, path: str, now: datetime) -> Answer | None:
    if not path.startswith(PATHS["yahoo"]):
        return None
    spelled = unquote(path.rpartition("/")[2])
    symbol = _symbol_of("yahoo", spelled)
    listing = exchange.listings.get(symbol)
    hours = listing.hours if listing is not None else exchange.hours["new-york"]
    sessions = [*exchange.sessions(symbol, now, "yahoo")]
    opens = [datetime.combine(one.day, hours.opens, ZoneInfo(hours.zone)) for one in sessions]
    quote = {key: [getattr(one, key) for one in sessions] for key in ("open", "high", "low", "close")}
    last = min(now, datetime.combine(sessions[-1].day, hours.closes, ZoneInfo(hours.zone)))
    meta = {
        "currency": "USD",
        "symbol": spelled,
        "exchangeTimezoneName": hours.zone,
        "regularMarketTime": int(last.timestamp()),
        "regularMarketPrice": sessions[-1].close,
        "dataGranularity": "1d",
    }
    result = {
        "meta": meta,
        "timestamp": [int(moment.timestamp()) for moment in opens],
        "indicators": {"quote": [quote]},
    }
    return _json({"chart": {"result": [result], "error": None}})


def _ticks(exchange: Exchange, spelled: str, now: datetime) -> Answer | None:
    sessions = exchange.sessions(_symbol_of("stooq", spelled), now, "stooq")
    rows = [f"{one.day},{one.open},{one.high},{one.low},{one.close},0" for one in sessions if one.is_over]
    return Answer(HTTPStatus.OK, _CSV, "\n".join(["Date,Open,High,Low,Close,Volume", *rows, ""]).encode())


def _series(exchange: Exchange, spelled: str, now: datetime) -> Answer | None:
    sessions = [one for one in exchange.sessions(_symbol_of("fred", spelled), now, "fred") if one.is_over]
    rows = [f"{one.day},{one.close}" for one in sessions[:-1]]
    return Answer(HTTPStatus.OK, _CSV, "\n".join([f"observation_date,{spelled}", *rows, ""]).encode())


def _fixings(exchange: Exchange, pair: str, now: datetime) -> Answer | None:
    base, counter = pair[:3], pair[3:]
    sessions = exchange.sessions(pair.casefold(), now, "frankfurter")
    rates = {one.day.isoformat(): {counter: one.close} for one in sessions if one.is_over}
    return _json({"amount": 1.0, "base": base, "rates": rates})


def _coins(exchange: Exchange, path: str, now: datetime) -> Answer | None:
    if not path.endswith("/market_chart"):
        return None
    name = path.split("/")[-2]
    sessions = [*exchange.sessions(_COIN_CODES.get(name, name), now, "coingecko")]
    prices = [[_midnight_ms(one.day), one.open] for one in sessions]
    if sessions and not sessions[-1].is_over:
        prices.append([int(now.timestamp() * 1000), sessions[-1].close])
    return _json({"prices": prices})


def _midnight_ms(day: date) -> int:
    return int(datetime.combine(day, time(), UTC).timestamp() * 1000)
