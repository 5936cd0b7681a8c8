"""A reply as a conversation can carry it: what a model asks for without end is left out, and it is told so. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace

from harness.domain.message import ModelReply, ToolCall

MOST_CALLS = 256
"""Calls beyond the cap of a reply are told of the cap; of so many, one after the other would fill a context."""
MOST_DEPTH = 64
_MOST_ARGUMENT_CHARS, _LEAST_ARGUMENT_CHARS = 64_000, 16_000
_MOST_NAME_CHARS = 200
# A text without an end is one too, or each of its quotes would be looked at as the beginning of another one.
_IN_JSON = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|(?P<opening>[\[{])|(?P<closing>[\]}])', re.DOTALL)


def carried(reply: ModelReply, context_tokens: int) -> ModelReply:
    """Return the reply without what no conversation with such a model can carry; nearly always as it is.

    Arguments that are too long together, or nested too deep, are replaced by a text that says so. It is no object, so
    that the call is answered with an error: each call that is left has its result. `context_tokens` 0: not known.
    """
    calls = tuple(_carried_calls(reply.tool_calls[:MOST_CALLS], _room_chars(context_tokens)))
    if calls == reply.tool_calls:
        return reply
    # What the model wants to have back holds the calls as they were.
    return replace(reply, tool_calls=calls, thinking="")


def _room_chars(context_tokens: int) -> int:
    """Return what the arguments of a reply may take: a quarter of the context in English, all of it in Chinese."""
    if not context_tokens:
        return _MOST_ARGUMENT_CHARS
    return max(_LEAST_ARGUMENT_CHARS, min(_MOST_ARGUMENT_CHARS, context_tokens))


def _carried_calls(calls: tuple[ToolCall, ...], room_chars: int) -> Iterator[ToolCall]:
    left = room_chars
    for call in calls:
        problem = ""
        if len(call.arguments) > left:
            problem = f"the arguments of one answer may have {room_chars:,} characters together; send less at a time"
        elif is_deeper(call.arguments, MOST_DEPTH):
            problem = f"arguments may be nested {MOST_DEPTH} deep"
        arguments = f"[left out, {len(call.arguments):,} characters: {problem}]" if problem else call.arguments
        left -= len(arguments)
        yield ToolCall(_short_id(call.id), call.name[:_MOST_NAME_CHARS], arguments)


def is_deeper(text: str, depth: int) -> bool:
    """Say whether brackets outside of texts stand in one another deeper than that; also of what is no JSON."""
    nested = 0
    for found in _IN_JSON.finditer(text):
        nested += bool(found["opening"]) - bool(found["closing"])
        if nested > depth:
            return True
    return False


def _short_id(call_id: str) -> str:
    if len(call_id) <= _MOST_NAME_CHARS:
        return call_id
    return f"call_{hashlib.sha256(call_id.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"
