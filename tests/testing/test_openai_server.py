"""The scripted endpoint, asked over real HTTP by the standard library's client."""

import http.client
import json
import socket
import struct
import subprocess
import sys
import threading
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.domain.message import ToolCall, Usage
from harness.testing.openai_server import (
    ChatRequest,
    OpenAIServer,
    call_tools,
    cut_connection,
    delay,
    drip,
    exceed_context,
    fail,
    filter_out,
    garble,
    limit_rate,
    refuse,
    say,
)

BODY = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
CALL = {"id": "call_1", "type": "function", "function": {"name": "read", "arguments": "{}"}}


def post(
    server: OpenAIServer, body: Any = BODY, *, path: str = "/chat/completions", key: str = ""
) -> tuple[int, dict[str, str], Any]:
    address = urlsplit(server.base_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request("POST", address.path + path, json.dumps(body), {"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        content = response.read()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, json.loads(content)
    finally:
        connection.close()


def test_scripted_answers_come_in_order_and_requests_are_kept() -> None:
    with OpenAIServer([say("one"), say("two", usage=Usage(7, 3, 2))]) as server:
        first, second = post(server)[2], post(server, key="k")[2]

    assert [body["choices"][0]["message"]["content"] for body in (first, second)] == ["one", "two"]
    assert second["usage"]["prompt_tokens"] == 7
    assert second["usage"]["prompt_tokens_details"] == {"cached_tokens": 3}
    assert [request.body for request in server.requests] == [BODY, BODY]
    assert server.requests[1].headers["authorization"] == "Bearer k"


def test_server_that_keeps_nothing_answers_all_the_same() -> None:
    with OpenAIServer(lambda request: say(str(request.body["messages"][0]["content"])), is_keeping=False) as server:
        answered = post(server)[2]

    assert answered["choices"][0]["message"]["content"] == "hello"
    assert server.requests == ()


def test_a_function_answers_by_what_it_is_asked() -> None:
    def echo(request: ChatRequest) -> Any:
        return say(request.messages[-1]["content"])

    with OpenAIServer(echo) as server:
        assert post(server)[2]["choices"][0]["message"]["content"] == "hello"


def test_a_function_that_raises_is_not_forgotten() -> None:
    def broken(request: ChatRequest) -> Any:
        raise KeyError("oh")

    with pytest.raises(KeyError, match="oh"), OpenAIServer(broken) as server:
        assert post(server)[0] == 400


def test_a_used_up_script_answers_400_and_says_so() -> None:
    with OpenAIServer([]) as server:
        status, _, body = post(server)

    assert status == 400
    assert "no further answer" in body["error"]["message"]


def test_tool_calls_are_sent_as_scripted_also_without_id() -> None:
    broken = {"type": "function", "function": {"name": "read", "arguments": '{"a'}}
    with OpenAIServer([call_tools(ToolCall("call_1", "read", "{}"), broken)]) as server:
        choice = post(server)[2]["choices"][0]

    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"] == [CALL, broken]


def test_a_rate_limit_carries_the_header_as_given() -> None:
    with OpenAIServer([limit_rate("7"), limit_rate(date="Sun, 01 Mar 2026 08:00:00 GMT")]) as server:
        status, headers, body = post(server)
        dated = post(server)[1]

    assert (status, headers["retry-after"], body["error"]["code"]) == (429, "7", "rate_limit_exceeded")
    assert dated["date"] == "Sun, 01 Mar 2026 08:00:00 GMT"
    assert "retry-after" not in dated


def test_errors_and_refusals_have_the_shape_that_endpoints_use() -> None:
    with OpenAIServer([fail(500), exceed_context(), filter_out(), refuse("I will not")]) as server:
        failed, too_long, filtered, refused = (post(server) for _ in range(4))

    assert failed[0] == 500
    assert (too_long[0], too_long[2]["error"]["code"]) == (400, "context_length_exceeded")
    assert filtered[2]["choices"][0]["finish_reason"] == "content_filter"
    assert refused[2]["choices"][0]["message"]["refusal"] == "I will not"


def test_a_cut_connection_ends_within_the_promised_body() -> None:
    with OpenAIServer([cut_connection()]) as server, pytest.raises(http.client.IncompleteRead):
        post(server)


def test_a_malformed_body_is_no_json() -> None:
    with OpenAIServer([garble()]) as server, pytest.raises(json.JSONDecodeError):
        post(server)


def test_a_request_without_the_key_is_refused_and_uses_up_no_answer() -> None:
    with OpenAIServer([say("welcome")], api_key="right") as server:
        assert post(server, key="wrong")[0] == 401
        assert post(server, key="right")[2]["choices"][0]["message"]["content"] == "welcome"


def test_another_path_is_not_found() -> None:
    with OpenAIServer([say("hello")]) as server:
        assert post(server, path="/completions")[0] == 404


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [CALL]}],
        [{"role": "assistant", "tool_calls": [CALL]}, {"role": "user", "content": "a"}],
        [{"role": "user", "content": "a"}, {"role": "tool", "tool_call_id": "call_1", "content": ""}],
    ],
)
def test_a_conversation_with_an_unanswered_or_unknown_tool_call_is_refused(messages: list[Any]) -> None:
    with OpenAIServer([say("hello")]) as server:
        assert post(server, {"model": "m", "messages": messages})[0] == 400


def test_an_argument_that_nobody_knows_is_refused() -> None:
    with OpenAIServer([say("hello")]) as server:
        status, _, answer = post(server, {**BODY, "temprature": 1})
    assert (status, answer["error"]["message"]) == (400, "Unrecognized request argument supplied: temprature")


def test_a_tool_name_with_a_dot_is_refused_as_real_endpoints_do() -> None:
    tool = {"type": "function", "function": {"name": "web.read", "parameters": {}}}
    with OpenAIServer([say("hello")]) as server:
        assert post(server, {**BODY, "tools": [tool]})[0] == 400


def test_a_delayed_answer_comes_when_the_server_closes_at_the_latest() -> None:
    answers: list[Any] = []
    with OpenAIServer([delay(say("at last"), None)]) as server:
        asking = threading.Thread(target=lambda: answers.append(post(server)))
        asking.start()
        server.wait_for(1)
        assert answers == []
    asking.join(timeout=10)

    assert answers[0][2]["choices"][0]["message"]["content"] == "at last"


def test_a_dripping_answer_is_whole_in_the_end() -> None:
    with OpenAIServer([drip(say("drop by drop"), 0.0001)]) as server:
        assert post(server)[2]["choices"][0]["message"]["content"] == "drop by drop"


def test_waiting_for_a_request_that_never_comes_ends() -> None:
    with OpenAIServer([]) as server, pytest.raises(TimeoutError, match="0 of 1"):
        server.wait_for(1, timeout_s=0.01)


def test_closing_does_not_wait_for_a_client_that_keeps_its_connection_open() -> None:
    with OpenAIServer([say("hello")]) as server:
        address = urlsplit(server.base_url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
        connection.request("POST", f"{address.path}/chat/completions", json.dumps(BODY))
        connection.getresponse().read()
    connection.close()


def test_a_client_that_goes_away_in_the_middle_makes_no_noise(capfd: pytest.CaptureFixture[str]) -> None:
    with OpenAIServer(lambda _: delay(say("too late"), None)) as server:
        address = urlsplit(server.base_url)
        for count, unread in enumerate((b"", b"POST /v1"), start=1):
            with socket.create_connection((address.hostname, address.port or 0), timeout=10) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, as kill -9
                body = json.dumps(BODY).encode()
                head = f"POST {address.path}/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
                client.sendall(head.encode() + body + unread)
                server.wait_for(count)
    assert capfd.readouterr().err == ""


def test_another_process_can_ask_and_is_counted() -> None:
    program = (
        "import sys, urllib.request as r; "
        "print(r.build_opener(r.ProxyHandler({})).open(sys.argv[1], data=sys.argv[2].encode(), timeout=10).status)"
    )
    with OpenAIServer([say("hello")]) as server:
        command = [sys.executable, "-c", program, f"{server.base_url}/chat/completions", json.dumps(BODY)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)

    assert done.stdout.strip() == "200"
    assert len(server.requests) == 1


def test_a_long_request_is_counted_as_one_where_the_script_gives_no_count() -> None:
    long = {**BODY, "messages": [{"role": "user", "content": "word " * 1_000}]}
    with OpenAIServer([say("hello"), say("word " * 500), say("hello", usage=Usage(7, 0, 2))]) as server:
        asked, said, told = (post(server, long)[2]["usage"] for _ in range(3))

    assert asked["prompt_tokens"] > 1_000
    assert asked["completion_tokens"] == 20
    assert said["completion_tokens"] > 500
    assert said["total_tokens"] == said["prompt_tokens"] + said["completion_tokens"]
    assert told["prompt_tokens"] == 7
