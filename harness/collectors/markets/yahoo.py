"""Yahoo Finance's chart service: daily bars as JSON, with the currency and the exchange's zone."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from urllib.parse import quote

from harness.collectors.document import BadDocument, list_of, number_of, read_json, table_of, text_of
from harness.collectors.markets.prices import Bar, Prices, in_order, moment_of
from harness.collectors.markets.symbols import kind_of
from harness.domain.market import WatchedSymbol

_RANGE = "3mo"
_CURRENCY = re.compile(r"[A-Za-z]{3}")


class Yahoo:
    """Implements PriceSource. Answers 429 to who asks too much; the next source is asked then."""

    key, name, lag_sessions, gives_closes = "yahoo", "Yahoo Finance", 0, True

    def spelling(self, symbol: WatchedSymbol) -> str | None:
        """Return the ticker, such as ^GSPC."""
        return kind_of(symbol).spelled.get(self.key)

    def address(self, spelled: str, base_url: str, today: date) -> str:
        """Return where the daily bars of three months stand."""
        return f"{base_url}/{quote(spelled, safe='')}?range={_RANGE}&interval=1d"

    def page(self, spelled: str) -> str:
        """Return the ticker's page."""
        return f"https://finance.yahoo.com/quote/{quote(spelled, safe='')}/"

    def read(self, body: bytes, spelled: str) -> Prices:
        """Return the bars; a session without a close, as a running one may be, is left out."""
        chart = table_of(read_json(body), "chart")
        error = chart.get("error")
        if isinstance(error, dict):
            raise BadDocument(f"answered: {text_of(error.get('description')) or 'an error'}")
        results = list_of(chart, "result")
        result = table_of(results[0] if results else None)
        meta = table_of(result, "meta")
        zone = text_of(meta.get("exchangeTimezoneName")) or "UTC"
        quotes = list_of(result, "indicators", "quote")
        quote_lists = table_of(quotes[0] if quotes else None)
        rows = zip(
            list_of(result, "timestamp"),
            list_of(quote_lists, "close"),
            _optional(quote_lists, "high"),
            _optional(quote_lists, "low"),
            strict=False,
        )
        bars = [bar for row in rows if (bar := _bar(row, zone))]
        currency = text_of(meta.get("currency"))
        told_at = number_of(meta.get("regularMarketTime"))
        at = None if told_at is None else moment_of(told_at, zone)
        return Prices(in_order(bars), currency if _CURRENCY.fullmatch(currency) else "", at)


def _optional(quotes: Any, name: str) -> Any:
    values = quotes.get(name)
    return values if isinstance(values, list) else [None] * len(list_of(quotes, "close"))


def _bar(row: tuple[Any, Any, Any, Any], zone: str) -> Bar | None:
    seconds, close, high, low = map(number_of, row)
    moment = None if seconds is None else moment_of(seconds, zone)
    return None if moment is None or close is None else Bar(moment.date(), close, high, low)
