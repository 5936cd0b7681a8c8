"""What may not change when a sentence is worded otherwise: names, numbers, paths, addresses, and every no. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_AROUND = ".,;:!?()[]{}<>\"'“”‘’«»`*"
_IS_NAME = re.compile(r"[\d_/\\@=#$€%&+<>≤≥~^|]|://|\w\.\w|\A-|\A\.\w|.+[A-Z]|[^\x00-\x7F–—…“”‘’«»·]")
_WORD = re.compile(r"[a-z]+")
_STEM_CHARS = 5

# Words that turn a sentence round, or say how far it goes.
_TURNS = frozenset(
    _WORD.findall(
        """no not never none nothing neither nor cannot without unless except avoid refuse forbid forbidden instead but
        only always must may should before after until since more less most least over under above below first last all
        any every each both either if when than then stop start off on out wrong right true false yes ignore skip
        allow enable disable drop keep add remove"""
    )
)
_PLAIN = frozenset(
    _WORD.findall("a an the of to and or is are was be it its this that these those with for by as at from")
)


def fixed_words(text: str) -> tuple[str, ...]:
    """Return, in their order, the words of the text that no other wording may drop, add or move."""
    found = []
    for piece in text.replace("`", " ").split():
        bare = piece.strip(_AROUND) or piece
        # A dash, a sign or a dot in front may be the point: `--force`, `.learnings`, `<5`.
        whole = piece.rstrip(_AROUND)
        named = whole if whole[:1] in "-.<>" and whole != bare else bare
        low = named.casefold()
        if _IS_NAME.search(named):
            found.append(named)
        elif low in _TURNS or low.endswith(("n't", "n’t")):
            found.append(low)
    return tuple(found)


def new_words(text: str, sources: Iterable[str]) -> tuple[str, ...]:
    """Return the words of the text of which no source has any form."""
    known = {_stem(word) for source in sources for word in _WORD.findall(source.casefold())}
    words = dict.fromkeys(_WORD.findall(text.casefold()))
    return tuple(word for word in words if _stem(word) not in known and word not in _PLAIN)


def _stem(word: str) -> str:
    return (word.rstrip("s") or word)[:_STEM_CHARS]


def first_missing(wanted: Sequence[str], there: Sequence[str]) -> str | None:
    """Return the first of the wanted words that does not come, in their order; None if all do."""
    rest = iter(there)
    return next((word for word in wanted if word not in rest), None)
