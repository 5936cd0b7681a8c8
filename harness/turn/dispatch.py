"""Tool calls of one reply: run side by side, answered in call order, each one a reserved step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from harness.domain.message import Message, ToolCall
from harness.domain.tool import ToolResult
from harness.ports import Json, Step, Steps
from harness.store.json_codec import from_json, to_json

CallTool = Callable[[ToolCall], Awaitable[ToolResult]]


@dataclass(frozen=True, slots=True)
class Answered:
    """What the calls of one reply gave, in the order of the calls; `elapsed_s` is what the longest took."""

    results: tuple[ToolResult, ...]
    elapsed_s: float


Stopwatch = Callable[[], float]
"""Seconds that only grow, from any beginning."""


async def call_tools(
    calls: Sequence[ToolCall], call_tool: CallTool, steps: Steps, call_id: str, stopwatch: Stopwatch
) -> Answered:
    """Return the results of all calls.

    Every step is reserved before the first one is awaited: steps that are numbered as they start would
    be given each other's results on replay, since the calls take unequal time.
    """
    reserved = [
        (call, steps.reserve("tool", f"{call_id}.{position}", {"name": call.name, "arguments": call.arguments}))
        for position, call in enumerate(calls, start=1)
    ]

    tasks = [asyncio.create_task(_answer(step, call_tool, call, stopwatch)) for call, step in reserved]
    try:
        answers = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return Answered(tuple(result for result, _ in answers), max(elapsed_s for _, elapsed_s in answers))


async def _answer(step: Step, call_tool: CallTool, call: ToolCall, stopwatch: Stopwatch) -> tuple[ToolResult, float]:
    async def work() -> Json:
        begun_s = stopwatch()
        result = await call_tool(call)
        return {"result": to_json(ToolResult, result), "elapsed_s": stopwatch() - begun_s}

    record = await step.run(work)
    return from_json(ToolResult, record["result"]), record["elapsed_s"]


def result_messages(calls: Sequence[ToolCall], results: Sequence[ToolResult]) -> list[Message]:
    """Return one tool message for each call, so that the model finds an answer to everything it asked."""
    return [Message("tool", result.content, tool_call_id=call.id) for call, result in zip(calls, results, strict=True)]
