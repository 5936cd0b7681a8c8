"""market/LIST: each source alone, so that nothing of it is hidden by the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from harness.domain.market import MARKET_SOURCES, MarketSettings, WatchedSymbol, Watchlist
from harness.domain.settings import Settings
from harness.domain.source import Collected
from harness.domain.workspace import Workspace
from tests.collectors.family_case import Cassette, FamilyCase

JSON, CSV = "application/json; charset=utf-8", "text/csv; charset=utf-8"


def _workspace(source: str, symbol: WatchedSymbol) -> Callable[[Path, str], Workspace]:
    def workspace(root: Path, url: str) -> Workspace:
        urls = {name: f"{url}/{name}" for name in MARKET_SOURCES}
        settings = Settings(markets=MarketSettings(sources=(source,), urls=urls))
        return Workspace(root, settings, watchlists={"us": Watchlist("us", "US", (symbol,))})

    return workspace


def _values(collected: Collected) -> Mapping[str, tuple[float, str]]:
    return {figure.key: (figure.value, figure.unit) for figure in collected.figures}


def _check_index(collected: Collected, source: str) -> None:
    assert _values(collected) == {
        "^spx.close": (6840.20, ""),
        "^spx.previous": (6830.71, ""),
        "^spx.change": (9.49, ""),
        "^spx.change_pct": (0.14, "%"),
        "^spx.change_5d_pct": (0.71, "%"),
        "^spx.high": (6858.55, ""),
        "^spx.low": (6789.05, ""),
    }
    close = collected.figures[0]
    assert (close.name, close.source) == ("S&P 500, close", f"{source}, single-source")
    assert close.at is not None and f"{close.at:%Y-%m-%d}" == "2026-03-06"
    (closes,) = collected.series
    assert len(closes.points) == 30 and closes.points[-1].value == 6840.20
    assert not collected.is_untrusted, "numbers that code has read give no instructions"


def _check_yahoo(collected: Collected) -> None:
    _check_index(collected, "Yahoo Finance")
    assert collected.figures[0].url == "https://finance.yahoo.com/quote/%5EGSPC/"


def _check_stooq(collected: Collected) -> None:
    _check_index(collected, "Stooq")


def _check_fred(collected: Collected) -> None:
    assert _values(collected) == {
        "us10y.close": (4.16, "%"),
        "us10y.previous": (4.11, "%"),
        "us10y.change": (5.0, "bp"),
        "us10y.change_5d": (14.0, "bp"),
    }
    assert collected.figures[0].url == "https://fred.stlouisfed.org/series/DGS10"


def _check_frankfurter(collected: Collected) -> None:
    values = _values(collected)
    assert values["eurusd.close"] == (1.1635, "USD")
    assert values["eurusd.change"] == (0.0033, "USD")


def _check_coingecko(collected: Collected) -> None:
    values = _values(collected)
    assert values["btc.close"] == (67801.0, "USD") and values["btc.previous"] == (67350.25, "USD")
    assert collected.figures[0].name == "Bitcoin, latest price", "its day is not over"


def _case(
    source: str, symbol: WatchedSymbol, path: str, file: str, check: Callable[[Collected], None], empty: bytes
) -> FamilyCase:
    cassette = Cassette(file, CSV if file.endswith(".csv") else JSON)
    return FamilyCase(
        family="market",
        read="market/us",
        workspace=_workspace(source, symbol),
        check=check,
        cassettes={path: cassette},
        empty=empty,
    )


_SPX = WatchedSymbol("^spx", "S&P 500")
CASES = (
    _case("yahoo", _SPX, "/yahoo/%5EGSPC", "yahoo.json", _check_yahoo, b'{"chart":{"result":[],"error":null}}'),
    _case("stooq", _SPX, "/stooq", "stooq.csv", _check_stooq, b"No data"),
    _case("fred", WatchedSymbol("us10y", "US 10-year"), "/fred", "fred.csv", _check_fred, b"observation_date,DGS10\n"),
    _case(
        "frankfurter",
        WatchedSymbol("eurusd", "Euro"),
        "/frankfurter/2025-12-23..",
        "frankfurter.json",
        _check_frankfurter,
        b'{"amount":1.0,"base":"EUR","rates":{}}',
    ),
    _case(
        "coingecko",
        WatchedSymbol("btc", "Bitcoin"),
        "/coingecko/coins/bitcoin/market_chart",
        "coingecko.json",
        _check_coingecko,
        b'{"prices":[]}',
    ),
)
