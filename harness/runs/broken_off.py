"""Why runs of this process could not be taken to their end.

Kept in memory, because what keeps a run from its end is most often that nothing can be written: a full disk.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from harness.domain.cause import cause_of, is_disk_trouble
from harness.domain.errors import HarnessError


@dataclass(frozen=True, slots=True)
class Breakage:
    """What broke, in words that follow a colon, and the key of its cause, if others can fail for it too."""

    words: str
    cause: str | None


class BrokenOff:
    """Filled by runs as they break, read by whoever closes their fires later; from any thread."""

    def __init__(self) -> None:
        self._by_run: dict[str, Breakage] = {}
        self._lock = threading.Lock()

    def note(self, run_id: str, error: Exception) -> None:
        """Remember why the run broke off."""
        with self._lock:
            self._by_run[run_id] = Breakage(words_for(error), cause_of(error))

    def take(self, run_id: str) -> Breakage | None:
        """Return why the run broke off, and forget it; None if nothing is known."""
        with self._lock:
            return self._by_run.pop(run_id, None)


def words_for(error: Exception) -> str:
    """Return what went wrong in one line: a disk in trouble by its name, however a library said it."""
    first_line = next(iter(str(error).splitlines()), "")
    if isinstance(error, HarnessError):
        return first_line
    if is_disk_trouble(error):
        return f"the disk is full, or fails: free some space ({first_line})"
    return f"a fault in the harness: {type(error).__name__}: {first_line}"
