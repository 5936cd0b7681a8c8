"""FRED's series as CSV: official closes and yields, a session later than others."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import quote, urlencode

from harness.collectors.document import BadDocument, number_of, read_rows
from harness.collectors.markets.prices import LOOK_BACK_DAYS, Bar, Prices, day_of, in_order
from harness.collectors.markets.symbols import kind_of
from harness.domain.market import WatchedSymbol


class Fred:
    """Implements PriceSource. A day without a value, a holiday, has a dot in place of one."""

    key, name, lag_sessions, gives_closes = "fred", "FRED", 1, True

    def spelling(self, symbol: WatchedSymbol) -> str | None:
        """Return the id of the series, such as DGS10."""
        return kind_of(symbol).spelled.get(self.key)

    def address(self, spelled: str, base_url: str, today: date) -> str:
        """Return where the series stands."""
        first = today - timedelta(days=LOOK_BACK_DAYS)
        return f"{base_url}?{urlencode({'id': spelled, 'cosd': first.isoformat()})}"

    def page(self, spelled: str) -> str:
        """Return the series' page."""
        return f"https://fred.stlouisfed.org/series/{quote(spelled, safe='')}"

    def read(self, body: bytes, spelled: str) -> Prices:
        """Return the values of the one series."""
        rows = read_rows(body)
        column = spelled.casefold()
        if rows and column not in rows[0]:
            raise BadDocument(f"answered a table without {spelled}")
        bars = []
        for row in rows:
            # The column of the dates was renamed once: it is the first, whatever it is called.
            day, value = day_of(next(iter(row.values()))), number_of(row[column])
            if day is not None and value is not None:
                bars.append(Bar(day, value))
        return Prices(in_order(bars))
