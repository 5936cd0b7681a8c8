"""What one part of chaos came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.claims import Violation


@dataclass(frozen=True, slots=True)
class Report:
    """`figures` are names and what was measured, for a person to read; nothing but `violations` is a failure."""

    title: str
    figures: Sequence[tuple[str, str]]
    violations: Sequence[Violation]

    def lines(self, most: int = 20) -> list[str]:
        """Return the table, and the first violations below it."""
        shown = [self.title, *(f"  {name:28} {value}" for name, value in self.figures)]
        shown += [f"  VIOLATION  {violation}" for violation in self.violations[:most]]
        if len(self.violations) > most:
            shown.append(f"  … and {len(self.violations) - most} more")
        return shown
