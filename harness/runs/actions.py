"""Jobs that are plain harness actions: without a model in the lane `system`, or with one question to a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from harness.domain.job import Job
from harness.domain.message import ModelRequest


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What an action has to say: Markdown for the person, or nothing; `reason` is always one sentence."""

    reason: str
    text: str = ""


Action = Callable[[Job, datetime, datetime], ActionResult]
"""Does its work for one run of the job, given the run's due time and the present moment, both aware UTC.

Called off the event loop, and safe to repeat.
"""


@dataclass(frozen=True, slots=True)
class ActionRun:
    """One run of an action that may ask a model; times are aware UTC. A preview writes nothing."""

    run_id: str
    job: Job
    due_at: datetime
    begun_at: datetime
    is_preview: bool = False


@runtime_checkable
class AskingAction(Protocol):
    """An action that a model may help with. Both parts are called off the event loop, and are safe to repeat."""

    def question(self, run: ActionRun) -> ModelRequest | None:
        """Return what to ask the agent's model, once; None if there is nothing to ask."""
        ...

    def act(self, run: ActionRun, answer: str | None) -> ActionResult:
        """Do the work, with the model's answer if there is one; without, all that can be done without."""
        ...
