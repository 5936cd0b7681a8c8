"""One thing that is wrong with a team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Code = Literal[
    "overdue", "unknown-job", "no-daemon", "silent-daemon", "stalled-daemon", "waiting", "abandoned", "stuck",
    "failed", "missed", "delivery", "clock", "paused", "breaker", "incident", "source", "file", "disk", "audit",
    "model", "skill",
]  # fmt: skip
"""What kind of finding it is; part of the public interface of `harness doctor --json`."""


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One thing that is wrong, in words for the person, with the step that fixes it.

    `subject` is the job, run, source, file or cause that it is about; `since` is aware UTC. A `note` is
    nothing broken, but something to be reminded of.
    """

    code: Code
    subject: str
    message: str
    fix: str
    since: datetime | None = None
    severity: Literal["error", "note"] = "error"

    def __str__(self) -> str:
        return f"{self.message}; {self.fix}"
