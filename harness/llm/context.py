"""Whether a request fits into the model's context. Pure."""

from __future__ import annotations

from harness.domain.errors import LimitReached
from harness.domain.message import ModelRequest
from harness.domain.settings import Profile
from harness.domain.tokens import estimate_request_tokens


def refuse_what_cannot_fit(profile: Profile, request: ModelRequest) -> None:
    """Raise LimitReached("context") if the request and its answer are longer than the model's context.

    Some endpoints say so themselves, others drop the beginning of the conversation, where the rules stand, and
    answer as if nothing were missing. The prompt leaves room for a conversation; tool results can fill it.
    """
    answer = min(request.max_output_tokens, profile.max_output_tokens)
    said = estimate_request_tokens(request.messages, request.tools)
    if said + answer > profile.context_window:
        raise LimitReached(
            "context",
            f"about {said:,} tokens of conversation and {answer:,} for the answer are more than the "
            f"{profile.context_window:,} of profile {profile.name!r} (context_window); "
            "let the job read less, or choose a model with more",
        )
