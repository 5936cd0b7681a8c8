"""What the tools of a reply ask of the run, beyond an answer to the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.domain.message import Message, ToolCall
from harness.domain.tool import End, PassOn, ToolResult, Wait


def last_signal(results: Sequence[ToolResult]) -> End | PassOn | None:
    """Return how the work is to end, if one of the calls said so; of several, the last one counts.

    It counts before any wait: who has said the final word does not wait for an answer.
    """
    ends = [result.signal for result in results if isinstance(result.signal, End | PassOn)]
    return ends[-1] if ends else None


def awaited_requests(calls: Sequence[ToolCall], results: Sequence[ToolResult]) -> Mapping[str, str]:
    """Return the requests that are to be waited for, by the ids of the calls that made them."""
    return {
        call.id: result.signal.request_id
        for call, result in zip(calls, results, strict=True)
        if isinstance(result.signal, Wait)
    }


def with_answers(messages: Sequence[Message], answers: Mapping[str, str]) -> tuple[Message, ...]:
    """Return the conversation with the answers, by call id, in the places of the last calls that waited for them."""
    left = dict(answers)
    answered: list[Message] = []
    for message in reversed(messages):
        content = left.pop(message.tool_call_id, None) if message.tool_call_id is not None else None
        answered.append(message if content is None else Message("tool", content, tool_call_id=message.tool_call_id))
    return tuple(reversed(answered))
