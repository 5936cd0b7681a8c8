"""Tool calls of one reply: each one a reserved step, side by side where that is safe, answered in call order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.domain.message import Message, ToolCall
from harness.domain.tool import ToolResult
from harness.ports import Json, Step
from harness.store.json_codec import from_json, to_json
from harness.turn.batches import batches
from harness.turn.means import Means
from harness.turn.talk import Talk

_TIME_IS_UP = "not done: the time of this run is up"
_TOO_MANY = "not done: of one reply the first {cap} calls are carried out; ask for the rest again"


@dataclass(frozen=True, slots=True)
class Answered:
    """What the calls of one reply gave, in the order of the calls; `elapsed_s` is what they took together."""

    results: tuple[ToolResult, ...]
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class _Way:
    """What the calls of one reply have in common on their way; `until_s` is when the last of them may begin."""

    means: Means
    until_s: float
    conversation: tuple[Message, ...]
    turnstile: asyncio.Semaphore


async def call_tools(talk: Talk, calls: Sequence[ToolCall], call_id: str) -> Answered:
    """Return the results of all calls that the model has made in its last reply, `call_id`.

    Every step is reserved before the first one is awaited: steps that are numbered as they start would
    be given each other's results on replay, since the calls take unequal time. Calls beyond the cap of a reply get
    no step and are told of the cap; calls that would begin when the time is up are told that.
    """
    means, rules, conversation = talk.means, talk.rules, talk.request.messages
    carried_out = calls[: rules.calls_per_reply] if rules.calls_per_reply else calls
    steps = [
        means.steps.reserve("tool", f"{call_id}.{place}", {"name": call.name, "arguments": call.arguments})
        for place, call in enumerate(carried_out, start=1)
    ]
    at_once = rules.side_by_side or len(calls)
    way = _Way(means, means.stopwatch() + talk.left_s, conversation, asyncio.Semaphore(at_once))
    answered = Answered((), 0.0)
    claims = [means.tools.claim(call) if rules.side_by_side else frozenset() for call in carried_out]
    for batch in batches(claims):
        known = (*conversation, *result_messages(calls[: batch[0]], answered.results))
        pairs = [(calls[place], steps[place]) for place in batch]
        answers = await _side_by_side(pairs, replace(way, conversation=known))
        took_s = [elapsed_s for _, elapsed_s in answers]
        # By what is recorded of each: as long as the longest, or as all of them where they had to wait for others.
        elapsed_s = answered.elapsed_s + max(max(took_s), sum(took_s) / at_once)
        answered = Answered((*answered.results, *(result for result, _ in answers)), elapsed_s)
    left_out = ToolResult(_TOO_MANY.format(cap=len(carried_out)), error_kind="cancelled")
    return replace(answered, results=(*answered.results, *([left_out] * (len(calls) - len(carried_out)))))


async def _side_by_side(pairs: Sequence[tuple[ToolCall, Step]], way: _Way) -> list[tuple[ToolResult, float]]:
    tasks = [asyncio.create_task(_answer(call, step, way)) for call, step in pairs]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(call: ToolCall, step: Step, way: _Way) -> tuple[ToolResult, float]:
    async def work() -> Json:
        begun_s = way.means.stopwatch()
        if begun_s >= way.until_s:
            result = ToolResult(_TIME_IS_UP, error_kind="cancelled")
        else:
            result = await way.means.tools.call(call, way.conversation)
        return {"result": to_json(ToolResult, result), "elapsed_s": way.means.stopwatch() - begun_s}

    async with way.turnstile:
        record = await step.run(work)
    return from_json(ToolResult, record["result"]), record["elapsed_s"]


def result_messages(calls: Sequence[ToolCall], results: Sequence[ToolResult]) -> list[Message]:
    """Return one tool message for each call, so that the model finds an answer to everything it asked."""
    return [Message("tool", result.content, tool_call_id=call.id) for call, result in zip(calls, results, strict=True)]
