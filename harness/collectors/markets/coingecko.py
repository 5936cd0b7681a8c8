"""CoinGecko: prices of coins in dollars, a day a point, as JSON."""

from __future__ import annotations

from datetime import UTC, date, time, timedelta
from typing import Any
from urllib.parse import quote

from harness.collectors.document import list_of, number_of, read_json
from harness.collectors.markets.prices import Bar, Prices, in_order, moment_of
from harness.collectors.markets.symbols import kind_of
from harness.domain.market import WatchedSymbol

_DAYS = 45


class CoinGecko:
    """Implements PriceSource. Coins have no close: a day's is the price at its midnight in UTC."""

    key, name, lag_sessions, gives_closes = "coingecko", "CoinGecko", 0, False

    def spelling(self, symbol: WatchedSymbol) -> str | None:
        """Return the coin's id, such as bitcoin."""
        return kind_of(symbol).spelled.get(self.key)

    def address(self, spelled: str, base_url: str, today: date) -> str:
        """Return where the daily prices stand."""
        return f"{base_url}/coins/{quote(spelled, safe='')}/market_chart?vs_currency=usd&days={_DAYS}&interval=daily"

    def page(self, spelled: str) -> str:
        """Return the coin's page."""
        return f"https://www.coingecko.com/en/coins/{quote(spelled, safe='')}"

    def read(self, body: bytes, spelled: str) -> Prices:
        """Return a bar a day; the last point, of this moment, is the running day's."""
        return Prices(in_order([bar for row in list_of(read_json(body), "prices") if (bar := _bar(row))]), "USD")


def _bar(row: Any) -> Bar | None:
    if not isinstance(row, list) or len(row) != 2:
        return None
    milliseconds, price = map(number_of, row)
    moment = None if milliseconds is None else moment_of(milliseconds / 1000, "UTC")
    if moment is None or price is None:
        return None
    moment = moment.astimezone(UTC)
    ended = moment.time() == time() and moment.date() > date.min
    return Bar(moment.date() - timedelta(days=1) if ended else moment.date(), price)
