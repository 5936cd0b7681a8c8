"""The loop between model and tools. Every model call and every tool call is one durable step."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from harness.domain.budget import BudgetReached
from harness.domain.message import Message, ModelReply, ModelRequest, Usage
from harness.domain.run import BudgetSpent, Completed, RefusedByModel, Stop, Suspended, TimedOut
from harness.domain.tool import End, PassOn
from harness.ports import ChatModel, Json, Steps
from harness.store.json_codec import from_json, to_json
from harness.turn.dispatch import CallTool, Stopwatch, call_tools, result_messages
from harness.turn.limits import Progress, TurnLimits, stop_before_call, stop_on_failures, stop_on_repeat
from harness.turn.signals import awaited_requests, last_signal

Booking = Callable[[str, ModelReply, float], None]
"""Told of every paid reply inside the call's step: the id of the call, the reply, and how many seconds it took."""


@dataclass(frozen=True, slots=True)
class Turn:
    """How a turn ended. `messages` is the whole conversation; `text` the final answer, empty if there is none.

    `is_truncated`: the answer ran into the output limit. `is_tainted`: a tool brought in outside text. `signal` is
    what a tool brought the work to its end with. `waits` are the requests that must be final before it goes on,
    each by the id of the tool call whose answer is to be put in its place.
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

    @property
    def usage(self) -> Usage:
        return self.progress.usage


async def run_turn(
    request: ModelRequest,
    *,
    model: ChatModel,
    call_tool: CallTool,
    steps: Steps,
    limits: TurnLimits,
    stopwatch: Stopwatch,
    book: Booking,
    progress: Progress | None = None,
    run_id: str = "",
) -> Turn:
    """Talk until the model gives its final answer or a limit is reached; never longer.

    Deterministic over the recorded steps: the time that limits are held against is what each step recorded
    that it took. `progress` of an earlier turn of the same run is counted on; `run_id` is what the model calls
    carry as the beginning of their idempotency keys.
    Raises what the model raises: TransientError, OwnerError, LimitReached but for BudgetReached, which ends the turn.
    """
    progress = progress or Progress()
    text, made_by, is_truncated, is_tainted = "", model.label, False, False

    def ended(stop: Stop, signal: End | PassOn | None = None, waits: Mapping[str, str] | None = None) -> Turn:
        return Turn(stop, text, request.messages, made_by, progress, is_truncated, is_tainted, signal, waits or {})

    while True:
        stop = stop_before_call(progress, limits, request)
        if stop is not None:
            return ended(stop)
        progress.model_calls += 1
        call_id = f"model-{progress.model_calls}"
        keyed = replace(request, key=f"{run_id}/{call_id}" if run_id else "")
        answer = await steps.reserve("model", call_id, _asked(request)).run(
            partial(_ask, model, keyed, limits.timeout_s - progress.elapsed_s, stopwatch, book, call_id)
        )
        progress.elapsed_s += answer["elapsed_s"]
        if answer["reply"] is None:
            # A record of the harness before budgets of the day were held here says nothing of one.
            spent = answer.get("budget")
            return ended(TimedOut(limits.timeout_s) if spent is None else from_json(BudgetSpent, spent))
        reply = from_json(ModelReply, answer["reply"])
        made_by = reply.model
        progress.usage += reply.usage
        progress.cost_usd += reply.cost_usd
        request = _said(request, Message("assistant", reply.text, reply.tool_calls, thinking=reply.thinking))
        if reply.finish == "refused":
            return ended(RefusedByModel(reply.text[:200] or "no reason given"))
        if not reply.tool_calls:
            text, is_truncated = reply.text, reply.finish == "length"
            return ended(Completed())
        stop = stop_on_repeat(progress, limits, reply.tool_calls)
        if stop is not None:
            return ended(stop)
        answered = await call_tools(reply.tool_calls, call_tool, steps, call_id, stopwatch)
        progress.elapsed_s += answered.elapsed_s
        is_tainted = is_tainted or any(result.is_untrusted for result in answered.results)
        request = _said(request, *result_messages(reply.tool_calls, answered.results))
        signal = last_signal(answered.results)
        if signal is not None:
            text = reply.text
            return ended(Completed(), signal)
        waits = awaited_requests(reply.tool_calls, answered.results)
        if waits:
            return ended(Suspended(tuple(waits.values())), waits=waits)
        stop = stop_on_failures(progress, limits, answered.results)
        if stop is not None:
            return ended(stop)


def _asked(request: ModelRequest) -> Json:
    """Return what a record of this call is checked against; which run and call it is, it says beside that.

    Where a model keeps no thoughts the request reads as it did before any could be kept, so that older records match.
    """
    asked = to_json(ModelRequest, request)
    del asked["key"]
    for message in asked["messages"]:
        if not message["thinking"]:
            del message["thinking"]
    return asked


async def _ask(
    model: ChatModel, request: ModelRequest, timeout_s: float, stopwatch: Stopwatch, book: Booking, call_id: str
) -> Json:
    begun_s = stopwatch()
    try:
        async with asyncio.timeout(timeout_s):
            reply = await model.complete(request)
    except TimeoutError:
        return {"reply": None, "elapsed_s": stopwatch() - begun_s}
    except BudgetReached as error:
        return {"reply": None, "elapsed_s": stopwatch() - begun_s, "budget": to_json(BudgetSpent, error.stop)}
    await asyncio.to_thread(book, call_id, reply, stopwatch() - begun_s)
    return {"reply": to_json(ModelReply, reply), "elapsed_s": stopwatch() - begun_s}


def _said(request: ModelRequest, *messages: Message) -> ModelRequest:
    return replace(request, messages=(*request.messages, *messages))
