"""What a run wrote, and what it is about to be closed with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from harness.domain.message import Message
from harness.domain.request import Final
from harness.domain.run import Outcome, Stop
from harness.domain.tool import PassOn
from harness.ports import Json
from harness.runs.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """What was written, by whom, and how the writing ended.

    `gaps` are sentences about the writing itself; `messages` is the conversation, if there was one. `final` is what
    the worker on a request said that it came to; `pass_on` to whom it passes it. `told` are the requests of whose
    ends its prompt told. `cause` is the key of what kept it from being written as it was meant to be.
    """

    text: str
    made_by: str
    stop: Stop
    verdict: Verdict = field(default_factory=Verdict)
    gaps: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    final: Final | None = None
    pass_on: PassOn | None = None
    told: tuple[str, ...] = ()
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """The run is to be begun anew as another run of the same fire, not before a moment (aware UTC).

    `is_attempt`: it broke off and uses up one of the job's attempts; otherwise it only waits for something.
    """

    not_before: datetime
    reason: str
    is_attempt: bool = True


@dataclass(frozen=True, slots=True)
class Suspension:
    """The run is to wait: for these requests, by the ids of the tool calls that made them. `conversation` is what
    another run goes on with, see `harness.runs.suspending`."""

    waits: Mapping[str, str]
    conversation: Json


@dataclass(frozen=True, slots=True)
class Draft:
    """What the run's fire will be closed with, and the name of the reason for which its loop ended.

    `is_transient`: it failed of something that may pass; while the job has attempts left, it is attempted
    again. With `again` the fire stays open as well, and another run of it is queued. `digest` (JSON) is what
    is delivered: in the step's record, so that another node can deliver it, which has not got the artifact.
    With a `suspension` the fire stays open until its answers are there. `final`, `pass_on` and `told` as in Answer.
    """

    outcome: Outcome
    stop: str
    again: Again | None = None
    is_transient: bool = False
    digest: str = ""
    suspension: Suspension | None = None
    final: Final | None = None
    pass_on: PassOn | None = None
    told: tuple[str, ...] = ()
