"""How sure a judgement is: the labels that stand in a text, and the passages that lack one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.domain.passages import Passage, passages_of, plain

JUDGEMENTS = ("judgement", "judgment", "view", "position")
"""A heading that begins with one of these has judgements below it."""

_OTHERS = ("fact", "counter", "data", "source", "dissent", "calendar", "disclaimer", "number")
"""Below a heading that begins with one of these they end, also inside of such a section."""

_WORD = r"(?P<word>high|medium|low)\b"
_NUMBER = r"(?P<percent>\d{1,3}(?:\.\d+)?)\s*(?:%|percent)"
_BEFORE = r"\bconfidence\b\W*(?:is\s+|of\s+)?"
_LABELS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_BEFORE}{_WORD}(?:\W{{0,4}}{_NUMBER})?",
        rf"{_BEFORE}{_NUMBER}(?:\W{{0,4}}{_WORD})?",
        rf"\b{_WORD}\s+confidence\b(?:\W{{0,4}}{_NUMBER})?",
        rf"{_NUMBER}\s+confidence\b(?P<word>)",
    )
)


def level_of(percent: float) -> str:
    """Return the word for a confidence: high above 70, low below 50, medium between."""
    return "high" if percent > 70 else "low" if percent < 50 else "medium"


def unlabelled(text: str, disclaimer: str | None = None) -> Iterator[tuple[Passage, str, str]]:
    """Yield the judgements that do not say how sure they are, what is wrong with each, and its particulars.

    A paragraph that only leads over to a list is no judgement, and neither is the disclaimer.
    """
    for passage in passages_of(text):
        if _is_judgement(passage) and not _is_aside(passage, disclaimer):
            yield from ((passage, *fault) for fault in _faults(passage.text))


def _is_judgement(passage: Passage) -> bool:
    for title in map(plain, reversed(passage.headings)):
        if title.startswith(_OTHERS):
            return False
        if title.startswith(JUDGEMENTS):
            return passage.is_entry or not passage.text.rstrip(" *_").endswith(":")
    return False


def _is_aside(passage: Passage, disclaimer: str | None) -> bool:
    return disclaimer is not None and plain(disclaimer) == plain(passage.text)


def _faults(text: str) -> Iterator[tuple[str, str]]:
    labels = [label for pattern in _LABELS if (label := pattern.search(text))]
    found = max(labels, key=lambda label: bool(label["word"]) + bool(label["percent"]), default=None)
    if found is None:
        yield "does not say how sure it is", ""
        return
    word, percent = (found["word"] or "").casefold(), found["percent"]
    if word and percent and level_of(float(percent)) != word:
        yield "is as sure in words as it is not in percent", f"{word}, and {percent} % is {level_of(float(percent))}: "
