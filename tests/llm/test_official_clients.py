"""Both formats against the official clients: what they send and accept is what we send and accept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, get_type_hints

import anthropic
import openai
import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types import (
    MessageParam,
    TextBlockParam,
    ToolParam,
    ToolResultBlockParam,
    ToolUseBlockParam,
)
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

from harness.domain.errors import FailureKind, LimitReached, OwnerError, TransientError
from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from harness.domain.settings import Profile
from harness.llm.anthropic import AnthropicModel
from harness.llm.completions import request_body as completions_body
from harness.llm.messages import API_VERSION
from harness.llm.messages import request_body as messages_body
from harness.llm.openai import OpenAIModel
from harness.testing import anthropic_server, messages_rules, openai_server
from harness.testing.anthropic_server import AnthropicServer
from harness.testing.openai_server import OpenAIServer

KEY = "sk-test-0123456789"
READ = ToolSchema(
    "web.read", "A page as text", {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]}
)
WAIT = ToolSchema("wait", "Nothing", {"type": "object", "properties": {}})
CALLS = (ToolCall("toolu_1", "web.read", '{"url": "https://example.com/ü"}'), ToolCall("toolu_2", "wait", "{}"))
ON_THE_WIRE = (replace(CALLS[0], name="web_read"), CALLS[1])
OPENING = (Message("system", "Be brief."), Message("user", "What stands at example.com?"))
CONVERSATION = (
    *OPENING,
    Message("assistant", "I look.", CALLS),
    Message("tool", "A page.", tool_call_id="toolu_1"),
    Message("tool", "", tool_call_id="toolu_2"),
    Message("assistant", "It is a page."),
    Message("user", "Say it in one word — 一言で."),
)
REQUEST = ModelRequest(CONVERSATION, (READ, WAIT), max_output_tokens=300)
FIRST = replace(REQUEST, messages=OPENING)
USAGE = Usage(1000, 400, 50, 100)
BLOCKS = {"text": TextBlockParam, "tool_use": ToolUseBlockParam, "tool_result": ToolResultBlockParam}


async def no_wait(seconds: float) -> None:
    """Return at once."""


def openai_profile(base_url: str = "http://h/v1", **more: Any) -> Profile:
    return Profile("p", "openai", model="gpt-5-mini", base_url=base_url, attempts=1, **more)


def anthropic_profile(base_url: str = "http://h", **more: Any) -> Profile:
    return Profile("p", "anthropic", model="claude-haiku-5-5", base_url=base_url, attempts=1, **more)


def ask_openai(server: OpenAIServer, request: ModelRequest = REQUEST) -> ModelReply:
    model = OpenAIModel(openai_profile(server.base_url), api_key=KEY, sleep=no_wait, jitter=lambda: 0.0)
    return asyncio.run(model.complete(request))


def ask_anthropic(server: AnthropicServer, request: ModelRequest = REQUEST) -> ModelReply:
    model = AnthropicModel(anthropic_profile(server.base_url), api_key=KEY, sleep=no_wait, jitter=lambda: 0.0)
    return asyncio.run(model.complete(request))


@contextmanager
def official_openai(server: OpenAIServer, api_key: str = KEY) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=api_key, base_url=server.base_url, max_retries=0) as client:
        yield client


@contextmanager
def official_anthropic(server: AnthropicServer, api_key: str = KEY) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key=api_key, base_url=server.base_url, max_retries=0) as client:
        yield client


def as_typed(kind: Any, body: Mapping[str, Any]) -> Any:
    """Return the body as the client's own types read it; what they do not know is gone."""
    return _whole(TypeAdapter(kind).validate_python(body))


def _whole(value: Any) -> Any:
    """Return the value with everything read that is only checked while it is gone through."""
    if isinstance(value, Mapping):
        return {key: _whole(inner) for key, inner in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_whole(inner) for inner in value]
    return value


@pytest.mark.parametrize(
    "parameters", [{}, {"temperature": 0.2, "reasoning_effort": "low", "response_format": {"type": "json_object"}}]
)
@pytest.mark.parametrize("limit_field", ["max_tokens", "max_completion_tokens"])
def test_a_completions_body_is_what_the_client_has_types_for(parameters: dict[str, Any], limit_field: str) -> None:
    body = completions_body(openai_profile(parameters=parameters), REQUEST, limit_field)
    assert as_typed(CompletionCreateParamsNonStreaming, body) == body


@pytest.mark.parametrize("parameters", [{}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}])
def test_a_messages_body_is_what_the_client_has_types_for(parameters: dict[str, Any]) -> None:
    body = messages_body(anthropic_profile(parameters=parameters), REQUEST)
    # In one piece, with lists of lists of unions, this would be more than pydantic takes.
    outside = {**body, "messages": [], "system": [], "tools": []}
    assert as_typed(MessageCreateParamsNonStreaming, outside) == outside
    for tool in body["tools"]:
        assert as_typed(ToolParam, tool) == tool
    for message in body["messages"]:
        assert as_typed(MessageParam, {**message, "content": ""}) == {**message, "content": ""}
    for block in (*body["system"], *(block for message in body["messages"] for block in message["content"])):
        whole = {**block, "content": ""} if "content" in block else block
        assert as_typed(BLOCKS[block["type"]], whole) == whole
        for inner in block.get("content", []):
            assert as_typed(TextBlockParam, inner) == inner


def test_the_servers_know_every_argument_that_the_clients_know_and_no_other() -> None:
    assert set(get_type_hints(CompletionCreateParamsNonStreaming)) == openai_server.KNOWN_ARGUMENTS
    # The workspace goes as a header.
    assert set(get_type_hints(MessageCreateParamsNonStreaming)) - {"workspace_id"} == messages_rules.KNOWN_ARGUMENTS


def test_the_openai_client_sends_what_we_send() -> None:
    with OpenAIServer([openai_server.say("one"), openai_server.say("two")], api_key=KEY) as server:
        with official_openai(server) as client:
            client.chat.completions.create(**completions_body(openai_profile(), REQUEST))
        ask_openai(server)
        theirs, ours = server.requests

    assert theirs.body == ours.body
    for header in ("authorization", "content-type", "accept"):
        assert theirs.headers[header] == ours.headers[header]


def test_the_anthropic_client_sends_what_we_send() -> None:
    with AnthropicServer([anthropic_server.say("one"), anthropic_server.say("two")], api_key=KEY) as server:
        with official_anthropic(server) as client:
            client.messages.create(**messages_body(anthropic_profile(), REQUEST))
        ask_anthropic(server)
        theirs, ours = server.requests

    assert theirs.body == ours.body
    for header in ("anthropic-version", "content-type", "accept"):
        assert theirs.headers[header] == ours.headers[header]
    assert theirs.headers["anthropic-version"] == API_VERSION


@pytest.mark.parametrize(
    "answer",
    [
        openai_server.say("A page — ünï.", usage=USAGE),
        openai_server.say("cut", finish="length", usage=USAGE),
        openai_server.call_tools(*ON_THE_WIRE, text="I look.", usage=USAGE),
    ],
)
def test_the_openai_client_reads_what_we_read(answer: openai_server.ChatAnswer) -> None:
    with OpenAIServer([answer, answer]) as server:
        with official_openai(server) as client:
            theirs = client.chat.completions.create(**completions_body(openai_profile(), FIRST))
        ours = ask_openai(server, FIRST)

    ChatCompletion.model_validate(answer.body)
    said = theirs.choices[0].message
    assert theirs.usage is not None
    assert theirs.usage.prompt_tokens_details is not None
    details = theirs.usage.prompt_tokens_details
    assert (said.content or "") == ours.text
    called = [(call.id, call.function.name, call.function.arguments) for call in said.tool_calls or []]
    assert called == [(call.id, call.name.replace(".", "_"), call.arguments) for call in ours.tool_calls]
    assert ours.usage == Usage(
        theirs.usage.prompt_tokens,
        details.cached_tokens or 0,
        theirs.usage.completion_tokens,
        details.cache_write_tokens or 0,
    )


@pytest.mark.parametrize(
    "answer",
    [
        anthropic_server.say("A page — ünï.", usage=USAGE),
        anthropic_server.say("cut", stop="max_tokens", usage=USAGE),
        anthropic_server.say("thought of", usage=USAGE, thought="hm"),
        anthropic_server.call_tools(*ON_THE_WIRE, text="I look.", usage=USAGE),
        anthropic_server.refuse("That could do harm."),
    ],
)
def test_the_anthropic_client_reads_what_we_read(answer: anthropic_server.ChatAnswer) -> None:
    with AnthropicServer([answer, answer]) as server:
        with official_anthropic(server) as client:
            theirs = client.messages.create(**messages_body(anthropic_profile(), FIRST))
        ours = ask_anthropic(server, FIRST)

    AnthropicMessage.model_validate(answer.body)
    refusal = theirs.stop_details.explanation if theirs.stop_details else None
    assert (refusal or "".join(block.text for block in theirs.content if block.type == "text")) == ours.text
    called = [(block.id, block.name, block.input) for block in theirs.content if block.type == "tool_use"]
    assert called == [(call.id, call.name.replace(".", "_"), json.loads(call.arguments)) for call in ours.tool_calls]
    read, written = theirs.usage.cache_read_input_tokens or 0, theirs.usage.cache_creation_input_tokens or 0
    counted = Usage(theirs.usage.input_tokens + read + written, read, theirs.usage.output_tokens, written)
    assert ours.usage == counted


def test_a_conversation_goes_on_after_what_the_openai_client_was_answered() -> None:
    script = [openai_server.call_tools(*ON_THE_WIRE, text="I look."), openai_server.say("Done.")] * 2
    with OpenAIServer(script, api_key=KEY) as server:
        with official_openai(server) as client:
            body = completions_body(openai_profile(), FIRST)
            asked = client.chat.completions.create(**body).choices[0].message
            results = [{"role": "tool", "content": "page", "tool_call_id": call.id} for call in asked.tool_calls or []]
            said = asked.model_dump(exclude_unset=True)
            client.chat.completions.create(**{**body, "messages": [*body["messages"], said, *results]})
        reply = ask_openai(server, FIRST)
        ask_openai(server, _told(reply))
        theirs, ours = server.requests[1], server.requests[3]
    assert theirs.body == ours.body


def test_a_conversation_goes_on_after_what_the_anthropic_client_was_answered_thoughts_and_all() -> None:
    asking = anthropic_server.call_tools(*ON_THE_WIRE, text="I look.", thought="hm")
    script = [asking, anthropic_server.say("Done.")] * 2
    with AnthropicServer(script, api_key=KEY) as server:
        with official_anthropic(server) as client:
            body = messages_body(anthropic_profile(), FIRST)
            asked = client.messages.create(**body)
            results = [
                {"type": "tool_result", "tool_use_id": block.id, "content": [{"type": "text", "text": "page"}]}
                for block in asked.content
                if block.type == "tool_use"
            ]
            answered = [asked.to_param(), {"role": "user", "content": results}]
            client.messages.create(**{**body, "messages": [*body["messages"], *answered]})
        reply = ask_anthropic(server, FIRST)
        ask_anthropic(server, _told(reply))
        theirs, ours = server.requests[1], server.requests[3]
    assert theirs.body["messages"] == _without_marks(ours.body["messages"], like=theirs.body["messages"])


@pytest.mark.parametrize(
    ("status", "theirs", "ours"),
    [
        (400, openai.BadRequestError, "rejected"),
        (401, openai.AuthenticationError, "auth"),
        (403, openai.PermissionDeniedError, "auth"),
        (404, openai.NotFoundError, "rejected"),
        (429, openai.RateLimitError, "rate_limit"),
        (500, openai.InternalServerError, "overload"),
    ],
)
def test_the_openai_client_calls_errors_by_the_same_names(
    status: int, theirs: type[openai.APIStatusError], ours: FailureKind
) -> None:
    with OpenAIServer(lambda _: openai_server.fail(status, "what is wrong")) as server:
        with official_openai(server) as client, pytest.raises(theirs, match="what is wrong"):
            client.chat.completions.create(**completions_body(openai_profile(), FIRST))
        with pytest.raises((OwnerError, TransientError), match="what is wrong") as caught:
            ask_openai(server, FIRST)
    assert caught.value.failure == ours


@pytest.mark.parametrize(
    ("answer", "theirs", "ours"),
    [
        (anthropic_server.fail(400, "what is wrong"), anthropic.BadRequestError, "rejected"),
        (anthropic_server.fail(401, "what is wrong"), anthropic.AuthenticationError, "auth"),
        (anthropic_server.fail(403, "what is wrong"), anthropic.PermissionDeniedError, "auth"),
        (anthropic_server.fail(404, "what is wrong"), anthropic.NotFoundError, "rejected"),
        (anthropic_server.fail(413, "what is wrong"), anthropic.APIStatusError, "context"),
        (anthropic_server.limit_rate(), anthropic.RateLimitError, "rate_limit"),
        (anthropic_server.fail(500, "what is wrong"), anthropic.InternalServerError, "overload"),
        (anthropic_server.overload(), anthropic.InternalServerError, "overload"),
    ],
)
def test_the_anthropic_client_calls_errors_by_the_same_names(
    answer: anthropic_server.ChatAnswer, theirs: type[anthropic.APIStatusError], ours: FailureKind
) -> None:
    with AnthropicServer(lambda _: answer) as server:
        with official_anthropic(server) as client, pytest.raises(theirs):
            client.messages.create(**messages_body(anthropic_profile(), FIRST))
        with pytest.raises((OwnerError, TransientError, LimitReached)) as caught:
            ask_anthropic(server, FIRST)
    assert caught.value.failure == ours


def test_a_wrong_key_is_refused_to_the_clients_and_to_us_alike() -> None:
    with OpenAIServer([], api_key="right") as server:
        with official_openai(server) as client, pytest.raises(openai.AuthenticationError):
            client.chat.completions.create(**completions_body(openai_profile(), FIRST))
        with pytest.raises(OwnerError):
            ask_openai(server, FIRST)
    with AnthropicServer([], api_key="right") as messages_server:
        with official_anthropic(messages_server) as messages_client, pytest.raises(anthropic.AuthenticationError):
            messages_client.messages.create(**messages_body(anthropic_profile(), FIRST))
        with pytest.raises(OwnerError):
            ask_anthropic(messages_server, FIRST)


def _told(reply: ModelReply) -> ModelRequest:
    asked = Message("assistant", reply.text, reply.tool_calls, thinking=reply.thinking)
    results = [Message("tool", "page", tool_call_id=call.id) for call in reply.tool_calls]
    return replace(FIRST, messages=(*OPENING, asked, *results))


def _without_marks(ours: Any, like: Any) -> Any:
    """Return our messages with the marks that theirs have: which ones are set moves on from call to call."""
    return [
        {
            **message,
            "content": [
                block if "cache_control" in other else {k: v for k, v in block.items() if k != "cache_control"}
                for block, other in zip(message["content"], model["content"], strict=True)
            ],
        }
        for message, model in zip(ours, like, strict=True)
    ]
