"""The Messages format of Anthropic: a ModelRequest as a request body, a response body as an answer. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from harness.domain.message import Finish, ModelRequest, ToolCall, Usage
from harness.domain.settings import Profile
from harness.gate.sanitise import sanitise
from harness.llm.failures import ErrorAnswer
from harness.llm.messages_turns import FORMAT, Turn, turns_of
from harness.llm.thoughts import pack
from harness.llm.tool_names import made_up_id, wire_names
from harness.llm.wire import MalformedReply, WireAnswer, counted

API_VERSION = "2026-10-21"

_HEADERS_BY_PARAMETER = {"anthropic_version": "anthropic-version", "anthropic_beta": "anthropic-beta"}
_CACHE_CONTROL = "cache_control"
_LENGTH = ("max_tokens", "model_context_window_exceeded")
_THOUGHTS = ("thinking", "redacted_thinking")


@dataclass(frozen=True, slots=True)
class MessagesFormat:
    """Implements `WireFormat`. `is_thoughtless`: what the model thought before is left out.

    `parameters` are those of the profile: some of them are headers.
    """

    parameters: Mapping[str, Any]
    is_thoughtless: bool = False

    def headers(self, api_key: str | None) -> Mapping[str, str]:
        """Return the headers that this API wants, with the key if there is one.

        The parameters `anthropic_version` and `anthropic_beta` are headers too.
        """
        headers = {"anthropic-version": API_VERSION}
        for parameter, header in _HEADERS_BY_PARAMETER.items():
            if parameter in self.parameters:
                given = self.parameters[parameter]
                headers[header] = ",".join(map(str, given)) if isinstance(given, list | tuple) else str(given)
        return headers if api_key is None else {**headers, "x-api-key": api_key}

    def body(self, profile: Profile, request: ModelRequest) -> dict[str, Any]:
        """Return the body to send; the same request gives the same body, key order included."""
        return request_body(profile, request, is_thoughtless=self.is_thoughtless)

    def read(self, payload: Any, profile: Profile, request: ModelRequest) -> WireAnswer:
        """Return what the model answered. Raises MalformedReply, naming what is missing."""
        return read_answer(payload, profile, request)

    def usage(self, payload: Any) -> Usage | None:
        """Return what a body says that it cost, also one that is no answer; None if it says nothing."""
        return read_usage(payload.get("usage")) if isinstance(payload, dict) else None

    def going_on(self, body: Mapping[str, Any], payload: Any, most_tokens: int) -> dict[str, Any]:
        """Return the body with what was said so far as the beginning of the answer, which may be so much longer."""
        *before, last = body["messages"]
        if last["role"] != "assistant":
            before, last = [*before, last], {"role": "assistant", "content": []}
        longer = {**last, "content": [*last["content"], *payload["content"]]}
        return {**body, "max_tokens": most_tokens, "messages": [*before, longer]}

    def otherwise(self, answer: ErrorAnswer) -> Self | None:
        """Return the format without thoughts, if the endpoint does not take back what it is said to have thought.

        It does not where anything before a thought has changed since, as when a long conversation was made shorter.
        """
        refuses = answer.status == 400 and "thinking" in answer.said and not self.is_thoughtless
        return replace(self, is_thoughtless=True) if refuses else None


def request_body(profile: Profile, request: ModelRequest, *, is_thoughtless: bool = False) -> dict[str, Any]:
    """Return the body to send; the same request gives the same body, key order included.

    Four places tell the provider up to where it may keep what it has read: after the tools, after the system prompt,
    and after each of the last two messages that are not the model's, so that a call finds what the one before it put
    there. The parameter `cache_control` stands in for the usual mark; an empty one leaves all of them out.
    """
    names = wire_names(request.tools)
    system, turns = turns_of(request.messages, names, profile, is_thoughtless=is_thoughtless)
    tools = [
        {"name": names[tool.name], "description": tool.description, "input_schema": _schema(tool.parameters)}
        for tool in request.tools
    ]
    mark = profile.parameters.get(_CACHE_CONTROL, {"type": "ephemeral"})
    if mark:
        for blocks in _ends(tools, system, turns):
            blocks[-1] = {**blocks[-1], _CACHE_CONTROL: mark}
    body: dict[str, Any] = {
        "model": profile.model,
        "max_tokens": min(request.max_output_tokens, profile.max_output_tokens),
        "system": system,
        "tools": tools,
        "messages": [{"role": turn.role, "content": turn.blocks} for turn in turns],
    }
    aside = {*body, *_HEADERS_BY_PARAMETER, _CACHE_CONTROL}
    more = {key: value for key, value in profile.parameters.items() if key not in aside}
    return {**{key: value for key, value in body.items() if value != []}, **more}


def read_answer(payload: Any, profile: Profile, request: ModelRequest) -> WireAnswer:
    """Return what the model answered.

    The text can be printed and stored. Raises MalformedReply, naming what is missing.
    """
    if not isinstance(payload, dict):
        raise MalformedReply("the body is not a JSON object")
    content, reason = payload.get("content"), payload.get("stop_reason")
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise MalformedReply("the message has no content")
    usage = read_usage(payload.get("usage"))
    texts = [block.get("text") or "" for block in content if block.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise MalformedReply("the message's content is not text")
    text = sanitise("".join(texts))
    if reason == "refusal":
        return WireAnswer(_refusal(payload) or text, finish="refused", usage=usage)
    calls = _calls(content, request)
    if reason == "max_tokens" and calls and content[-1].get("type") == "tool_use":
        calls = calls[:-1]  # the last one was cut within its arguments, which nobody can see by looking at them
    finish: Finish = "tool_calls" if calls else "length" if reason in _LENGTH else "stop"
    thinking = ""
    if calls and any(block.get("type") in _THOUGHTS for block in content):
        thinking = pack(FORMAT, profile, content)
    return WireAnswer(text, calls, finish, usage, thinking, is_paused=reason == "pause_turn")


def read_usage(wire: Any) -> Usage | None:
    """Return what the endpoint counted; None if it counted nothing.

    What was read from the cache or put there is counted beside the other input, and is part of ours.
    """
    if not isinstance(wire, dict):
        return None
    read, written = counted(wire.get("cache_read_input_tokens")), counted(wire.get("cache_creation_input_tokens"))
    input_tokens, output_tokens = counted(wire.get("input_tokens")) + read + written, counted(wire.get("output_tokens"))
    return Usage(input_tokens, read, output_tokens, written) if input_tokens or output_tokens else None


def _ends(tools: list[dict[str, Any]], system: list[dict[str, Any]], turns: list[Turn]) -> list[list[dict[str, Any]]]:
    """Return the lists of blocks up to whose ends the provider may keep what it has read."""
    told = [turn.blocks for turn in turns if turn.role == "user"]
    return [blocks for blocks in (tools, system, *told[-2:]) if blocks]


def _schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema with the type that this API insists on, also for a tool that takes nothing."""
    return {"type": "object", **parameters}


def _refusal(payload: Mapping[str, Any]) -> str:
    details = payload.get("stop_details")
    return sanitise(str(details.get("explanation") or "")) if isinstance(details, dict) else ""


def _calls(content: list[dict[str, Any]], request: ModelRequest) -> tuple[ToolCall, ...]:
    real_names = {sent: name for name, sent in wire_names(request.tools).items()}
    calls: list[ToolCall] = []
    for block in content:
        if block.get("type") != "tool_use":
            continue
        name, call_id = block.get("name"), block.get("id")
        if not isinstance(name, str) or not name:
            raise MalformedReply("a tool call has no name")
        if not isinstance(call_id, str) or not call_id or any(call_id == call.id for call in calls):
            call_id = made_up_id(request, len(calls))
        arguments = block.get("input")
        calls.append(ToolCall(call_id, real_names.get(name, name), json.dumps({} if arguments is None else arguments)))
    return tuple(calls)
