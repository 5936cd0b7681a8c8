"""What the tests of turns share: a model with a script, tools in memory, and steps that can be replayed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, ToolSchema
from harness.domain.tool import Claim, ToolResult
from harness.testing.engine import MemorySteps
from harness.testing.models import Reply, ScriptedModel
from harness.turn.limits import Progress, TurnLimits
from harness.turn.loop import run_turn
from harness.turn.means import Means
from harness.turn.rules import TurnRules, rules_for
from harness.turn.talk import Turn

LIMITS = TurnLimits(max_iterations=6, timeout_s=900, price=lambda usage: usage.output_tokens / 1e6)
REQUEST = ModelRequest((Message("system", "You are scout."), Message("user", "Report.")), max_output_tokens=1000)
RULES = rules_for(100_000, 4_000)

Answer = Callable[[ToolCall], Awaitable[ToolResult]]


def said(text: str = "", *calls: ToolCall, **more: Any) -> ModelReply:
    return ModelReply(text, "scripted", calls, **more)


def call(number: int, name: str = "feeds", arguments: str = "{}") -> ToolCall:
    return ToolCall(f"c{number}", name, arguments)


def schema(name: str) -> ToolSchema:
    return ToolSchema(name, name, {"type": "object", "properties": {}})


async def answer_ok(call: ToolCall) -> ToolResult:
    return ToolResult(f"result of {call.id}")


def reads(call: ToolCall) -> Claim:
    return frozenset()


@dataclass
class MemoryTools:
    """Tools in memory: `kept` are the files they wrote, `called` the calls with what was said before each."""

    answer: Answer = answer_ok
    claims: Callable[[ToolCall], Claim] = reads
    names: frozenset[str] | None = None
    can_read_files: bool = True
    kept: dict[str, str] = field(default_factory=dict)
    called: list[tuple[ToolCall, tuple[Message, ...]]] = field(default_factory=list)

    async def call(self, call: ToolCall, conversation: Sequence[Message]) -> ToolResult:
        self.called.append((call, tuple(conversation)))
        if self.names is not None and call.name not in self.names:
            return ToolResult(f"refused (not-granted): {call.name}", error_kind="refused", rule="not-granted")
        return await self.answer(call)

    def claim(self, call: ToolCall) -> Claim:
        return self.claims(call)

    def keep(self, name: str, text: str) -> None:
        self.kept[name] = text

    def only(self, names: Collection[str]) -> MemoryTools:
        return replace(self, names=frozenset(names))


@dataclass
class Scene:
    """One turn to be played, with what it left behind."""

    replies: Sequence[Reply] | Callable[[ModelRequest], Reply]
    tools: MemoryTools = field(default_factory=MemoryTools)
    records: list[Any] = field(default_factory=list)
    booked: list[str] = field(default_factory=list)
    stopwatch: Callable[[], float] = lambda: 0.0
    run_id: str = ""

    def __post_init__(self) -> None:
        self.model = ScriptedModel(self.replies)
        self.steps = MemorySteps(self.records)

    def play(
        self,
        request: ModelRequest = REQUEST,
        limits: TurnLimits = LIMITS,
        rules: TurnRules | None = None,
        progress: Progress | None = None,
    ) -> Turn:
        means = Means(self.model, self.tools, self.steps, self.stopwatch, self._book, self.run_id)
        return asyncio.run(run_turn(request, means, limits, rules, progress))

    def _book(self, call_id: str, reply: ModelReply, took_s: float) -> None:
        self.booked.append(call_id)
