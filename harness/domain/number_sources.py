"""Every number that a run may write: what was collected, what stands in its task, and what follows from them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import permutations
from operator import attrgetter

from harness.domain.figures import Figure, Series
from harness.domain.known_numbers import Known, KnownNumbers, period_word
from harness.domain.numerals import numerals_in
from harness.domain.source import Collected
from harness.domain.units import SPREAD, SPREAD_BP, UNKNOWN, Numeral, canonical

LOOK_BACKS = (1, 2, 3, 5, 10, 21, 63, 126, 252)
"""How many points before the last one of a series a change may be counted from; from its first, highest and lowest
ones as well. From any two of them, some would differ by whatever was invented."""

_KEPT_CHARS = 2_000

_LATEST = frozenset({"close", "last", "price", "value", "actual", "current", "now"})
"""Kinds of figures, by the end of their keys, that a change is counted to."""

_LESS_IS_MORE = re.compile(r"\b(?:draw-?downs?|declines?|drops?|loss(?:es)?|falls?|decreases?)\b", re.IGNORECASE)


def known_numbers(collected: Sequence[Collected], *texts: str) -> KnownNumbers:
    """Return the numbers of what was collected and of these texts (a job's task), with what follows from them.

    What follows: differences and changes in percent between figures of one thing (`spx.close` and `spx.open`),
    differences in percentage points between figures of one kind, and how far the last point of a series is from
    earlier ones.
    """
    figures = [figure for one in collected for figure in one.figures]
    series = [line for one in collected for line in one.series]
    words = [*texts, *(text for one in collected for text in _texts_of(one))]
    numbers = {
        *(known for figure in figures for known in _of_figure(figure)),
        *(known for line in series for known in _of_series(line)),
        *_following(figures),
        *(known for text in words for known in _of_text(text)),
    }
    names = [*(figure.name for figure in figures), *(line.name for line in series), *(one.read for one in collected)]
    return KnownNumbers(
        tuple(sorted(numbers, key=attrgetter("size"))), frozenset(pair for name in names for pair in _pairs_of(name))
    )


def untraced(text: str, known: KnownNumbers) -> tuple[Numeral, ...]:
    """Return the figures in the text that are none of the known numbers, in their order."""
    return tuple(numeral for numeral in numerals_in(text) if not known.has(numeral))


def _texts_of(one: Collected) -> Iterator[str]:
    yield one.text
    for item in one.items:
        yield item.title
        yield item.summary


def _of_text(text: str) -> tuple[Known, ...]:
    return _kept(text) if len(text) <= _KEPT_CHARS else _read(text)


@lru_cache(maxsize=4_096)
def _kept(text: str) -> tuple[Known, ...]:
    """An answer is judged up to three times over the same sources, and jobs of one day read much the same."""
    return _read(text)


def _read(text: str) -> tuple[Known, ...]:
    return tuple(
        Known(quantity.value, numeral.sign, quantity.unit or UNKNOWN)
        for numeral in numerals_in(text)
        for quantity in numeral.quantities
    )


def _of_figure(figure: Figure) -> Iterator[Known]:
    yield from _of_value(figure.value, figure.unit, is_signed=not _LESS_IS_MORE.search(figure.name))


def _of_value(value: float, unit: str, *, is_signed: bool = True) -> Iterator[Known]:
    name, scale = canonical(unit)
    for size in {abs(value), abs(value * scale)}:
        yield Known(size, (_sign(value) if is_signed else 0), name)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _of_series(line: Series) -> Iterator[Known]:
    values = [point.value for point in line.points]
    for value in values:
        yield from _of_value(value, line.unit)
    if len(values) < 2:
        return
    last = values[-1]
    earlier = {values[-1 - back] for back in LOOK_BACKS if back < len(values)}
    for value in {*earlier, values[0], max(values), min(values)}:
        yield from _between(value, last, line.unit)


def _following(figures: Sequence[Figure]) -> Iterator[Known]:
    by_thing: defaultdict[tuple[str, str], list[Figure]] = defaultdict(list)
    by_kind: defaultdict[str, list[Figure]] = defaultdict(list)
    for figure in figures:
        thing, _, kind = figure.key.rpartition(".")
        unit = canonical(figure.unit)[0]
        by_thing[thing or figure.key, figure.unit].append(figure)
        if unit in ("%", "pp", "bp"):
            by_kind[f"{kind} {unit}"].append(figure)
    for (_, unit), alike in by_thing.items():
        for before, after in permutations(alike, 2):
            if not _is_later(before, after):
                yield from _between(before.value, after.value, unit)
    for alike in by_kind.values():
        for before, after in permutations(alike, 2):
            yield from _spread(before, after)


def _is_later(one: Figure, other: Figure) -> bool:
    """Say whether it is known that a change is counted from the other to the one, and not the other way round."""
    if one.at is not None and other.at is not None and one.at != other.at:
        return one.at > other.at
    return _is_latest(one) and not _is_latest(other)


def _is_latest(figure: Figure) -> bool:
    return figure.key.rpartition(".")[2] in _LATEST


def _between(before: float, after: float, unit: str) -> Iterator[Known]:
    yield from _of_value(after - before, "pp" if canonical(unit)[0] == "%" else unit)
    if before:
        yield from _of_value((after - before) / abs(before) * 100, "%")


def _spread(before: Figure, after: Figure) -> Iterator[Known]:
    between = after.value - before.value
    if canonical(before.unit)[0] == "bp":
        yield Known(abs(between), _sign(between), SPREAD_BP)
    else:
        yield Known(abs(between), _sign(between), SPREAD)
        yield Known(abs(between * 100), _sign(between), SPREAD_BP)


def _pairs_of(name: str) -> Iterable[tuple[str, str]]:
    """Yield the digits of a name with the word before them, and with the one behind them."""
    for found in re.finditer(r"(?:([^\W\d_]+)[\s-]*)?(\d+(?:\.\d+)?)(?:[\s-]?([^\W\d_]+))?", name.casefold()):
        if found[1]:
            yield found[2], found[1]
        if found[3]:
            yield found[2], period_word(found[3])
