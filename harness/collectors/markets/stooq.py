"""Stooq's daily prices as CSV."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import quote, urlencode

from harness.collectors.document import BadDocument, number_of, read_rows
from harness.collectors.markets.prices import LOOK_BACK_DAYS, Bar, Prices, day_of, in_order
from harness.collectors.markets.symbols import kind_of
from harness.domain.market import WatchedSymbol


class Stooq:
    """Implements PriceSource. Says so in a line of text when a day's limit is reached or it wants a key."""

    key, name, lag_sessions, gives_closes = "stooq", "Stooq", 0, True

    def spelling(self, symbol: WatchedSymbol) -> str | None:
        """Return the symbol, such as ^spx."""
        return kind_of(symbol).spelled.get(self.key)

    def address(self, spelled: str, base_url: str, today: date) -> str:
        """Return where the daily bars stand."""
        first = today - timedelta(days=LOOK_BACK_DAYS)
        return f"{base_url}?{urlencode({'s': spelled, 'd1': f'{first:%Y%m%d}', 'd2': f'{today:%Y%m%d}', 'i': 'd'})}"

    def page(self, spelled: str) -> str:
        """Return the symbol's page."""
        return f"https://stooq.com/q/?s={quote(spelled, safe='')}"

    def read(self, body: bytes, spelled: str) -> Prices:
        """Return the bars of the columns Date, High, Low and Close."""
        rows = read_rows(body)
        if rows and not {"date", "close"} <= rows[0].keys():
            raise BadDocument("answered a table without dates and closes")
        bars = []
        for row in rows:
            day, close = day_of(row["date"]), number_of(row["close"])
            if day is not None and close is not None:
                bars.append(Bar(day, close, number_of(row.get("high")), number_of(row.get("low"))))
        return Prices(in_order(bars))
