"""The loop between model and tools. Every model call and every tool call is one durable step.

    make room → ask → (raise the output) → answer the calls → ask …

It goes on by one of the transitions in `talk`, and ends by one of the stops in `domain/run.py`. What it decides by
itself it decides by what is recorded alone: a replay comes the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.domain.errors import HarnessError, LimitReached, ReplayMismatch
from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall
from harness.domain.run import Completed, ContextFull, RefusedByModel, Stop, Suspended
from harness.domain.tool import Delegate, ToolResult
from harness.gate.outside import quotes_outside
from harness.tools.delegate import DELEGATE
from harness.turn.compaction import size_of
from harness.turn.delegation import MAX_RESULT_CHARS, limits_below, request_below, result_of
from harness.turn.dispatch import call_tools, result_messages
from harness.turn.keeping import keep_files
from harness.turn.limits import Progress, TurnLimits, stop_before_call, stop_on_failures, stop_on_repeat
from harness.turn.making_room import make_more_room, make_room
from harness.turn.means import Means
from harness.turn.model_call import ask_next
from harness.turn.rules import TurnRules
from harness.turn.sharing import share_out
from harness.turn.signals import awaited_requests, last_signal
from harness.turn.talk import Talk, Transition, Turn


async def run_turn(
    request: ModelRequest,
    means: Means,
    limits: TurnLimits,
    rules: TurnRules | None = None,
    progress: Progress | None = None,
) -> Turn:
    """Talk until the model gives its final answer or a limit is reached; never longer.

    Deterministic over the recorded steps: the time that limits are held against is what each step recorded
    that it took. `progress` of an earlier turn of the same run is counted on.
    Raises what the model raises: TransientError, OwnerError, LimitReached but for BudgetReached, which ends the turn,
    and for a context that is full, where the rules know of one.
    """
    rules = rules or TurnRules()
    progress = progress or Progress()
    # The rules of the prompt show what a fence looks like; what came in through one stands behind them.
    progress.is_tainted = progress.is_tainted or any(quotes_outside(said.content) for said in request.messages[1:])
    talk = Talk(request, means, limits, rules, progress, means.model.label, rules.context_tokens)
    while True:
        reply = await _next_reply(talk)
        if not isinstance(reply, ModelReply):
            return talk.ended(reply)
        talk.say(Message("assistant", reply.text, reply.tool_calls, thinking=reply.thinking))
        if reply.finish == "refused":
            return talk.ended(RefusedByModel(reply.text[:200] or "no reason given"))
        if not reply.tool_calls:
            talk.text, talk.is_truncated = reply.text, reply.finish == "length"
            return talk.ended(Completed())
        # What is beyond the cap was not done, and is to be asked for again.
        stop = stop_on_repeat(progress, limits, reply.tool_calls[: rules.calls_per_reply or None])
        if stop is not None:
            return talk.ended(stop)
        ended = await _answer_calls(talk, reply)
        if ended is not None:
            return ended


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────


async def _next_reply(talk: Talk) -> ModelReply | Stop:
    stop = await make_room(talk) or stop_before_call(talk.progress, talk.limits, talk.request)
    if stop is not None:
        return stop
    try:
        reply = await ask_next(talk, talk.request)
    except LimitReached as error:
        reply = await _ask_shorter(talk, error)
    return await _with_more_output(talk, reply) if isinstance(reply, ModelReply) else reply


async def _ask_shorter(talk: Talk, error: LimitReached) -> ModelReply | Stop:
    """Ask once more with less, where a model has called a conversation too long that seemed to fit."""
    if error.limit != ContextFull.reason or not talk.context_tokens:
        raise error
    stop = await make_more_room(talk, error.reason) or stop_before_call(talk.progress, talk.limits, talk.request)
    if stop is not None:
        return stop
    talk.transitions.append(Transition.RETRIED_SHORTER)
    try:
        return await ask_next(talk, talk.request)
    except LimitReached as again:
        if again.limit != ContextFull.reason:
            raise
        return ContextFull(again.reason)


async def _with_more_output(talk: Talk, reply: ModelReply) -> ModelReply:
    """Return the reply, or if it was cut the one to the same request with more room; of two that are cut the longer."""
    if reply.finish != "length" or reply.tool_calls:
        return reply
    ceiling = min(talk.rules.output_ceiling, talk.context_tokens - size_of(talk.request))
    raised = replace(talk.request, max_output_tokens=ceiling)
    if ceiling <= talk.request.max_output_tokens or stop_before_call(talk.progress, talk.limits, raised) is not None:
        return reply
    talk.transitions.append(Transition.RAISED)
    try:
        whole = await ask_next(talk, raised)
    except ReplayMismatch:
        raise
    except HarnessError:  # it is on record; what was cut is still better than nothing
        return reply
    if not isinstance(whole, ModelReply) or whole.finish == "refused":
        return reply
    # For the rest of the turn: what follows is as long.
    talk.request = raised
    is_better = whole.finish != "length" or len(whole.text) >= len(reply.text)
    return whole if is_better else reply


# ── Answering ────────────────────────────────────────────────────────────────────────────────────


async def _answer_calls(talk: Talk, reply: ModelReply) -> Turn | None:
    """Give every call of the reply its result; return how the turn ended, or None if it goes on."""
    calls, call_id = reply.tool_calls, f"model-{talk.progress.model_calls}"
    answered = await call_tools(talk, calls, call_id)
    talk.progress.elapsed_s += answered.elapsed_s
    signal = last_signal(answered.results)
    results = [
        await _work_below(talk, call, result.signal, is_over=bool(signal))
        if isinstance(result.signal, Delegate)
        else result
        for call, result in zip(calls, answered.results, strict=True)
    ]
    await _show(talk, calls, results, call_id)
    if signal is not None:
        talk.text = reply.text
        return talk.ended(Completed(), signal)
    waits = awaited_requests(calls, results)
    if waits:
        return talk.ended(Suspended(tuple(waits.values())), waits=waits)
    stop = stop_on_failures(talk.progress, talk.limits, results)
    return None if stop is None else talk.ended(stop)


async def _show(talk: Talk, calls: Sequence[ToolCall], results: Sequence[ToolResult], call_id: str) -> None:
    """Put the results into the conversation, each within its share."""
    talk.progress.is_tainted = talk.progress.is_tainted or any(result.is_untrusted for result in results)
    shares = share_out(calls, results, talk.rules.reply_chars, can_read=talk.means.tools.can_read_files)
    await keep_files(shares.files, f"{call_id}.results", talk.means)
    talk.say(*result_messages(calls, shares.results))
    talk.transitions += [Transition.ANSWERED, *([Transition.SHARED_OUT] if shares.files else [])]


async def _work_below(talk: Talk, call: ToolCall, delegate: Delegate, *, is_over: bool) -> ToolResult:
    """Have the task worked on in a conversation of its own, step by step in this run, and return its result."""
    limits = limits_below(talk)
    if is_over:
        return ToolResult(f"{DELEGATE}: not begun, since this reply ended the work", error_kind="cancelled")
    if talk.rules.delegate_depth < 1 or limits is None:
        return ToolResult(f"{DELEGATE}: not begun, nothing is left of this run's limits for it", error_kind="cancelled")
    talk.progress.delegates += 1
    name = f"{DELEGATE}-{talk.progress.delegates}"
    talk.transitions.append(Transition.DELEGATED)
    turn = await run_turn(
        request_below(delegate, talk.request),
        talk.means.lent(name, delegate.tools),
        limits,
        replace(talk.rules, delegate_depth=talk.rules.delegate_depth - 1),
    )
    talk.progress.absorb(turn.progress)
    result = result_of(turn, name, is_tainted=talk.progress.is_tainted)
    shares = share_out([call], [result], MAX_RESULT_CHARS, can_read=talk.means.tools.can_read_files)
    await keep_files(shares.files, f"{name}.result", talk.means)
    return shares.results[0]
