"""The figures of a prompt in the words of a recorded answer: what rose, what fell, and where it stands. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.domain.errors import HarnessError
from harness.rehearsal.prompt_inputs import PromptFigure

_FINE = 10
"""Below it a price is told with four digits behind the point, as currencies are."""


_SHARES = ".us"
_MATERIALS = frozenset({"gold", "wti", "copper", "btc", "eth", "sol"})
"""What is called by its name alone; all else has an article before it."""


@dataclass(frozen=True, slots=True)
class ToldFigures:
    """What templates ask for; `teller` is the script that is named where it speaks of what was not collected."""

    teller: str
    figures: Mapping[str, PromptFigure]
    series: Mapping[str, tuple[float, ...]]

    def names(self) -> dict[str, Any]:
        """Return the functions by the names that templates know them by."""
        return {name: getattr(self, name) for name in _NAMES}

    def has(self, *keys: str) -> bool:
        """Say whether all of these were collected."""
        return all(key in self.figures for key in keys)

    def value(self, key: str) -> float:
        """Return the number of a figure."""
        return self._figure(key).value

    def number(self, key: str, digits: int = 2) -> str:
        """Return it with thousands and so many digits behind the point."""
        return f"{self.value(key):,.{digits}f}"

    def signed(self, key: str, digits: int = 2) -> str:
        """Return it with its sign."""
        return f"{self.value(key):+,.{digits}f}"

    def turn(self, key: str, above: str, below: str, level: str = "was unchanged") -> str:
        """Return one of the words by the sign of the figure."""
        value = self.value(key)
        return above if value > 0 else below if value < 0 else level

    def past(self, key: str, most: int) -> tuple[float, ...]:
        """Return the last values of a series, the oldest first."""
        if key not in self.series:
            raise HarnessError(f"{self.teller} speaks of {key}, which was not collected")
        return self.series[key][-most:]

    def price(self, symbol: str) -> str:
        """Return where a symbol stands: `6,790.19`, `4.01 %`."""
        close = self._figure(f"{symbol}.close")
        digits = 4 if abs(close.value) < _FINE and close.unit != "%" else 2
        return f"{close.value:,.{digits}f}{' %' if close.unit == '%' else ''}"

    def change(self, symbol: str) -> str:
        """Return its change against the close before: `-1.12 %`, `-7.0 bp`, or `no data`."""
        percent, points = self.figures.get(f"{symbol}.change_pct"), self.figures.get(f"{symbol}.change")
        if percent is not None:
            return f"{percent.value:+.2f} %"
        return f"{points.value:+.1f} {points.unit}".strip() if points is not None else "no data"

    def week(self, symbol: str) -> str:
        """Return its change over five sessions, or `no data`."""
        percent, points = self.figures.get(f"{symbol}.change_5d_pct"), self.figures.get(f"{symbol}.change_5d")
        if percent is not None:
            return f"{percent.value:+.2f} %"
        return f"{points.value:+.1f} {points.unit}".strip() if points is not None else "no data"

    def called(self, symbol: str) -> str:
        """Return the name of a symbol."""
        return self._figure(f"{symbol}.close").name.removesuffix(", close").removesuffix(", latest price") or symbol

    def moved(self, symbol: str) -> float:
        """Return by how much it changed, in per cent or points; 0 where nobody knows."""
        figure = self.figures.get(f"{symbol}.change_pct") or self.figures.get(f"{symbol}.change")
        return 0.0 if figure is None else figure.value

    def say(self, symbol: str) -> str:
        """Return a sentence without its end: `the S&P 500 rose 1.20 % to 6,789.01`."""
        is_name = symbol.endswith(_SHARES) or symbol in _MATERIALS
        what = self.called(symbol) if is_name else f"the {self.called(symbol)}"
        if self.change(symbol) == "no data":
            return f"{what} stands at {self.price(symbol)}"
        if self.moved(symbol) == 0:
            return f"{what} was unchanged at {self.price(symbol)}"
        verb = "rose" if self.moved(symbol) > 0 else "fell"
        return f"{what} {verb} {self.change(symbol).lstrip('+-')} to {self.price(symbol)}"

    def begin(self, symbol: str) -> str:
        """Return the same as the beginning of a sentence."""
        told = self.say(symbol)
        return told[0].upper() + told[1:]

    def source(self, symbol: str) -> str:
        """Return who says so and of which day: `(Yahoo Finance, 2026-11-20)`."""
        close = self._figure(f"{symbol}.close")
        return f"({', '.join(filter(None, (close.source, close.at[:10])))})"

    def table(self, *symbols: str) -> str:
        """Return the rows of these symbols as a Markdown table; what was not collected is `no data`."""
        rows = ["| | last | change | five sessions |", "|---|--:|--:|--:|"]
        for symbol in symbols:
            if self.has(f"{symbol}.close"):
                cells = (self.called(symbol), self.price(symbol), self.change(symbol), self.week(symbol))
            else:
                cells = (symbol, "no data", "no data", "no data")
            rows.append(f"| {' | '.join(cells)} |")
        return "\n".join(rows)

    def _figure(self, key: str) -> PromptFigure:
        if key not in self.figures:
            raise HarnessError(f"{self.teller} speaks of {key}, which was not collected")
        return self.figures[key]


_NAMES = (
    "has", "value", "number", "signed", "turn", "past", "price", "change", "week", "called", "moved", "say", "begin",
    "source", "table",
)  # fmt: skip
