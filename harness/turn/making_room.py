"""Making room in a conversation that nears the end of the model's context: least harm first."""

from __future__ import annotations

from dataclasses import replace

from harness.domain.errors import HarnessError, ReplayMismatch
from harness.domain.message import Message, ModelReply
from harness.domain.run import ContextFull
from harness.llm.extractive import LABEL as NO_MODEL
from harness.turn.compaction import RECENT, condensed, size_of, span_of, summary_request, without_old_results
from harness.turn.keeping import keep_files
from harness.turn.limits import stop_before_call
from harness.turn.model_call import ask
from harness.turn.talk import Talk, Transition

_FULL_AT = 0.85
"""The share of what the answer leaves of the context from which on room is made: sizes are estimated."""
_HARDER_TO = 0.6
"""To which share of itself a conversation is made shorter that the model has called too long."""


async def make_room(talk: Talk) -> ContextFull | None:
    """Make the conversation shorter if it nears the end of the context; return how the turn ends if it cannot be.

    Decided by what is recorded alone. Old tool results go first, to files of the run; then a model condenses what is
    old; then of the last results only the beginnings stay.
    """
    room = talk.context_tokens - talk.request.max_output_tokens
    limit = int(_FULL_AT * room)
    if not talk.context_tokens or _is_surely_shorter(talk, limit) or size_of(talk.request) <= limit:
        return None
    size = await _make_shorter(talk, limit, recent=RECENT)
    return None if size <= room else ContextFull(_in_words(size, room, talk))


async def make_more_room(talk: Talk, said: str) -> ContextFull | None:
    """Make a conversation shorter that the model has called too long, in words that are given as the reason if it
    cannot be made so."""
    size = size_of(talk.request)
    # However much the profile says that it takes: it does not take this.
    talk.context_tokens = min(talk.context_tokens, int(0.9 * size) + talk.request.max_output_tokens)
    shorter = await _make_shorter(talk, int(_HARDER_TO * size), recent=1)
    return None if shorter < 0.9 * size else ContextFull(said)


async def _make_shorter(talk: Talk, limit: int, *, recent: int) -> int:
    """Make the conversation shorter by what does least harm, until it is below the limit; return its size."""
    head = size_of(talk.request, talk.request.messages[:2])
    # Further than it must be, or the next reply would have it done again, and nothing of a prompt stay in its cache.
    target = min(limit, head + max(0, limit - head) // 2)
    await _drop_results(talk, target, recent=recent, call_id=f"keep-{talk.next_call}")
    if size_of(talk.request) > limit:
        await _condense(talk, recent=recent)
    if size_of(talk.request) > limit:
        await _drop_results(talk, limit, recent=0, call_id=f"keep-{talk.next_call}-last")
    return size_of(talk.request)


async def _drop_results(talk: Talk, target: int, *, recent: int, call_id: str) -> None:
    tools = talk.means.tools
    shorter = without_old_results(talk.request, target, recent=recent, can_read=tools.can_read_files)
    if shorter.messages == talk.request.messages:
        return
    await keep_files(shorter.files, call_id, talk.means)
    _go_on_with(talk, shorter.messages, Transition.DROPPED)


async def _condense(talk: Talk, *, recent: int) -> None:
    """Have a model condense what is old; without a summary it stays as it is."""
    span = span_of(talk.request.messages, recent=recent)
    room = int(_FULL_AT * talk.context_tokens)
    asked = None if span is None else summary_request(span, talk.request, room)
    if span is None or asked is None or stop_before_call(talk.progress, talk.limits, asked) is not None:
        return
    # A note as long as what it stands for would be asked for again before the next call, and the next.
    if size_of(talk.request, span.taken) - size_of(talk.request, ()) <= asked.max_output_tokens:
        return
    try:
        summary = await ask(talk, asked, f"summary-{talk.next_call}")
    except ReplayMismatch:
        raise
    except HarnessError:  # it is on record; whether the work can go on without is decided by what is left
        return
    if isinstance(summary, ModelReply) and _is_summary(summary):
        _go_on_with(talk, condensed(span, summary.text), Transition.SUMMARISED)


def _is_summary(reply: ModelReply) -> bool:
    """Say whether a language model has condensed anything: what stands in for one where none can be had does not."""
    return bool(reply.text.strip()) and reply.finish in ("stop", "length") and reply.model != NO_MODEL


def _go_on_with(talk: Talk, messages: tuple[Message, ...], transition: Transition) -> None:
    talk.request = replace(talk.request, messages=messages)
    talk.transitions.append(transition)


def _is_surely_shorter(talk: Talk, limit: int) -> bool:
    """Say whether the conversation is short however its characters count; tools are few, and part of the prompt."""
    chars = sum(
        len(message.content) + sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
        for message in talk.request.messages
    )
    return not any(message.role == "assistant" for message in talk.request.messages) or chars * 2 < limit


def _in_words(size: int, room: int, talk: Talk) -> str:
    return (
        f"about {size:,} tokens of conversation are more than the {room:,} that an answer leaves of the model's "
        f"{talk.context_tokens:,}, and nothing more can be taken out; "
        "let the job read less, or choose a model with more"
    )
