"""How recalled text stands before a model, and how it is known again: what was told is never learned anew. Pure."""

from __future__ import annotations

import re

from harness.gate.outside import FENCE_ID_CHARS, RECALLED

RECALLED_LABEL = RECALLED
"""How the label of every fence around recalled text begins."""

_ID = rf"(?P<id>[0-9a-f]{{{FENCE_ID_CHARS}}})"
_RECALLED = re.compile(rf"^<<<DATA {_ID} {RECALLED}[^\n]*>>>$.*?(?:^<<<END (?P=id)>>>$|\Z)", re.MULTILINE | re.DOTALL)
_OUTSIDE = re.compile(rf"^<<<DATA {_ID} [^\n]*>>>$.*?(?:^<<<END (?P=id)>>>$|\Z)", re.MULTILINE | re.DOTALL)
_FENCE_LINE = re.compile(
    rf"^<<<(?:DATA [0-9a-f]{{{FENCE_ID_CHARS}}} [^\n]*|END [0-9a-f]{{{FENCE_ID_CHARS}}})>>>$", re.MULTILINE
)


def without_recalled(text: str) -> str:
    """Return the text without what was recalled into it, whose lines are left empty: all others keep their numbers."""
    if RECALLED not in text:
        return text
    return _RECALLED.sub(lambda found: "\n" * found.group().count("\n"), text)


def without_fences(text: str) -> str:
    """Return the text without the lines that open and close fences, which are left empty."""
    return _FENCE_LINE.sub("", text) if "<<<" in text else text


def lines_from_outside(text: str) -> frozenset[int]:
    """Return the numbers, from 1, of the lines that are fenced as coming from outside."""
    lines: set[int] = set()
    for found in _OUTSIDE.finditer(text) if "<<<DATA" in text else ():
        first = text.count("\n", 0, found.start()) + 1
        lines.update(range(first, first + found.group().count("\n") + 1))
    return frozenset(lines)
