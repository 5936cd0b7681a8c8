"""The tools of one run: those of the gate, on behalf of its caller."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from harness.domain.message import Message, ToolCall
from harness.domain.tool import Claim, ToolResult
from harness.gate.caller import Caller
from harness.gate.pipeline import Gate
from harness.gate.results import can_read_files, write_whole


@dataclass(frozen=True, slots=True)
class GrantedTools:
    """What a turn may call, and where it keeps what is too long for its conversation."""

    gate: Gate
    caller: Caller

    @property
    def can_read_files(self) -> bool:
        """Whether what lies in a file of the run can be read on."""
        return can_read_files(self.caller)

    async def call(self, call: ToolCall, conversation: Sequence[Message]) -> ToolResult:
        """Return what the call gave back, as `Gate.call`; `conversation` is what was said before it."""
        return await self.gate.call(call, replace(self.caller, conversation=tuple(conversation)))

    def claim(self, call: ToolCall) -> Claim:
        """Return what the call needs for itself while it runs."""
        return self.gate.claim(call, self.caller)

    def keep(self, name: str, text: str) -> None:
        """Write the text into a file of the run's folder; writing it again changes nothing."""
        write_whole(text, name, self.caller)

    def only(self, names: Collection[str]) -> GrantedTools:
        """Return those of the tools that have one of the names."""
        return replace(self, caller=replace(self.caller, tools=self.caller.tools & frozenset(names)))
