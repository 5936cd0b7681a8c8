"""What the loop adds to its model calls: turns of the harness, beside bare calls of the same endpoint."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from bench.instant_model import CALLS_OF_A_TURN, TOOL, instant_model
from bench.workload import percentile
from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, ToolSchema
from harness.domain.settings import Profile
from harness.domain.tool import Claim, ToolResult
from harness.llm.adapters import AdapterContext, open_model
from harness.llm.connections import Connections
from harness.testing.engine import MemorySteps
from harness.turn.limits import TurnLimits
from harness.turn.loop import run_turn
from harness.turn.means import Means
from harness.turn.rules import rules_for
from harness.turn.talk import Turn

_WARM_UP = 20
_SYSTEM = "You are scout. Say in one sentence that all is well. " * 40
_SCHEMA = ToolSchema(TOOL, "Look something up.", {"type": "object", "properties": {"n": {"type": "integer"}}})


@dataclass(frozen=True, slots=True)
class TurnCost:
    """Seconds of a turn with so many model calls, and of as many bare calls one after another."""

    calls: int
    p50_s: float
    p99_s: float
    bare_p50_s: float
    bare_p99_s: float

    @property
    def overhead_s(self) -> float:
        """What one model call costs more in a turn."""
        return (self.p50_s - self.bare_p50_s) / self.calls


def measure_turns(rounds: int) -> tuple[TurnCost, TurnCost]:
    """Play turns of one call, and turns of ten with a tool call between each two; bare calls in turn with them.

    Steps are recorded in memory and tools answer at once: what is measured is the loop, the adapter and the client. A
    bare call sends the same conversation with one client that keeps its connection.
    """
    with instant_model() as base_url:
        return asyncio.run(_measure(base_url, rounds, 1)), asyncio.run(_measure(base_url, rounds, CALLS_OF_A_TURN))


async def _measure(base_url: str, rounds: int, calls: int) -> TurnCost:
    profile = Profile("bench", "openai", model="instant", base_url=base_url)
    context = AdapterContext({}, Path(), asyncio.sleep, random.random, Connections())
    taken, bare = [], []
    async with httpx2.AsyncClient(trust_env=False) as client:
        for number in range(_WARM_UP + rounds):
            begun_s = time.perf_counter()
            turn = await _play(profile, context, calls)
            ended_s = time.perf_counter()
            bodies = _bodies(turn)
            bare_begun_s = time.perf_counter()
            for body in bodies:
                await _ask(client, base_url, body)
            if number >= _WARM_UP:
                taken.append(ended_s - begun_s)
                bare.append(time.perf_counter() - bare_begun_s)
            if len(bodies) != calls:
                raise RuntimeError(f"a turn that should ask {calls} times has asked {len(bodies)} times")
    return TurnCost(
        calls, percentile(taken, 0.5), percentile(taken, 0.99), percentile(bare, 0.5), percentile(bare, 0.99)
    )


async def _play(profile: Profile, context: AdapterContext, calls: int) -> Turn:
    messages = (Message("system", _SYSTEM), Message("user", "Report."))
    request = ModelRequest(messages, (_SCHEMA,) if calls > 1 else (), max_output_tokens=1000)
    means = Means(open_model(profile, context), _InstantTools(), MemorySteps([]), time.monotonic, _book)
    limits = TurnLimits(max_iterations=calls + 1, timeout_s=900, price=lambda usage: 0.0, max_repeats=calls + 1)
    return await run_turn(request, means, limits, rules_for(128_000, 4_000))


def _bodies(turn: Turn) -> list[bytes]:
    """Return what is sent in each call of the turn, as a client of a few lines would write it."""
    said = [_wire(message) for message in turn.messages]
    asked = [number for number, message in enumerate(turn.messages) if message.role == "assistant"]
    return [json.dumps({"model": "instant", "messages": said[:number]}).encode() for number in asked]


def _wire(message: Message) -> dict[str, object]:
    wire: dict[str, object] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id:
        wire["tool_call_id"] = message.tool_call_id
    return wire


async def _ask(client: httpx2.AsyncClient, base_url: str, body: bytes) -> object:
    answered = await client.post(
        f"{base_url}/chat/completions", content=body, headers={"content-type": "application/json"}
    )
    answered.raise_for_status()
    return answered.json()


def _book(call_id: str, reply: ModelReply, took_s: float) -> None:
    """Nobody pays."""


class _InstantTools:
    """Implements `harness.turn.means.Tools` with answers at once."""

    can_read_files = False

    async def call(self, call: ToolCall, conversation: Sequence[Message]) -> ToolResult:
        return ToolResult("All is well here as well.")

    def claim(self, call: ToolCall) -> Claim:
        return frozenset()

    def keep(self, name: str, text: str) -> None:
        raise RuntimeError("no result is too long here")

    def only(self, names: Collection[str]) -> _InstantTools:
        return self
