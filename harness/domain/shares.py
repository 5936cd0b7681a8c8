"""How much of a list is of which basket, and which of its items are too many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def surplus(baskets: Sequence[Sequence[str]], basket: str, percent: float) -> tuple[int, ...]:
    """Return the places (from 0) of the items to be left out so that the basket keeps its share, the last first.

    `baskets` are those of each item, the highest ranked first; one item may be of several. Empty if it keeps it.
    """
    members = [place for place, names in enumerate(baskets) if basket in names]
    left, total = len(members), len(baskets)
    gone: list[int] = []
    while left and left * 100 > percent * total:
        gone.append(members[left - 1])
        left, total = left - 1, total - 1
    return tuple(gone)


def shares(baskets: Sequence[Sequence[str]]) -> Iterator[tuple[str, int]]:
    """Yield each basket with the number of items that are of it, by name."""
    names = sorted({name for each in baskets for name in each})
    yield from ((name, sum(name in each for each in baskets)) for name in names)
