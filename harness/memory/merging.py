"""Three texts into one: what two writers made of the same text, merged line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True)
class Conflict:
    """Lines that both writers changed, each in another way; the merged text has `theirs`."""

    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Merged:
    """The text that holds the changes of both, but for the conflicts."""

    text: str
    conflicts: tuple[Conflict, ...] = ()


def merge(base: str, ours: str, theirs: str) -> Merged:
    """Return what both made of the base.

    Where both added lines at the same place, theirs stand first, and ours that are not among them follow. Where both
    changed or removed the same lines, theirs are kept: theirs is the person.
    """
    if ours in (theirs, base):
        return Merged(theirs)
    if theirs == base:
        return Merged(ours)
    texts = [text.split("\n") for text in (base, ours, theirs)]
    start, end = _common_ends(texts)
    middles = [lines[start : len(lines) - end] for lines in texts]
    merged: list[str] = texts[0][:start]
    conflicts: list[Conflict] = []
    for chunk in _chunks(*middles):
        lines, conflict = _merge_chunk(*chunk)
        merged += lines
        conflicts += [conflict] if conflict else []
    merged += texts[0][len(texts[0]) - end :]
    return Merged("\n".join(merged), tuple(conflicts))


def _common_ends(texts: Sequence[list[str]]) -> tuple[int, int]:
    """Return how many lines all of them begin with, and end with: most of a long file, which is not compared then."""
    shortest = min(map(len, texts))
    start = next((n for n in range(shortest) if len({lines[n] for lines in texts}) > 1), shortest)
    end = next((n for n in range(shortest - start) if len({lines[-1 - n] for lines in texts}) > 1), shortest - start)
    return start, end


Chunk = tuple[list[str], list[str], list[str]]


def _chunks(base: list[str], ours: list[str], theirs: list[str]) -> Iterator[Chunk]:
    """Yield the texts in pieces: those that all three have alike, and what stands between them."""
    at = (0, 0, 0)
    for length, *starts in _synchronised(base, ours, theirs):
        yield base[at[0] : starts[0]], ours[at[1] : starts[1]], theirs[at[2] : starts[2]]
        same = base[starts[0] : starts[0] + length]
        yield same, same, same
        at = (starts[0] + length, starts[1] + length, starts[2] + length)
    yield base[at[0] :], ours[at[1] :], theirs[at[2] :]


def _synchronised(base: list[str], ours: list[str], theirs: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """Yield the runs of base lines that both kept: length, and where they begin in each."""
    kept = [SequenceMatcher(None, base, lines, autojunk=False).get_matching_blocks() for lines in (ours, theirs)]
    first = second = 0
    while first < len(kept[0]) and second < len(kept[1]):
        one, two = kept[0][first], kept[1][second]
        start, end = max(one.a, two.a), min(one.a + one.size, two.a + two.size)
        if start < end:
            yield end - start, start, one.b + start - one.a, two.b + start - two.a
        if one.a + one.size < two.a + two.size:
            first += 1
        else:
            second += 1


def _merge_chunk(base: list[str], ours: list[str], theirs: list[str]) -> tuple[list[str], Conflict | None]:
    if ours in (theirs, base):
        return theirs, None
    if theirs == base:
        return ours, None
    for one, other in ((ours, theirs), (theirs, ours)):
        added = _added(base, one)
        if added is not None:
            return [*other, *(line for line in added if not line.strip() or line not in other)], None
    return theirs, Conflict("\n".join(ours), "\n".join(theirs))


def _added(base: list[str], lines: list[str]) -> list[str] | None:
    """Return the lines that were added to the base, or None if anything of it was changed or taken away."""
    left, added = list(base), []
    for line in lines:
        if left and line == left[0]:
            left.pop(0)
        else:
            added.append(line)
    return None if left else added
