"""Numbers with their units, as people write them, and which units may stand for one another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

UNKNOWN = "?"
"""The unit of a number in a source's prose that names none: it may be anything."""

OTHER = "other"
"""A unit that nothing is converted to or from, such as km/h."""

SPREAD, SPREAD_BP = "spread", "spread in bp"
"""Percentage points, and basis points, between two different things: no percentage of anything."""

_SCALES: Mapping[str, float] = {
    "thousands?": 1e3, "k": 1e3, "millions?": 1e6, "mn": 1e6, "mm": 1e6, "mio": 1e6, "m": 1e6,
    "billions?": 1e9, "bn": 1e9, "b": 1e9, "trillions?": 1e12, "trn": 1e12, "tn": 1e12, "t": 1e12,
}  # fmt: skip
_AMBIGUOUS = frozenset({"m", "mm", "b", "t"})
"""Scales that are something else as well: metres, millimetres, bytes, tonnes."""

_PLAIN: Mapping[str, str] = {
    "%": "%", "percentage points?": "pp", "percent": "%", "per cent": "%", "pct": "%", "pp": "pp", "ppts?": "pp",
    "basis points?": "bp", "basis-points?": "bp", "bps?": "bp", "points?": "", "pts": "", "pips?": "pip", "x": "x",
    "fold": "x",
    "°C": "°", "°F": "°", "degrees": "°", "°": "°",
}  # fmt: skip
_CURRENCIES: Mapping[str, str] = {
    "USD": "USD", "US dollars?": "USD", "dollars?": "USD", "CAD": "USD", "AUD": "USD", "HKD": "USD", "SGD": "USD",
    "EUR": "EUR", "euros?": "EUR", "€": "EUR", "GBP": "GBP", "pounds": "GBP", "JPY": "JPY", "yen": "JPY",
    "CNY": "JPY", "yuan": "JPY", "RMB": "JPY", "CHF": "CHF", "francs?": "CHF", "INR": "INR", "KRW": "KRW",
}  # fmt: skip
"""Dollars of whatever land are one unit, as yen and yuan are: their signs do not tell them apart."""

_SYMBOLS: Mapping[str, str] = MappingProxyType({"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₩": "KRW"})
_RATIO_AT_MOST = 1.5


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a unit, exact to `step`: 1.2k is 1200 to 100. Empty `unit`: points, or none at all."""

    value: float
    step: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number in a text.

    `text` is how it stands there, on `line` (from 1). `quantities` are what it may mean, in its own unit: `3.4 m` is
    3.4 million, or 3.4 metres. `sign` is -1 or 1 where it is written or follows from a word such as `fell`, else 0.
    `digits` are its digits alone, `before` and `behind` the words beside it in lower case: what it may be a name with.
    """

    text: str
    line: int
    quantities: tuple[Quantity, ...]
    sign: int = 0
    digits: str = ""
    before: str = ""
    behind: str = ""


def unit_pattern() -> str:
    """Return the regular expression of all that may follow a number as its unit."""
    space = r"[\s-]?"
    currency = _any_of(_CURRENCIES)
    return rf"(?:{_any_of(_SCALES)})(?:{space}(?:{currency}))?(?![\w])|{_any_of(_PLAIN)}(?![\w])|(?:{currency})(?![\w])"


def quantities_of(symbol: str, after: str, value: float, step: float) -> tuple[Quantity, ...]:
    """Return what a number may mean between what stands before it and after it: `$`, `bn`, ` %`, ` million euros`."""
    unit, scale, is_certain = _read_unit(symbol, after)
    scaled = Quantity(value * scale, step * scale, unit)
    return (scaled,) if is_certain else (scaled, Quantity(value, step, unit))


@lru_cache(maxsize=1_024)
def _read_unit(symbol: str, after: str) -> tuple[str, float, bool]:
    """Return the unit, by how much the number is to be multiplied, and whether that is certain."""
    words = " ".join(after.strip(" -\u00a0\u202f\u2009").split())
    scale = next((word for word in _SCALES if re.match(rf"(?:{word})(?!\w)", words, re.IGNORECASE)), "")
    rest = re.sub(rf"^(?:{scale})", "", words, flags=re.IGNORECASE).strip(" -") if scale else words
    return _symbol_unit(symbol) or _spelled_unit(rest), _SCALES.get(scale, 1.0), scale not in _AMBIGUOUS


def canonical(unit: str) -> tuple[str, float]:
    """Return the unit of a collected figure as one of those here, and by how much its number is to be multiplied."""
    words = " ".join(unit.split())
    if not words:
        return "", 1.0
    for word, scale in _SCALES.items():
        if len(word) > 1 and re.search(rf"(?<!\w){word}(?!\w)", words, re.IGNORECASE):
            return _spelled_unit(re.sub(rf"(?<!\w){word}(?!\w)", "", words, flags=re.IGNORECASE).strip()), scale
    return (_spelled_unit(words) or _symbol_unit(words) or ("" if _is_points(words) else OTHER)), 1.0


def forms_of(quantity: Quantity) -> Iterator[tuple[float, float, frozenset[str] | None]]:
    """Yield the value and step under which the quantity may stand among collected numbers, and in which units.

    None: in any. So 2.4 % stands for 240 bp and for a share of 0.024 as well.
    """
    value, step, unit = quantity.value, quantity.step, quantity.unit
    match unit:
        case "%" | "pp":
            yield value, step, frozenset({"%", "pp", UNKNOWN} | ({SPREAD} if unit == "pp" else set()))
            yield value * 100, step * 100, frozenset({"bp"})
            if abs(value / 100) <= _RATIO_AT_MOST:
                yield value / 100, step / 100, frozenset({""})
        case "bp":
            yield value, step, frozenset({"bp", SPREAD_BP, UNKNOWN})
            yield value / 100, step / 100, frozenset({"%", "pp"})
            yield value / 10_000, step / 10_000, frozenset({""})
        case "pip":  # of a currency: of the yen it is the second digit behind the point
            yield value, step, frozenset({"pip"})
            yield value / 10_000, step / 10_000, frozenset({""})
            yield value / 100, step / 100, frozenset({""})
        case "":
            yield value, step, None
            if abs(value) <= _RATIO_AT_MOST and step < 1:
                yield value * 100, step * 100, frozenset({"%"})
        case _:
            yield value, step, frozenset({unit, "", UNKNOWN})


def _is_points(words: str) -> bool:
    return bool(re.match(r"(?:points?|pts|index)\b", words, re.IGNORECASE))


def _any_of(words: Mapping[str, object]) -> str:
    return f"(?:{'|'.join(sorted(words, key=len, reverse=True))})"


def _symbol_unit(symbol: str) -> str:
    bare = symbol.strip()
    return _SYMBOLS.get(bare[-1:], "") or (_spelled_unit(bare) if bare else "")


def _spelled_unit(words: str) -> str:
    for table in (_PLAIN, _CURRENCIES):
        for word, unit in table.items():
            if re.match(rf"(?:{word})(?!\w)", words, re.IGNORECASE):
                return unit
    return ""
