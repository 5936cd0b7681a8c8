"""What a turn does by itself to go on; part of a run's recorded plan, so that a replay decides as the run did."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_OUTPUT_TOKENS = 8_192
"""What an answer may take at first, if the model would give more: what is kept free for it is lost to the prompt."""

_CALLS_PER_REPLY = 32
_SIDE_BY_SIDE = 8
_MOST_REPLY_CHARS = 48_000
_LEAST_REPLY_CHARS = 4_000
_DELEGATE_DEPTH = 1


@dataclass(frozen=True, slots=True)
class TurnRules:
    """The numbers by which a turn goes on; 0 stands for none of it, which is how runs went before there were any.

    `context_tokens` is the model's whole context: near its end the conversation is condensed. `output_ceiling` is
    what an answer may take that was cut. Of one reply `calls_per_reply` calls are carried out, `side_by_side` of them
    at a time, and their results take `reply_chars` in the conversation. `delegate_depth` conversations may stand
    below this one.
    """

    context_tokens: int = 0
    output_ceiling: int = 0
    calls_per_reply: int = 0
    side_by_side: int = 0
    reply_chars: int = 0
    delegate_depth: int = 0


def rules_for(context_tokens: int, output_ceiling: int) -> TurnRules:
    """Return the rules of today for a model with such a context, whose answers may be so long."""
    return TurnRules(
        context_tokens=context_tokens,
        output_ceiling=output_ceiling,
        calls_per_reply=_CALLS_PER_REPLY,
        side_by_side=_SIDE_BY_SIDE,
        # A character is a quarter of a token in English, and one in Chinese: one reply never fills the context.
        reply_chars=max(_LEAST_REPLY_CHARS, min(_MOST_REPLY_CHARS, context_tokens // 2)),
        delegate_depth=_DELEGATE_DEPTH,
    )
