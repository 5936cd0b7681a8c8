"""The chat-completions format: a ModelRequest as a request body, a response body as a ModelReply. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.domain.errors import LimitReached
from harness.domain.message import Finish, Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from harness.domain.settings import Profile
from harness.domain.tokens import estimate_request_tokens, estimate_tokens
from harness.gate.sanitise import sanitise
from harness.llm.usage import cost_usd

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_LENGTH = ("length", "max_tokens", "model_length")
_MOST_TOKENS = 1_000_000_000


class MalformedReply(ValueError):
    """A body that says 200 and is not a chat completion."""


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


def request_body(profile: Profile, request: ModelRequest, limit_field: str = "max_tokens") -> dict[str, Any]:
    """Return the body to send; the same request gives the same body, key order included."""
    names = wire_names(request.tools)
    body: dict[str, Any] = {
        "model": profile.model,
        "messages": [_wire_message(message, names) for message in request.messages],
        limit_field: min(request.max_output_tokens, profile.max_output_tokens),
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": names[tool.name],
                    "description": tool.description,
                    "parameters": dict(tool.parameters),
                },
            }
            for tool in request.tools
        ]
    return body


def read_reply(payload: Any, profile: Profile, request: ModelRequest) -> ModelReply:
    """Return what the model answered.

    The text can be printed and stored: what would steer a terminal or cannot be encoded is left out. Arguments of
    tool calls stay as the model wrote them, valid JSON or not. Calls without an id of
    their own get one that depends on nothing but the request. Where the endpoint counts no tokens they
    are estimated, so that a budget still ends a run. Raises MalformedReply, naming what is missing.
    """
    choice = _first_choice(payload)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise MalformedReply("the choice has no message")
    text, refusal = _text(message.get("content")), message.get("refusal")
    reason = choice.get("finish_reason")
    if reason == "error":
        raise MalformedReply("the choice ended with finish_reason error")
    calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    if refusal or reason == "content_filter":
        finish, text = "refused", sanitise(str(refusal or text))
    else:
        calls = _calls(message.get("tool_calls"), request)
        finish = "tool_calls" if calls else "length" if reason in _LENGTH else "stop"
    usage = _usage(payload.get("usage")) or _estimate(request, text, calls)
    return ModelReply(text, profile.model, calls, usage, finish, cost_usd(profile, usage))


def wire_names(tools: Sequence[ToolSchema]) -> dict[str, str]:
    """Return each tool's name on the wire, where only letters, digits, `_` and `-` may stand: `web.read`
    goes as `web_read`, and one that would collide gets a number."""
    names: dict[str, str] = {}
    taken = {tool.name for tool in tools if not _NOT_IN_NAMES.search(tool.name)}
    for tool in tools:
        wire = tool.name
        if _NOT_IN_NAMES.search(wire):
            stem = wire = _NOT_IN_NAMES.sub("_", wire)
            number = 2
            while wire in taken:
                wire, number = f"{stem}_{number}", number + 1
            taken.add(wire)
        names[tool.name] = wire
    return names


def _wire_message(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": names.get(call.name) or _NOT_IN_NAMES.sub("_", call.name),
                    "arguments": _sendable(call.arguments),
                },
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _sendable(arguments: str) -> str:
    """Endpoints that render their own prompt parse the arguments of earlier calls and answer 400 or 500 when
    they are not an object, which would end the very run in which the model is about to correct itself."""
    try:
        is_object = isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        is_object = False
    return arguments if is_object else json.dumps({"invalid_json": arguments})


def _first_choice(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise MalformedReply("the body is not a JSON object")
    choices = payload.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise MalformedReply("the body has no choices")
    return choices[0]


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return sanitise(content)
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        return sanitise("".join(text for text in texts if isinstance(text, str)))
    raise MalformedReply("the message's content is not text")


def _calls(wire: Any, request: ModelRequest) -> tuple[ToolCall, ...]:
    if wire is None:
        return ()
    if not isinstance(wire, list):
        raise MalformedReply("tool_calls is not a list")
    real_names = {sent: name for name, sent in wire_names(request.tools).items()}
    calls: list[ToolCall] = []
    for index, entry in enumerate(wire):
        function = entry.get("function") if isinstance(entry, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(function, dict) or not isinstance(name, str) or not name:
            raise MalformedReply("a tool call has no function name")
        call_id = entry.get("id")
        if not isinstance(call_id, str) or not call_id or any(call_id == call.id for call in calls):
            call_id = _call_id(request, index)
        calls.append(ToolCall(call_id, real_names.get(name, name), _arguments(function.get("arguments"))))
    return tuple(calls)


def _arguments(wire: Any) -> str:
    """Some endpoints leave the arguments out for a tool that has none, and some send them parsed."""
    if isinstance(wire, str):
        return wire if wire.strip() else "{}"
    return "{}" if wire is None else json.dumps(wire)


def _call_id(request: ModelRequest, index: int) -> str:
    said = json.dumps([[m.role, m.content, m.tool_call_id] for m in request.messages])
    return f"call_{hashlib.sha256(said.encode()).hexdigest()[:12]}_{index}"


def _usage(wire: Any) -> Usage | None:
    if not isinstance(wire, dict):
        return None
    details = wire.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else wire.get("prompt_cache_hit_tokens")
    input_tokens, output_tokens = _count(wire.get("prompt_tokens")), _count(wire.get("completion_tokens"))
    if not input_tokens and not output_tokens:
        return None
    return Usage(input_tokens, min(_count(cached), input_tokens), output_tokens)


def _count(value: Any) -> int:
    """What no context can hold is no count, and would break the sum that the budget is held against."""
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return value if is_count and 0 < value <= _MOST_TOKENS else 0


def _estimate(request: ModelRequest, text: str, calls: Sequence[ToolCall]) -> Usage:
    written = text + "".join(call.name + call.arguments for call in calls)
    return Usage(estimate_request_tokens(request.messages, request.tools), 0, estimate_tokens(written))
