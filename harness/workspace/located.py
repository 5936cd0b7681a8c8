"""Values read from a file, with the lines on which they stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KeyPath = tuple[str | int, ...]
"""The way to a value: `("contract", "min_items")`, `("read", 0)`."""


@dataclass(frozen=True, slots=True)
class Located:
    """`lines` maps the paths of values to 1-based lines of the file."""

    values: dict[str, Any]
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    first_line: int = 1

    def line(self, *path: str | int) -> int:
        """Return the line of the value, or of the closest value around it."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return self.first_line
