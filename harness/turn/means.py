"""What a turn works with: the model, the tools, the recorded steps, and who is told what was paid."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from harness.domain.message import Message, ModelReply, ToolCall
from harness.domain.tool import Claim, ToolResult
from harness.ports import ChatModel, Json, Step, Steps

Stopwatch = Callable[[], float]
"""Seconds that only grow, from any beginning."""

Booking = Callable[[str, ModelReply, float], None]
"""Told of every paid reply inside the call's step: the id of the call, the reply, and how many seconds it took."""


class Tools(Protocol):
    """The tools of a run; `harness.gate.granted_tools.GrantedTools` is what is behind it."""

    @property
    def can_read_files(self) -> bool:
        """Whether what lies in a file of the run can be read on."""
        ...

    async def call(self, call: ToolCall, conversation: Sequence[Message]) -> ToolResult:
        """Return what the call gave back; whatever goes wrong is a result. `conversation` was said before it."""
        ...

    def claim(self, call: ToolCall) -> Claim:
        """Return what the call needs for itself while it runs."""
        ...

    def keep(self, name: str, text: str) -> None:
        """Write the text into a file of the run's folder; writing it again changes nothing."""
        ...

    def only(self, names: Collection[str]) -> Tools:
        """Return those of the tools that have one of the names."""
        ...


@dataclass(frozen=True, slots=True)
class Means:
    """What a turn works with. `below` is the name of its conversation, if it is not that of the run itself."""

    model: ChatModel
    tools: Tools
    steps: Steps
    stopwatch: Stopwatch
    book: Booking
    run_id: str = ""
    below: str = ""

    def key(self, call_id: str) -> str:
        """Return the idempotency key of a model call, `<run>/<call>`; empty outside of a run."""
        return f"{self.run_id}/{self.below}{call_id}" if self.run_id else ""

    def lent(self, name: str, tools: Collection[str]) -> Means:
        """Return the means of a conversation below this one: its ids begin with its name, and its tools are fewer."""

        def book(call_id: str, reply: ModelReply, took_s: float) -> None:
            self.book(f"{name}/{call_id}", reply, took_s)

        return replace(
            self,
            tools=self.tools.only(tools),
            steps=_NamedSteps(self.steps, name),
            book=book,
            below=f"{self.below}{name}.",
        )


@dataclass(frozen=True, slots=True)
class _NamedSteps:
    steps: Steps
    name: str

    def reserve(self, kind: str, call_id: str, args: Json) -> Step:
        """Reserve the run's next place under the name."""
        return self.steps.reserve(kind, f"{self.name}/{call_id}", args)
