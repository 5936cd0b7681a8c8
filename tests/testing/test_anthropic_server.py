"""The scripted Messages endpoint, asked over real HTTP by the standard library's client."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.domain.message import ToolCall, Usage
from harness.testing.anthropic_server import (
    AnthropicServer,
    call_tools,
    exceed_context,
    fail,
    limit_rate,
    overload,
    pause,
    refuse,
    say,
)

MARK = {"type": "ephemeral"}
HELLO = {"role": "user", "content": "hello"}
USE = {"type": "tool_use", "id": "t1", "name": "read", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "page"}
BODY = {"model": "m", "max_tokens": 100, "messages": [HELLO]}
VERSION = {"anthropic-version": "2026-10-21"}


def post(
    server: AnthropicServer, body: Any = BODY, *, headers: dict[str, str] = VERSION, path: str = "/v1/messages"
) -> tuple[int, dict[str, str], Any]:
    address = urlsplit(server.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        content = response.read()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, json.loads(content)
    finally:
        connection.close()


def refusal_of(body: Any, version: str = "2026-10-21") -> str:
    with AnthropicServer([say("taken")]) as server:
        status, _, answer = post(server, body, headers={"anthropic-version": version})
    if status == 200:
        return ""
    assert (status, answer["type"], answer["error"]["type"]) == (400, "error", "invalid_request_error")
    return str(answer["error"]["message"])


def talk(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**BODY, "messages": [*messages], **more}


def says(*blocks: dict[str, Any], role: str = "assistant") -> dict[str, Any]:
    return {"role": role, "content": [*blocks]}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def tool(name: str = "read", **more: Any) -> dict[str, Any]:
    return {"name": name, "input_schema": {"type": "object"}, **more}


def test_answers_have_the_shape_of_a_message() -> None:
    with AnthropicServer(
        [say("one", usage=Usage(10, 4, 2, 3)), call_tools(ToolCall("t1", "read", '{"a": 1}')), pause("p"), refuse("no")]
    ) as server:
        one, calls, paused, refused = (post(server)[2] for _ in range(4))

    assert (one["content"], one["stop_reason"]) == ([text("one")], "end_turn")
    assert one["usage"] == {
        "input_tokens": 3, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 2,
    }  # fmt: skip
    assert calls["content"] == [{"type": "tool_use", "id": "t1", "name": "read", "input": {"a": 1}}]
    assert (calls["stop_reason"], paused["stop_reason"]) == ("tool_use", "pause_turn")
    assert (refused["stop_reason"], refused["stop_details"]["explanation"]) == ("refusal", "no")


def test_errors_have_the_shape_of_an_error() -> None:
    with AnthropicServer([overload(), limit_rate("7"), exceed_context(), fail(500)]) as server:
        answers = [post(server) for _ in range(4)]

    assert [(status, body["error"]["type"]) for status, _, body in answers] == [
        (529, "overloaded_error"),
        (429, "rate_limit_error"),
        (400, "invalid_request_error"),
        (500, "api_error"),
    ]
    assert answers[1][1]["retry-after"] == "7"
    assert all(body["type"] == "error" and body["request_id"] for _, _, body in answers)


def test_a_key_is_taken_from_either_header_and_refused_if_it_is_another() -> None:
    with AnthropicServer(lambda _: say("hi"), api_key="right") as server:
        tried = [{"x-api-key": "right"}, {"authorization": "Bearer right"}, {"x-api-key": "wrong"}, {}]
        answers = [post(server, headers=VERSION | given) for given in tried]
    assert [status for status, _, _ in answers] == [200, 200, 401, 401]
    assert answers[2][2]["error"]["type"] == "authentication_error"


def test_another_path_and_a_missing_version_are_refused() -> None:
    with AnthropicServer([say("hi")]) as server:
        assert post(server, path="/v1/complete")[0] == 404
        assert "anthropic-version" in post(server, headers={})[2]["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        talk(HELLO, says(USE), says(RESULT, text("and?"), role="user"), tools=[tool()], system="Be brief."),
        talk(HELLO, says(text("hi"), USE), says({**RESULT, "content": [text("page")], "is_error": True}, role="user")),
        talk(HELLO, system=[text("Be brief.", cache_control={"type": "ephemeral", "ttl": "1h"})]),
        {**BODY, "thinking": {"type": "adaptive"}, "metadata": {"user_id": "u"}},
    ],
)
def test_what_the_real_api_takes_is_taken(body: Any) -> None:
    assert refusal_of(body) == ""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": "m", "messages": [HELLO]}, "max_tokens: Field required"),
        ({"max_tokens": 1, "messages": [HELLO]}, "model: Field required"),
        (talk(), "at least one message"),
        (talk(HELLO, foo=1), "foo: Extra inputs are not permitted"),
        (talk(HELLO, temperature=1), "temperature: Extra inputs are not permitted"),
        (talk(HELLO, max_tokens=0), "max_tokens: Input should be greater"),
        (talk({**HELLO, "name": "x"}), "nothing else is permitted"),
        (talk({"role": "system", "content": "x"}), 'Unexpected role "system"'),
        (talk(says(text("hi"))), 'first message must use the "user" role'),
        (talk(HELLO, HELLO), 'multiple "user" roles in a row'),
        (talk({"role": "user", "content": ""}), "text content blocks must be non-empty"),
        (talk({"role": "user", "content": []}), "must have non-empty content"),
        (talk(says(text(" \n"), role="user")), "must contain non-whitespace text"),
        (talk(says(text("", cache_control=MARK), role="user")), "cache_control cannot be set for empty text blocks"),
        (talk(says(text("x", extra=1), role="user")), "text.extra: Extra inputs are not permitted"),
        (talk(says({"type": "text"}, role="user")), "text.text: Field required"),
        (talk(says(USE, role="user")), "Input tag 'tool_use'"),
        (talk(HELLO, says(RESULT)), "Input tag 'tool_result'"),
        (talk(HELLO, says(USE)), "`tool_use` ids were found without `tool_result` blocks immediately after: t1"),
        (talk(HELLO, says(USE), says(text("x"), RESULT, role="user")), "without `tool_result` blocks immediately"),
        (talk(says(RESULT, role="user")), "unexpected `tool_use_id` found in `tool_result` blocks: t1"),
        (talk(HELLO, says(USE, USE), says(RESULT, role="user")), "ids must be unique"),
        (talk(HELLO, says({**USE, "id": "a.b"})), "String should match pattern"),
        (talk(HELLO, says({**USE, "input": "{}"})), "Input should be a valid dictionary"),
        (talk(HELLO, says({"type": "thinking", "thinking": "hm", "signature": "s"})), "Invalid `signature`"),
        (talk(HELLO, tools=[tool("web.read")]), "name: String should match pattern"),
        (talk(HELLO, tools=[tool(), tool()]), "Tool names must be unique"),
        (talk(HELLO, tools=[{"name": "read", "input_schema": {}}]), "input_schema.type: Field required"),
        (talk(HELLO, tools=[tool(parameters={})]), "parameters: Extra inputs are not permitted"),
        (talk(HELLO, tools=[tool(str(n), cache_control=MARK) for n in range(5)]), "maximum of 4 blocks"),
        (talk(HELLO, tools=[tool(cache_control={"type": "forever"})]), "cache_control: Input should be"),
    ],
)
def test_what_the_real_api_refuses_is_refused_in_its_words(body: Any, said: str) -> None:
    assert said in refusal_of(body)


def test_what_a_version_took_away_is_there_in_the_one_before() -> None:
    assert refusal_of(talk(HELLO, temperature=1), "2023-06-01") == ""


def test_a_long_request_is_counted_as_one_where_the_script_gives_no_count() -> None:
    long = talk({"role": "user", "content": "word " * 1_000})
    with AnthropicServer([say("hello"), say("word " * 500), say("hello", usage=Usage(7, 0, 2))]) as server:
        asked, said, told = (post(server, long)[2]["usage"] for _ in range(3))

    assert asked["input_tokens"] > 1_000
    assert said["output_tokens"] > 500
    assert told["input_tokens"] == 7
