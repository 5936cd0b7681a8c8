"""What is wrong with the files of a workspace, collected while they are read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.domain.errors import Finding

_NAMED_IN_A_FIX = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding and what it says about the file.

    `is_reference`: the file is well formed, but names something that is not there. `provider` is then
    the file that declares such names, if an edit of it can have taken the name away.
    """

    finding: Finding
    is_reference: bool = False
    provider: str | None = None


@dataclass(slots=True)
class Report:
    """Collects the findings of one file; `path` is relative to the workspace."""

    path: str
    entries: list[Entry] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        return any(entry.finding.severity == "error" for entry in self.entries)

    def error(self, line: int | None, problem: str, fix: str) -> None:
        """Add something that keeps the file from being used; the same one twice counts once."""
        self._add(Entry(Finding(self.path, line, problem, fix)))

    def warning(self, line: int | None, problem: str, fix: str) -> None:
        """Add something that the person should look at."""
        self._add(Entry(Finding(self.path, line, problem, fix, severity="warning")))

    def note(self, line: int | None, problem: str, fix: str) -> None:
        """Add something that needs no fixing, and that the person may want to know."""
        self._add(Entry(Finding(self.path, line, problem, fix, severity="note")))

    def missing(self, line: int | None, problem: str, fix: str, provider: str | None = None) -> None:
        """Add that the file needs something that is not there."""
        self._add(Entry(Finding(self.path, line, problem, fix), is_reference=True, provider=provider))

    def check_name(
        self, line: int | None, kind: str, name: str, known: Iterable[str], provider: str | None = None
    ) -> None:
        """Add a finding, with the closest known name, if `name` is none of the known ones."""
        names = sorted(known)
        if name not in names:
            self.missing(line, f"unknown {kind} {name!r}", suggestion(name, names), provider)

    def _add(self, entry: Entry) -> None:
        if entry not in self.entries:
            self.entries.append(entry)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return how to correct an unknown name: the closest known one, or all of them."""
    names = list(dict.fromkeys(known))
    by_folded = {candidate.casefold(): candidate for candidate in names}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1)
    if close:
        return f"did you mean {by_folded[close[0]]!r}?"
    if not names:
        return "there are none yet"
    shown = ", ".join(names[:_NAMED_IN_A_FIX])
    return f"use one of: {shown}" + (", …" if len(names) > _NAMED_IN_A_FIX else "")
