"""A real HTTP server on loopback that speaks Anthropic's Messages protocol from a script."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.domain.message import ToolCall, Usage
from harness.testing.chat_server import (
    ChatAnswer,
    ChatRequest,
    ChatServer,
    Script,
    could_be,
    delay,
    drip,
    drop_connection,
    garble,
)
from harness.testing.messages_rules import Objection, check_request

__all__ = [
    "AnthropicServer",
    "ChatAnswer",
    "ChatRequest",
    "Script",
    "call_tools",
    "cut_connection",
    "delay",
    "drip",
    "drop_connection",
    "exceed_context",
    "fail",
    "garble",
    "limit_rate",
    "overload",
    "pause",
    "refuse",
    "say",
]

_USAGE = Usage(input_tokens=100, cached_tokens=0, output_tokens=20)
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def say(text: str, *, stop: str = "end_turn", usage: Usage | None = _USAGE, thought: str = "") -> ChatAnswer:
    """A final answer. With usage None nothing is counted, which the real API always does."""
    return _message([*_thoughts(thought), *_texts(text)], stop, usage)


def call_tools(
    *calls: ToolCall | Mapping[str, Any],
    text: str = "",
    stop: str = "tool_use",
    usage: Usage = _USAGE,
    thought: str = "",
) -> ChatAnswer:
    """Tool calls; a mapping is sent as it is, for what no ToolCall can say."""
    wire = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}
        if isinstance(call, ToolCall)
        else dict(call)
        for call in calls
    ]
    return _message([*_thoughts(thought), *_texts(text), *wire], stop, usage)


def refuse(text: str) -> ChatAnswer:
    """A refusal by the model, or by what watches over it."""
    answer = _message([], "refusal", _USAGE)
    details = {"type": "refusal", "category": None, "explanation": text}
    return replace(answer, body={**_json(answer), "stop_details": details})


def pause(text: str, *, usage: Usage = _USAGE) -> ChatAnswer:
    """The beginning of an answer, which goes on when it is sent back."""
    return _message(_texts(text), "pause_turn", usage)


def limit_rate(retry_after: str | None = None) -> ChatAnswer:
    """429; `retry_after` is the header as it is sent."""
    message = "This request would exceed your organization's rate limit of 50 requests per minute."
    return replace(fail(429, message), headers={} if retry_after is None else {"Retry-After": retry_after})


def overload() -> ChatAnswer:
    """529: too many ask at once, whoever they are."""
    return fail(529, "Overloaded")


def fail(status: int, message: str = "Internal server error") -> ChatAnswer:
    """An error answer in the API's own format."""
    error = {"type": _ERROR_TYPES.get(status, "api_error"), "message": message}
    body = {"type": "error", "error": error, "request_id": "req_scripted"}
    return ChatAnswer(body, status, {"request-id": "req_scripted"})


def exceed_context() -> ChatAnswer:
    """The refusal of a request that is longer than the model's context."""
    return fail(400, "prompt is too long: 213423 tokens > 200000 maximum")


def cut_connection() -> ChatAnswer:
    """An answer whose connection ends in the middle of the body."""
    return replace(say("you will never read this to its end"), is_cut=True)


class AnthropicServer(ChatServer):
    """A ChatServer that answers `{base_url}/v1/messages`.

    As the real API does, it refuses with 401 whoever has not the `api_key` (if one is given), and with 400 what
    `messages_rules` says, in the same words. Of thoughts it takes back only its own, unchanged.
    """

    def __init__(self, script: Script, *, api_key: str | None = None, is_keeping: bool = True) -> None:
        super().__init__(_Messages(), script, api_key=api_key, is_keeping=is_keeping)


class _Messages:
    path = "/v1/messages"

    def refusal(self, request: ChatRequest, api_key: str | None) -> ChatAnswer | None:
        headers = request.headers
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        if api_key is not None and given != api_key:
            return fail(401, "invalid x-api-key")
        if "anthropic-version" not in headers:
            return fail(400, "anthropic-version: header is required")
        try:
            check_request(request.body, headers["anthropic-version"], _is_own)
        except Objection as objection:
            return fail(400, str(objection))
        return None

    def fail(self, status: int, message: str) -> ChatAnswer:
        return fail(status, message)

    def counted(self, answer: ChatAnswer, request: ChatRequest) -> ChatAnswer:
        if isinstance(answer.body, bytes) or answer.body.get("usage") is not _UNCOUNTED:
            return answer
        body = answer.body
        asked = (request.body.get("system", ""), request.body.get("tools", ""), request.messages)
        usage = {
            **body["usage"],
            "input_tokens": could_be(body["usage"]["input_tokens"], (json.dumps(each) for each in asked)),
            "output_tokens": could_be(body["usage"]["output_tokens"], (json.dumps(body["content"]),)),
        }
        return replace(answer, body={**body, "usage": usage})


def _message(content: list[dict[str, Any]], stop: str, usage: Usage | None) -> ChatAnswer:
    body: dict[str, Any] = {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
    }
    if usage is not None:
        body["usage"] = _UNCOUNTED if usage is _USAGE else _counts(usage)
    return ChatAnswer(body)


def _counts(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }


_UNCOUNTED = _counts(_USAGE)
"""Stands in answers for which a script gives no count; what is changed since is somebody's count."""


def _texts(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}] if text else []


def _thoughts(thought: str) -> list[dict[str, Any]]:
    return [{"type": "thinking", "thinking": thought, "signature": _signature(thought)}] if thought else []


def _signature(thought: str) -> str:
    return hashlib.sha256(thought.encode()).hexdigest()


def _is_own(block: Mapping[str, Any]) -> bool:
    return bool(block["signature"] == _signature(block["thinking"]))


def _json(answer: ChatAnswer) -> Mapping[str, Any]:
    assert not isinstance(answer.body, bytes)
    return answer.body
