"""Counts of tokens that cannot be true are not booked. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.domain.message import ModelRequest, ToolCall, Usage
from harness.domain.settings import Profile
from harness.domain.tokens import estimate_request_tokens, estimate_tokens

SMALLEST_SHARE = 4
"""A count below this part of the estimate (1/4) is none: the estimate is of words and marks, with some on top."""


@dataclass(frozen=True, slots=True)
class BookedUsage:
    """The usage that counts, and `doubts`: in words what was wrong or strange about the one that was sent."""

    usage: Usage
    doubts: tuple[str, ...] = ()


def plausible_usage(
    said: Usage | None, request: ModelRequest, profile: Profile, text: str, calls: Sequence[ToolCall]
) -> BookedUsage:
    """Return what to book for a call, so that no count, whatever it says, lets a run past its budget.

    Where nothing was counted, or much too little, the estimate of what was sent and written is booked. What is more
    than the model's whole context is booked as that context. Strange but possible counts are taken as they are.
    Parts of the input never exceed it, and what is doubtful about them is not taken for cheap.
    """
    written = text + "".join(call.name + call.arguments for call in calls)
    sent, answered = estimate_request_tokens(request.messages, request.tools), estimate_tokens(written)
    if said is None:
        return BookedUsage(Usage(sent, 0, answered))
    booked_input, input_doubt = _input(said.input_tokens, sent, profile)
    output, output_doubt = _output(said.output_tokens, answered, request, profile)
    # Where the whole is a guess, a part of it that is said to be cheap is none.
    trusted = booked_input == said.input_tokens
    writes = _part(said.cache_write_tokens, booked_input) if trusted else 0
    cached = _part(said.cached_tokens, booked_input - writes) if trusted else 0
    usage = Usage(booked_input, cached, output, writes)
    part_doubt = "" if not trusted else _of_parts(said, usage)
    return BookedUsage(usage, tuple(filter(None, (input_doubt, output_doubt, part_doubt))))


def _input(said: int, sent: int, profile: Profile) -> tuple[int, str]:
    most = max(profile.context_window, sent)
    if said * SMALLEST_SHARE < sent:
        return sent, f"{said:,} input tokens for about {sent:,}: {sent:,} are booked"
    if said > most:
        return most, f"{said:,} input tokens for about {sent:,}, more than the whole context: {most:,} are booked"
    return said, ""


def _output(said: int, answered: int, request: ModelRequest, profile: Profile) -> tuple[int, str]:
    most = max(profile.context_window, answered)
    if said < 0 or said * SMALLEST_SHARE < answered:
        return answered, f"{said:,} output tokens for about {answered:,}: {answered:,} are booked"
    if said > most:
        return most, f"{said:,} output tokens, more than the whole context: {most:,} are booked"
    if said > max(request.max_output_tokens, answered):
        return said, f"{said:,} output tokens where {request.max_output_tokens:,} were allowed; they are booked"
    return said, ""


def _part(said: int, whole: int) -> int:
    return max(0, min(said, whole))


def _of_parts(said: Usage, booked: Usage) -> str:
    if (said.cached_tokens, said.cache_write_tokens) == (booked.cached_tokens, booked.cache_write_tokens):
        return ""
    return (
        f"{said.cached_tokens:,} cached and {said.cache_write_tokens:,} written tokens of {booked.input_tokens:,}: "
        f"{booked.cached_tokens:,} and {booked.cache_write_tokens:,} are booked"
    )
