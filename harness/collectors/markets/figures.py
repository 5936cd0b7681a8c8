"""From the bars of one symbol to the figures and the series that people ask for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harness.collectors.markets.prices import Bar, Prices
from harness.collectors.markets.sessions import Sessions
from harness.collectors.markets.symbols import Kind
from harness.domain.figures import Figure, Point, Series
from harness.domain.market import WatchedSymbol

SERIES_SESSIONS = 30
_WEEK_SESSIONS = 5
_STILL_TRADED = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Told:
    """Who said the prices of a symbol, and where a person can look them up."""

    symbol: WatchedSymbol
    kind: Kind
    prices: Prices
    source: str
    url: str


def figures_of(told: Told, sessions: Sessions, now: datetime) -> tuple[Figure, ...]:
    """Return close, previous close, change, change over five sessions, and the day's range.

    All are of the newest bar; while its session runs, `close` is the latest price, and its name says so. A yield's
    changes are in basis points. What the source does not know is left out.
    """
    bars, unit = told.prices.bars, _unit(told)
    at, is_running = _moment(told.prices, sessions, now)
    word = "latest price" if is_running else "close"

    def figure(key: str, name: str, value: float, in_unit: str) -> Figure:
        full_name = f"{told.symbol.name}, {name}"
        return Figure(f"{told.symbol.symbol}.{key}", full_name, value, in_unit, at, told.source, told.url)

    found = [figure("close", word, tidy(bars[-1].close), unit)]
    found += [figure(key, name, value, in_unit) for key, name, value, in_unit in _changes(bars, told.kind, unit)]
    found += [
        figure(key, key, tidy(value), unit)
        for key, value in (("high", bars[-1].high), ("low", bars[-1].low))
        if value is not None
    ]
    return tuple(found)


def series_of(told: Told, sessions: Sessions, now: datetime) -> tuple[Series, ...]:
    """Return the closes of the last thirty sessions, the running one's latest price among them."""
    name, unit = told.symbol.name, _unit(told)
    bars = told.prices.bars[-SERIES_SESSIONS:]
    points = tuple(Point(sessions.close_of(bar.day, now), tidy(bar.close)) for bar in bars)
    key = told.symbol.symbol
    return (Series(f"{key}.closes", f"{name}, closes", points, unit, told.source, told.url),)


def tidy(value: float) -> float:
    """Return the number without the digits that only its way through a computer made: 6602.990234375 is 6602.99."""
    size = abs(value)
    return round(value, 2 if size >= 20 else 4 if size >= 0.1 else 8)


def _moment(prices: Prices, sessions: Sessions, now: datetime) -> tuple[datetime, bool]:
    """Return of which moment (aware UTC) the newest price is, and whether its session goes on.

    A price of a running day that is older than half an hour is a close: not of every exchange the hours are known.
    """
    day = prices.bars[-1].day
    is_running = sessions.is_running(day, now)
    if prices.at is None or prices.at.date() != day or prices.at > now:
        return sessions.close_of(day, now), is_running
    return prices.at.astimezone(UTC), is_running and now - prices.at < _STILL_TRADED


def _changes(bars: tuple[Bar, ...], kind: Kind, unit: str) -> Iterator[tuple[str, str, float, str]]:
    if len(bars) < 2:
        return
    close, previous = tidy(bars[-1].close), tidy(bars[-2].close)
    yield "previous", "previous close", previous, unit
    week = tidy(bars[-1 - _WEEK_SESSIONS].close) if len(bars) > _WEEK_SESSIONS else None
    if kind.is_yield:
        yield "change", "change", round((close - previous) * 100, 1), "bp"
        if week is not None:
            yield "change_5d", "change over 5 sessions", round((close - week) * 100, 1), "bp"
        return
    yield "change", "change", tidy(close - previous), unit
    if previous:
        yield "change_pct", "change in %", _percent(close, previous), "%"
    if week:
        yield "change_5d_pct", "change over 5 sessions in %", _percent(close, week), "%"


def _percent(value: float, base: float) -> float:
    return round((value / base - 1) * 100, 2)


def _unit(told: Told) -> str:
    return told.prices.unit if told.kind.unit is None else told.kind.unit
