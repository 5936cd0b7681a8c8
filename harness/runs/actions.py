"""Jobs that need no model: plain harness actions in the lane `system`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from harness.domain.job import Job


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What an action has to say: Markdown for the person, or nothing; `reason` is always one sentence."""

    reason: str
    text: str = ""


Action = Callable[[Job, datetime, datetime], ActionResult]
"""Does its work for one run of the job, given the run's due time and the present moment, both aware UTC.

Called off the event loop, and safe to repeat.
"""
