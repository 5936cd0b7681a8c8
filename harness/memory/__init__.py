"""What an agent knows: MEMORY.md as records, learnings, and the search over all of it.

`build` is for whoever wants to measure the search. It loads what it needs when it is called, so that this package
costs nothing to import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def build(docs: Sequence[str] | Mapping[Any, str]) -> Callable[[str, int], list[Any]]:
    """Return `search(query, k)`, which finds the texts as agents find what they know.

    It returns at most k ids, best first: the keys of `docs`, or its positions. The texts count as standing one after
    another, as the lines of a note or the turns of a talk do: what stands around a text helps to find it.
    """
    from harness.memory.corpus import Corpus

    return Corpus(docs)
