"""A turn on its way, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from harness.domain.message import Message, ModelRequest, Usage
from harness.domain.run import Stop
from harness.domain.tool import End, PassOn
from harness.turn.limits import Progress, TurnLimits
from harness.turn.means import Means
from harness.turn.rules import TurnRules


class Transition(StrEnum):
    """What a turn went on by; each by its name, so that it can be said which of them happened."""

    ANSWERED = "tools_answered"
    SHARED_OUT = "results_shared_out"
    """The results of one reply were too long together."""
    DROPPED = "results_dropped"
    SUMMARISED = "span_summarised"
    RETRIED_SHORTER = "context_retry"
    """The model said that the conversation is too long, and was asked again with a shorter one."""
    RAISED = "output_raised"
    """An answer was cut, and asked for again with more room for it."""
    DELEGATED = "delegated"


@dataclass(frozen=True, slots=True)
class Turn:
    """How a turn ended. `messages` is the whole conversation; `text` the final answer, empty if there is none.

    `is_truncated`: the answer ran into the output limit. `is_tainted`: the model has read text from outside. `signal`
    is what a tool brought the work to its end with. `waits` are the requests that must be final before it goes on,
    each by the id of the tool call whose answer is to be put in its place. `transitions` is by what it went on.
    """

    stop: Stop
    text: str
    messages: tuple[Message, ...]
    model: str
    progress: Progress
    is_truncated: bool = False
    is_tainted: bool = False
    signal: End | PassOn | None = None
    waits: Mapping[str, str] = field(default_factory=dict)
    transitions: tuple[Transition, ...] = ()

    @property
    def usage(self) -> Usage:
        return self.progress.usage


@dataclass(slots=True)
class Talk:
    """A turn on its way. `context_tokens` is what the model takes, by what is known and by what it has said."""

    request: ModelRequest
    means: Means
    limits: TurnLimits
    rules: TurnRules
    progress: Progress
    made_by: str
    context_tokens: int
    text: str = ""
    is_truncated: bool = False
    transitions: list[Transition] = field(default_factory=list)

    @property
    def next_call(self) -> int:
        """The number of the coming model call: what is done before it is named after it."""
        return self.progress.model_calls + 1

    @property
    def left_s(self) -> float:
        return self.limits.timeout_s - self.progress.elapsed_s

    def say(self, *messages: Message) -> None:
        """Go on with the messages."""
        self.request = replace(self.request, messages=(*self.request.messages, *messages))

    def ended(self, stop: Stop, signal: End | PassOn | None = None, waits: Mapping[str, str] | None = None) -> Turn:
        """Return the turn as it stands."""
        return Turn(
            stop,
            self.text,
            self.request.messages,
            self.made_by,
            self.progress,
            self.is_truncated,
            self.progress.is_tainted,
            signal,
            waits or {},
            tuple(self.transitions),
        )
