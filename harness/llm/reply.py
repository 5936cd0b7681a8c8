"""From what an endpoint answered to what a run goes on with: priced, and with counts that can be true. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

from harness.domain.message import ModelReply, ModelRequest, Usage
from harness.domain.settings import Profile
from harness.domain.tokens import estimate_request_tokens
from harness.llm.plausible import plausible_usage
from harness.llm.usage import cost_usd
from harness.llm.wire import WireAnswer


def reply_of(answer: WireAnswer, profile: Profile, request: ModelRequest) -> tuple[ModelReply, tuple[str, ...]]:
    """Return the reply, and in words what was doubtful about the counts that came with it."""
    booked = plausible_usage(answer.usage, request, profile, answer.text, answer.tool_calls)
    reply = ModelReply(
        text=answer.text,
        model=profile.model,
        tool_calls=answer.tool_calls,
        usage=booked.usage,
        finish=answer.finish,
        cost_usd=cost_usd(profile, booked.usage),
        profile=profile.name,
        thinking=answer.thinking,
    )
    return reply, booked.doubts


def left_for_next_piece(profile: Profile, request: ModelRequest, pieces: Sequence[WireAnswer]) -> int:
    """Return how many tokens a paused answer may still be longer; nothing is left if that is below 1.

    Each piece is paid for with all that stands before it. Together they use no more tokens than are set aside for one
    call, so that no budget has to be held in between.
    """
    most = min(request.max_output_tokens, profile.max_output_tokens)
    used = [plausible_usage(one.usage, request, profile, one.text, one.tool_calls).usage for one in pieces]
    spent = sum(one.input_tokens + one.output_tokens for one in used)
    next_input = used[-1].input_tokens + used[-1].output_tokens
    set_aside = estimate_request_tokens(request.messages, request.tools) + most
    return min(most - sum(one.output_tokens for one in used), set_aside - spent - next_input)


def joined(answers: Sequence[WireAnswer]) -> WireAnswer:
    """Return one answer that came in pieces, each of which was counted for itself."""
    last, counts = answers[-1], [answer.usage for answer in answers if answer.usage is not None]
    if len(answers) == 1:
        return last
    return WireAnswer(
        text="".join(answer.text for answer in answers),
        tool_calls=last.tool_calls,
        finish="length" if last.is_paused else last.finish,
        usage=reduce(add, counts, Usage()) if counts else None,
        thinking=last.thinking,
    )
