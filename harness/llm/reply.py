"""From what an endpoint answered to what a run goes on with: priced, and with counts that can be true. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

from harness.domain.message import ModelReply, ModelRequest, Usage
from harness.domain.settings import Profile
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
