"""Frankfurter: the reference rates of the European Central Bank, as JSON."""

from __future__ import annotations

from datetime import date, timedelta
from urllib.parse import urlencode

from harness.collectors.document import number_of, read_json, table_of
from harness.collectors.markets.prices import LOOK_BACK_DAYS, Bar, Prices, day_of, in_order
from harness.collectors.markets.symbols import kind_of
from harness.domain.market import WatchedSymbol


class Frankfurter:
    """Implements PriceSource. A rate is fixed at 14:15 in Frankfurt, and confirms nobody's close."""

    key, name, lag_sessions, gives_closes = "frankfurter", "European Central Bank", 0, False

    def spelling(self, symbol: WatchedSymbol) -> str | None:
        """Return the two currencies, such as EURUSD."""
        return kind_of(symbol).spelled.get(self.key)

    def address(self, spelled: str, base_url: str, today: date) -> str:
        """Return where the rates of the last weeks stand."""
        first = today - timedelta(days=LOOK_BACK_DAYS)
        return f"{base_url}/{first.isoformat()}..?{urlencode({'base': spelled[:3], 'symbols': spelled[3:]})}"

    def page(self, spelled: str) -> str:
        """Return the page of the bank's rates."""
        return "https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/"

    def read(self, body: bytes, spelled: str) -> Prices:
        """Return the rates by day."""
        rates = table_of(read_json(body), "rates")
        bars = []
        for text, by_currency in rates.items():
            day = day_of(text)
            rate = number_of(by_currency.get(spelled[3:])) if isinstance(by_currency, dict) else None
            if day is not None and rate is not None:
                bars.append(Bar(day, rate))
        return Prices(in_order(bars), spelled[3:])
