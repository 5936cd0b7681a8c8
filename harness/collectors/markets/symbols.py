"""How the sources write what a person watches: a table of the usual names, and rules for the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.domain.market import EVERY_DAY, WEEKDAYS, WatchedSymbol

_CODES = "AUD BRL CAD CHF CNY CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN NOK NZD PLN SEK SGD THB TRY USD ZAR"
CURRENCIES = frozenset(_CODES.split())
_PAIR = re.compile(r"([a-z]{3})([a-z]{3})")
_LISTED = re.compile(r"([a-z0-9-]+)\.(us|uk|de|jp|hk)")
_EXCHANGES = {
    "us": ("", "nyse"),
    "uk": (".L", WEEKDAYS),
    "de": (".DE", WEEKDAYS),
    "jp": (".T", "tokyo"),
    "hk": (".HK", WEEKDAYS),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a symbol is: its spelling with each source, the closed days of its exchange, and its unit.

    `unit` None means what the source says; empty means points. `is_yield`: its values are per cent, and their changes
    basis points.
    """

    spelled: Mapping[str, str]
    calendar: str = WEEKDAYS
    unit: str | None = None
    is_yield: bool = False


def kind_of(symbol: WatchedSymbol) -> Kind:
    """Return what the symbol is; what nobody knows has the spellings that the person gave."""
    written = symbol.symbol.casefold()
    kind = KNOWN.get(written) or _pair(written) or _listed(written) or Kind({})
    return Kind(
        {**kind.spelled, **symbol.spelled}, symbol.calendar or kind.calendar, symbol.unit or kind.unit, kind.is_yield
    )


def _pair(written: str) -> Kind | None:
    """Two currencies, `eurusd`: how much of the second one is paid for one of the first."""
    found = _PAIR.fullmatch(written)
    if found is None or not {found[1].upper(), found[2].upper()} <= CURRENCIES:
        return None
    both = written.upper()
    return Kind({"yahoo": f"{both}=X", "stooq": written, "frankfurter": both}, WEEKDAYS, found[2].upper())


def _listed(written: str) -> Kind | None:
    """A share at an exchange, `aapl.us`."""
    found = _LISTED.fullmatch(written)
    if found is None:
        return None
    ending, calendar = _EXCHANGES[found[2]]
    return Kind({"yahoo": f"{found[1].upper()}{ending}", "stooq": written}, calendar)


def _index(yahoo: str, calendar: str, *, stooq: str = "", fred: str = "") -> Kind:
    spelled = {"yahoo": yahoo, "stooq": stooq, "fred": fred}
    return Kind({source: name for source, name in spelled.items() if name}, calendar, "")


def _yield(fred: str, *, stooq: str = "", yahoo: str = "", calendar: str = "nyse") -> Kind:
    spelled = {"fred": fred, "stooq": stooq, "yahoo": yahoo}
    return Kind({source: name for source, name in spelled.items() if name}, calendar, "%", is_yield=True)


def _future(yahoo: str, stooq: str) -> Kind:
    return Kind({"yahoo": yahoo, "stooq": stooq}, "nyse", "USD")


def _coin(name: str, code: str) -> Kind:
    return Kind({"coingecko": name, "yahoo": f"{code}-USD"}, EVERY_DAY, "USD")


KNOWN: Mapping[str, Kind] = MappingProxyType(
    {
        "^spx": _index("^GSPC", "nyse", stooq="^spx", fred="SP500"),
        "^ndx": _index("^NDX", "nyse", stooq="^ndx", fred="NASDAQ100"),
        "^ndq": _index("^IXIC", "nyse", stooq="^ndq", fred="NASDAQCOM"),
        "^dji": _index("^DJI", "nyse", stooq="^dji", fred="DJIA"),
        "^rut": _index("^RUT", "nyse"),
        "^vix": _index("^VIX", "nyse", fred="VIXCLS"),
        "^sox": _index("^SOX", "nyse"),
        "^nkx": _index("^N225", "tokyo", stooq="^nkx", fred="NIKKEI225"),
        "^tpx": _index("^TPX", "tokyo", stooq="^tpx"),
        "^hsi": _index("^HSI", WEEKDAYS, stooq="^hsi"),
        "^shc": _index("000001.SS", WEEKDAYS, stooq="^shc"),
        "^kospi": _index("^KS11", WEEKDAYS, stooq="^kospi"),
        "^twse": _index("^TWII", WEEKDAYS, stooq="^twse"),
        "^aord": _index("^AORD", WEEKDAYS, stooq="^aor"),
        "^snx": _index("^BSESN", WEEKDAYS, stooq="^snx"),
        "^dax": _index("^GDAXI", WEEKDAYS, stooq="^dax"),
        "^ukx": _index("^FTSE", WEEKDAYS, stooq="^ukx"),
        "^cac": _index("^FCHI", WEEKDAYS, stooq="^cac"),
        "^stoxx50": _index("^STOXX50E", WEEKDAYS),
        "us3m": _yield("DGS3MO", yahoo="^IRX"),
        "us2y": _yield("DGS2", stooq="2yusy.b"),
        "us5y": _yield("DGS5", stooq="5yusy.b", yahoo="^FVX"),
        "us10y": _yield("DGS10", stooq="10yusy.b", yahoo="^TNX"),
        "us30y": _yield("DGS30", stooq="30yusy.b", yahoo="^TYX"),
        "jp10y": _yield("", stooq="10yjpy.b", calendar="tokyo"),
        "de10y": _yield("", stooq="10ydey.b", calendar=WEEKDAYS),
        "dxy": _index("DX-Y.NYB", "nyse"),
        "gold": _future("GC=F", "gc.f"),
        "silver": _future("SI=F", "si.f"),
        "copper": _future("HG=F", "hg.f"),
        "wti": _future("CL=F", "cl.f"),
        "brent": _future("BZ=F", "cb.f"),
        "natgas": _future("NG=F", "ng.f"),
        "btc": _coin("bitcoin", "BTC"),
        "eth": _coin("ethereum", "ETH"),
        "sol": _coin("solana", "SOL"),
    }
)
"""What people watch most, by the name that a watchlist gives it."""
