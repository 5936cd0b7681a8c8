"""The numbers that a run may write, and whether a numeral is one of them."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from operator import attrgetter

from harness.domain.units import Numeral, Quantity, forms_of

_NOISE = 1e-14
"""What the arithmetic of floating numbers leaves, as a share of them."""


@dataclass(frozen=True, slots=True)
class Known:
    """A number that may be written: its size without a sign, and its sign, 0 where nobody can tell."""

    size: float
    sign: int
    unit: str


@dataclass(frozen=True, slots=True)
class KnownNumbers:
    """`numbers` by their size; `names` are digits that stand in the name of something, each with a word beside it."""

    numbers: tuple[Known, ...] = ()
    names: frozenset[tuple[str, str]] = frozenset()

    def has(self, numeral: Numeral) -> bool:
        """Say whether the numeral is one of them, rounded as it is written, or stands in a name."""
        beside = {(numeral.digits, numeral.before), (numeral.digits, period_word(numeral.behind))}
        if beside & self.names:
            return True
        return any(self._has(quantity, numeral.sign) for quantity in numeral.quantities)

    def _has(self, quantity: Quantity, sign: int) -> bool:
        for value, step, units in forms_of(quantity):
            slack = step / 2 + _NOISE * max(1.0, value)
            first = bisect_left(self.numbers, value - slack, key=attrgetter("size"))
            for at in range(first, len(self.numbers)):
                known = self.numbers[at]
                if known.size > value + slack:
                    break
                if (units is None or known.unit in units) and (not sign or not known.sign or known.sign == sign):
                    return True
        return False


def period_word(word: str) -> str:
    """Return one word for the many that a term of years has."""
    return "year" if word in ("y", "yr", "yrs", "years") else word
