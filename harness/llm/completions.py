"""The chat-completions format: a ModelRequest as a request body, a response body as an answer. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from harness.domain.message import Finish, Message, ModelRequest, ToolCall, Usage
from harness.domain.settings import Profile
from harness.gate.sanitise import sanitise
from harness.llm.failures import ErrorAnswer
from harness.llm.thoughts import pack, unpack
from harness.llm.tool_names import made_up_id, plain, sendable_object, wire_names
from harness.llm.wire import MalformedReply, WireAnswer, counted

_FORMAT = "completions"
_LENGTH = ("length", "max_tokens", "model_length")
_THOUGHTS = ("reasoning_content", "reasoning_details", "reasoning", "thinking_blocks")
_THOUGHTS_OF_CALLS = ("extra_content", "provider_specific_fields")


@dataclass(frozen=True, slots=True)
class CompletionsFormat:
    """Implements `WireFormat`. `limit_field` is the endpoint's name for the most that an answer may have."""

    limit_field: str = "max_tokens"

    def headers(self, api_key: str | None) -> Mapping[str, str]:
        """Return the headers that this API wants, with the key if there is one."""
        return {} if api_key is None else {"authorization": f"Bearer {api_key}"}

    def body(self, profile: Profile, request: ModelRequest) -> dict[str, Any]:
        """Return the body to send; the same request gives the same body, key order included."""
        return request_body(profile, request, self.limit_field)

    def read(self, payload: Any, profile: Profile, request: ModelRequest) -> WireAnswer:
        """Return what the model answered. Raises MalformedReply, naming what is missing."""
        return read_answer(payload, profile, request)

    def usage(self, payload: Any) -> Usage | None:
        """Return what a body says that it cost, also one that is no answer; None if it says nothing."""
        return usage_in(payload)

    def going_on(self, body: Mapping[str, Any], payload: Any, most_tokens: int) -> dict[str, Any]:
        """Return the same body: no answer in this format is paused."""
        return dict(body)

    def otherwise(self, answer: ErrorAnswer) -> Self | None:
        """Return the format with the output limit under its newer name, if the endpoint asks for that."""
        newer = "max_completion_tokens"
        asks = answer.status == 400 and newer in answer.said and self.limit_field != newer
        return type(self)(newer) if asks else None


def request_body(profile: Profile, request: ModelRequest, limit_field: str = "max_tokens") -> dict[str, Any]:
    """Return the body to send; the same request gives the same body, key order included.

    The profile's parameters come after what the harness says itself, and never in its place.
    """
    names = wire_names(request.tools)
    body: dict[str, Any] = {
        "model": profile.model,
        "messages": [_wire_message(message, names, profile) for message in request.messages],
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
    return {**body, **{key: value for key, value in profile.parameters.items() if key not in body}}


def read_answer(payload: Any, profile: Profile, request: ModelRequest) -> WireAnswer:
    """Return what the model answered.

    The text can be printed and stored: what would steer a terminal or cannot be encoded is left out. Arguments of
    tool calls stay as the model wrote them, valid JSON or not. Calls without an id of their own get one that depends
    on nothing but the request. Raises MalformedReply, naming what is missing.
    """
    choice = _first_choice(payload)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise MalformedReply("the choice has no message")
    text, refusal = _text(message.get("content")), message.get("refusal")
    reason, usage = choice.get("finish_reason"), read_usage(payload.get("usage"))
    if reason == "error":
        raise MalformedReply("the choice ended with finish_reason error")
    if refusal or reason == "content_filter":
        return WireAnswer(sanitise(str(refusal or text)), finish="refused", usage=usage)
    calls = _calls(message.get("tool_calls"), request)
    finish: Finish = "tool_calls" if calls else "length" if reason in _LENGTH else "stop"
    return WireAnswer(text, calls, finish, usage, _thoughts(message, calls, profile) if calls else "")


def usage_in(payload: Any) -> Usage | None:
    """Return what a body says that it cost, also one that is no answer; None if it says nothing."""
    return read_usage(payload.get("usage")) if isinstance(payload, dict) else None


def read_usage(wire: Any) -> Usage | None:
    """Return what the endpoint counted; None if it counted nothing.

    Some count what a model thought in the total only: what is neither question nor answer there was written too.
    """
    if not isinstance(wire, dict):
        return None
    details = wire.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    input_tokens, output_tokens = counted(wire.get("prompt_tokens")), counted(wire.get("completion_tokens"))
    if not input_tokens and not output_tokens:
        return None
    return Usage(
        input_tokens,
        counted(details.get("cached_tokens", wire.get("prompt_cache_hit_tokens"))),
        max(output_tokens, counted(wire.get("total_tokens")) - input_tokens) if input_tokens > 0 else output_tokens,
        counted(details.get("cache_write_tokens")),
    )


def _wire_message(message: Message, names: Mapping[str, str], profile: Profile) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": names.get(call.name) or plain(call.name), "arguments": _sendable(call.arguments)},
            }
            for call in message.tool_calls
        ]
        _put_back(unpack(_FORMAT, profile, message.thinking), wire)
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def _sendable(arguments: str) -> str:
    """Return the model's own words where they are an object."""
    sendable = sendable_object(arguments)
    return json.dumps(sendable) if "invalid_json" in sendable else arguments


def _thoughts(message: Mapping[str, Any], calls: tuple[ToolCall, ...], profile: Profile) -> str:
    """Return what this endpoint wants back in the message, and in each call, where it sent such things."""
    of_message = {key: message[key] for key in _THOUGHTS if message.get(key)}
    of_calls = {
        call.id: found
        for call, wire in zip(calls, message["tool_calls"], strict=True)
        if (found := {key: wire[key] for key in _THOUGHTS_OF_CALLS if wire.get(key)})
    }
    return pack(_FORMAT, profile, {"message": of_message, "calls": of_calls}) if of_message or of_calls else ""


def _put_back(thoughts: Any | None, wire: dict[str, Any]) -> None:
    if thoughts is None:
        return
    wire.update(thoughts["message"])
    for call in wire["tool_calls"]:
        call.update(thoughts["calls"].get(call["id"], {}))


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
            call_id = made_up_id(request, index)
        calls.append(ToolCall(call_id, real_names.get(name, name), _arguments(function.get("arguments"))))
    return tuple(calls)


def _arguments(wire: Any) -> str:
    """Some endpoints leave the arguments out for a tool that has none, and some send them parsed."""
    if isinstance(wire, str):
        return wire if wire.strip() else "{}"
    return "{}" if wire is None else json.dumps(wire)
