"""A real HTTP server on loopback that speaks the chat-completions protocol from a script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
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

__all__ = [
    "ChatAnswer",
    "ChatRequest",
    "OpenAIServer",
    "Script",
    "call_tools",
    "cut_connection",
    "delay",
    "drip",
    "drop_connection",
    "exceed_context",
    "fail",
    "filter_out",
    "garble",
    "limit_rate",
    "refuse",
    "say",
]

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
KNOWN_ARGUMENTS = frozenset((
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
    "max_tokens", "messages", "metadata", "modalities", "model", "moderation", "n", "parallel_tool_calls", "prediction",
    "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort",
    "response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream", "stream_options",
    "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
))  # fmt: skip
_USAGE = Usage(input_tokens=100, cached_tokens=0, output_tokens=20)


def say(text: str | None, *, finish: str = "stop", usage: Usage | None = _USAGE) -> ChatAnswer:
    """A final answer. With usage None the endpoint counts no tokens."""
    return _completion({"role": "assistant", "content": text}, finish, usage)


def call_tools(*calls: ToolCall | Mapping[str, Any], text: str | None = None, usage: Usage = _USAGE) -> ChatAnswer:
    """Tool calls; a mapping is sent as it is, for what no ToolCall can say."""
    wire = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        if isinstance(call, ToolCall)
        else dict(call)
        for call in calls
    ]
    return _completion({"role": "assistant", "content": text, "tool_calls": wire}, "tool_calls", usage)


def refuse(text: str) -> ChatAnswer:
    """A refusal by the model."""
    return _completion({"role": "assistant", "content": None, "refusal": text}, "stop", _USAGE)


def filter_out() -> ChatAnswer:
    """An answer that a content filter took away."""
    return say("", finish="content_filter")


def limit_rate(retry_after: str | None = None, *, date: str | None = None) -> ChatAnswer:
    """429; `retry_after` is the header as it is sent, `date` the moment (HTTP date) at which it is."""
    headers = {"Retry-After": retry_after, "Date": date}
    return replace(
        fail(429, "Rate limit reached", code="rate_limit_exceeded"),
        headers={name: value for name, value in headers.items() if value is not None},
    )


def fail(status: int, message: str = "The server had an error", *, code: str | None = None) -> ChatAnswer:
    """An error answer in the endpoint's own format."""
    return ChatAnswer({"error": {"message": message, "type": "error", "param": None, "code": code}}, status)


def exceed_context() -> ChatAnswer:
    """The refusal of a request that is longer than the model's context."""
    message = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    return fail(400, message, code="context_length_exceeded")


def cut_connection() -> ChatAnswer:
    """An answer whose connection ends in the middle of the body."""
    return replace(say("you will never read this to its end"), is_cut=True)


class OpenAIServer(ChatServer):
    """A ChatServer that answers `{base_url}/chat/completions`.

    As a real endpoint does, it refuses with 401 whoever has not the `api_key` (if one is given), and with 400 tool
    names out of the allowed alphabet, arguments that it does not know, and conversations in which a tool call has no
    result.
    """

    def __init__(self, script: Script, *, api_key: str | None = None, is_keeping: bool = True) -> None:
        super().__init__(_Completions(), script, api_key=api_key, is_keeping=is_keeping)

    @property
    def base_url(self) -> str:
        """The address to put into a profile."""
        return f"{super().base_url}/v1"


class _Completions:
    path = "/v1/chat/completions"

    def refusal(self, request: ChatRequest, api_key: str | None) -> ChatAnswer | None:
        if api_key is not None and request.headers.get("authorization") != f"Bearer {api_key}":
            return fail(401, "Incorrect API key provided", code="invalid_api_key")
        objection = _objection(request.body)
        return fail(400, objection, code="invalid_request_error") if objection else None

    def fail(self, status: int, message: str) -> ChatAnswer:
        return fail(status, message)

    def counted(self, answer: ChatAnswer, request: ChatRequest) -> ChatAnswer:
        if isinstance(answer.body, bytes) or answer.body.get("usage") is not _UNCOUNTED:
            return answer
        told = (json.dumps(each, ensure_ascii=False) for each in (*request.messages, *request.body.get("tools", ())))
        asked = could_be(_USAGE.input_tokens, told)
        said = could_be(_USAGE.output_tokens, _said(answer.body))
        counts = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        return replace(answer, body={**answer.body, "usage": {**_UNCOUNTED, **counts}})


def _said(body: Mapping[str, Any]) -> Iterator[str]:
    """Return what the answer says; a script may have made anything of it."""
    for choice in body.get("choices") or ():
        message = choice.get("message") if isinstance(choice, dict) else None
        if isinstance(message, dict):
            yield str(message.get("content") or "")
            yield json.dumps(message.get("tool_calls") or "")


def _completion(message: Mapping[str, Any], finish: str, usage: Usage | None) -> ChatAnswer:
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": "scripted",
        "choices": [{"index": 0, "message": dict(message), "finish_reason": finish}],
    }
    if usage is not None:
        body["usage"] = _UNCOUNTED if usage is _USAGE else _counts(usage)
    return ChatAnswer(body)


def _counts(usage: Usage) -> dict[str, Any]:
    details = {"cached_tokens": usage.cached_tokens}
    if usage.cache_write_tokens:
        details["cache_write_tokens"] = usage.cache_write_tokens
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": details,
    }


_UNCOUNTED = _counts(_USAGE)
"""Stands in answers for which a script gives no count; what is changed since is somebody's count."""


def _objection(body: Mapping[str, Any]) -> str | None:
    """Return what a real endpoint would have against the request."""
    if not body.get("model") or not body.get("messages"):
        return "you must provide a model and messages"
    for key in body:
        if key not in KNOWN_ARGUMENTS:
            return f"Unrecognized request argument supplied: {key}"
    for tool in body.get("tools", []):
        if not _TOOL_NAME.fullmatch(tool["function"]["name"]):
            return f"Invalid 'tools[].function.name': {tool['function']['name']!r} does not match {_TOOL_NAME.pattern}"
    waiting: set[str] = set()
    for message in body["messages"]:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            break
        waiting = {call["id"] for call in message.get("tool_calls", [])}
    return f"these tool_call_ids did not have response messages: {', '.join(sorted(waiting))}" if waiting else None
