"""Plain tables for a terminal: aligned, no wider than it is, and nothing cut off."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from unicodedata import east_asian_width

_GAP = "  "
_LEAST_LAST_COLUMN = 20


def terminal_width() -> int:
    """Return how many columns there are; COLUMNS overrules, 80 where nobody knows."""
    return shutil.get_terminal_size((80, 24)).columns


def table_lines(rows: Sequence[Sequence[str]], width: int, headings: Sequence[str] = ()) -> list[str]:
    """Return the rows as aligned lines of at most `width` columns.

    All columns but the last take what they need, the last one is wrapped into what is left; a single
    word longer than that stays whole.
    """
    cells = [*([headings] if headings else []), *rows]
    if not cells:
        return []
    columns = len(cells[0])
    widths = [max(display_width(row[column]) for row in cells) for column in range(columns - 1)]
    indent = sum(widths) + len(_GAP) * len(widths)
    lines: list[str] = []
    for row in cells:
        first = _GAP.join(_padded(text, size) for text, size in zip(row, widths, strict=False))
        wrapped = wrap(row[-1], max(width - indent, _LEAST_LAST_COLUMN)) or [""]
        lead = first + _GAP if widths else ""
        lines.append((lead + wrapped[0]).rstrip())
        lines.extend(" " * indent + line for line in wrapped[1:])
    return lines


def wrap(text: str, width: int) -> list[str]:
    """Return the text in lines of at most `width` columns; a longer word stays whole."""
    lines: list[str] = []
    line = ""
    for word in re.findall(r"\S+", text):
        if line and display_width(line) + 1 + display_width(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line else lines


def display_width(text: str) -> int:
    """Return how many terminal columns the text takes; East Asian wide characters take two."""
    return len(text) if text.isascii() else sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))
