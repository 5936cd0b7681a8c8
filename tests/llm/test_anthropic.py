"""The Anthropic adapter against a real server that refuses what the real API refuses."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import chain, repeat
from typing import Any

import pytest

from harness.domain.errors import FailureKind, LimitReached, OwnerError, TransientError
from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from harness.domain.settings import Profile
from harness.domain.tokens import estimate_request_tokens
from harness.llm.anthropic import AnthropicModel
from harness.llm.connections import Connections
from harness.llm.http_chat import MAX_BODY_BYTES
from harness.ports import ChatModel
from harness.testing.anthropic_server import (
    AnthropicServer,
    ChatAnswer,
    ChatRequest,
    call_tools,
    cut_connection,
    delay,
    drip,
    drop_connection,
    exceed_context,
    fail,
    garble,
    limit_rate,
    overload,
    pause,
    refuse,
    say,
)

UNREADABLE = ChatAnswer({"content": "no list", "usage": {"input_tokens": 60, "output_tokens": 10}})
KEY = "sk-ant-test-0123456789"
READ = ToolSchema("web.read", "A page as text", {"type": "object"})
REQUEST = ModelRequest((Message("system", "Be brief."), Message("user", "Hello")), (READ,), key="run/model-1")
CALL = ToolCall("toolu_1", "web_read", '{"url": "u"}')


class Waits:
    """A sleep that takes no time and remembers what it was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def profile_for(server: AnthropicServer, **more: Any) -> Profile:
    prices = {"input_usd_per_mtok": 1.0, "cached_usd_per_mtok": 0.1, "output_usd_per_mtok": 5.0}
    given = {"timeout_s": 10.0, "attempts": 3, "key_env": "CLAUDE_KEY", **prices, **more}
    return Profile("claude", "anthropic", model="claude-small-1", base_url=server.base_url, **given)


def model_for(server: AnthropicServer, *, waits: Waits | None = None, **more: Any) -> ChatModel:
    profile = profile_for(server, **more)
    connections = Connections()
    return AnthropicModel(profile, api_key=KEY, sleep=waits or Waits(), jitter=lambda: 0.0, connections=connections)


def ask(server: AnthropicServer, request: ModelRequest = REQUEST, **more: Any) -> ModelReply:
    return asyncio.run(model_for(server, **more).complete(request))


def told(reply: ModelReply, *results: str) -> ModelRequest:
    """The request that goes on after the reply, with a result for each of its calls."""
    answers = [
        Message("tool", content, tool_call_id=call.id) for call, content in zip(reply.tool_calls, results, strict=True)
    ]
    asked = Message("assistant", reply.text, reply.tool_calls, thinking=reply.thinking)
    return replace(REQUEST, messages=(*REQUEST.messages, asked, *answers))


def test_an_answer_comes_with_its_tokens_its_price_and_the_models_name() -> None:
    with AnthropicServer([say("Hi!", usage=Usage(1000, 400, 50, 100))], api_key=KEY) as server:
        reply = ask(server)

    assert (reply.text, reply.model, reply.finish, reply.profile) == ("Hi!", "claude-small-1", "stop", "claude")
    assert reply.usage == Usage(1000, 400, 50, 100)
    assert reply.cost_usd == pytest.approx((500 + 40 + 125 + 250) / 1e6)


def test_key_version_and_idempotency_key_are_headers() -> None:
    with AnthropicServer([say("Hi!")], api_key=KEY) as server:
        ask(server)

    headers = server.requests[0].headers
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["idempotency-key"] == "run/model-1"
    assert "authorization" not in headers


def test_a_conversation_with_parallel_calls_is_taken_by_a_server_that_refuses_what_is_not_paired() -> None:
    second = replace(CALL, id="toolu_2")
    with AnthropicServer([call_tools(CALL, second, text="I look."), say("Done.")]) as server:
        asked = ask(server)
        reply = ask(server, told(asked, "", "page 2"))

    assert asked.tool_calls == (replace(CALL, name="web.read"), replace(second, name="web.read"))
    assert reply.text == "Done."
    assert server.requests[1].body["messages"][2]["content"][0] == {"type": "tool_result", "tool_use_id": "toolu_1"}


def test_thoughts_are_taken_back_by_a_server_that_knows_its_own() -> None:
    with AnthropicServer([call_tools(CALL, thought="hm"), say("Done.")]) as server:
        asked = ask(server)
        assert ask(server, told(asked, "page")).text == "Done."
    assert server.requests[1].body["messages"][1]["content"][0]["thinking"] == "hm"


def test_thoughts_that_are_not_taken_back_are_left_out_at_once_and_from_then_on() -> None:
    with AnthropicServer([call_tools(CALL, thought="hm"), say("Done."), say("Again.")]) as server:
        asked = ask(server)
        changed = replace(asked, thinking=asked.thinking.replace('\\"hm', '\\"ha').replace('"hm"', '"ha"'))
        model, waits = model_for(server, attempts=1), told(changed, "page")
        replies = [asyncio.run(model.complete(waits)).text for _ in range(2)]

    assert replies == ["Done.", "Again."]
    sent = [[block["type"] for block in request.body["messages"][1]["content"]] for request in server.requests[1:]]
    assert sent == [["thinking", "tool_use"], ["tool_use"], ["tool_use"]]


def test_an_answer_that_the_provider_broke_off_is_taken_to_its_end_and_counted_whole() -> None:
    with AnthropicServer([pause("First, "), pause("second, "), say("third.")], api_key=KEY) as server:
        reply = ask(server)

    assert (reply.text, reply.finish, reply.usage) == ("First, second, third.", "stop", Usage(300, 0, 60))
    assert [entry["role"] for entry in server.requests[1].body["messages"]] == ["user", "assistant"]
    keys = [request.headers["idempotency-key"] for request in server.requests]
    assert len(set(keys)) == 3


def test_a_provider_that_never_comes_to_the_end_is_asked_a_few_times_and_no_more() -> None:
    def forever(request: ChatRequest) -> ChatAnswer:
        return pause(f"{len(request.messages)} ")

    with AnthropicServer(forever) as server:
        reply = ask(server)
    assert (reply.finish, len(server.requests)) == ("length", 8)


def test_the_pieces_of_an_answer_use_no_more_together_than_is_set_aside_for_one_call() -> None:
    request = replace(REQUEST, max_output_tokens=400)
    counted = Usage(80, 0, 50)

    def forever(request: ChatRequest) -> ChatAnswer:
        return pause(f"{len(request.messages)} ", usage=counted)

    with AnthropicServer(forever) as server:
        reply = ask(server, request)
    most = estimate_request_tokens(request.messages, request.tools) + 400
    assert 1 < len(server.requests) < 8
    assert reply.usage.input_tokens + reply.usage.output_tokens <= most
    allowed = [one.body["max_tokens"] for one in server.requests]
    assert allowed == sorted(allowed, reverse=True), "each may write what is left"
    assert allowed[-1] + reply.usage.input_tokens + reply.usage.output_tokens - 50 <= most


@pytest.mark.parametrize(
    ("failure", "counted"), [(fail(500), 120), (fail(401), 120), (UNREADABLE, 190), (limit_rate("600"), 120)]
)
def test_what_was_written_before_a_piece_failed_is_the_answer_and_is_paid_for(
    failure: ChatAnswer, counted: int
) -> None:
    with AnthropicServer([pause("First,"), failure]) as server:
        reply = ask(server)
    assert (reply.text, reply.finish) == ("First,", "length")
    assert reply.usage.input_tokens + reply.usage.output_tokens == counted
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("failure", "named", "kind"),
    [
        (fail(500), "HTTP 500", "overload"),
        (overload(), "HTTP 529", "overload"),
        (fail(504), "HTTP 504", "network"),
        (limit_rate(), "HTTP 429", "rate_limit"),
        (cut_connection(), "connection cut", "network"),
        (drop_connection(), "connection cut", "network"),
        (garble(), "malformed body", "malformed"),
        (garble(b"[" * 100_000), "malformed body", "malformed"),
        (garble(b" " * (MAX_BODY_BYTES + 1)), "malformed body", "malformed"),
        (ChatAnswer({"content": "no list"}), "malformed body", "malformed"),
        (ChatAnswer(fail(529, "Overloaded").body), "HTTP 502", "overload"),
    ],
)
def test_a_passing_failure_is_retried_and_named_when_it_does_not_pass(
    failure: ChatAnswer, named: str, kind: FailureKind
) -> None:
    with AnthropicServer([failure, say("better now")]) as server:
        assert ask(server).text == "better now"
    with (
        AnthropicServer(lambda _: failure) as server,
        pytest.raises(TransientError, match=rf"{named} \(3x\)") as caught,
    ):
        ask(server)
    assert (len(server.requests), caught.value.failure) == (3, kind)


@pytest.mark.parametrize("answer", [delay(say("too late"), None), drip(say("slowly"), 0.05)])
def test_an_answer_that_does_not_come_in_time_is_retried(answer: ChatAnswer) -> None:
    # On a busy machine a good answer may be late as well, and is then asked for again.
    with AnthropicServer(chain([answer], repeat(say("in time")))) as server:
        assert ask(server, timeout_s=0.5, attempts=20).text == "in time"


def test_a_storm_of_limits_is_waited_out_as_long_as_was_asked_and_given_up_in_the_end() -> None:
    waits = Waits()
    with (
        AnthropicServer(lambda _: limit_rate("7")) as server,
        pytest.raises(TransientError, match=r"HTTP 429 \(5x\)") as caught,
    ):
        ask(server, waits=waits, attempts=5)
    assert waits.seconds == [7.0, 7.0, 7.0, 8.0]
    assert (caught.value.failure, caught.value.retry_after_s) == ("rate_limit", 7.0)


@pytest.mark.parametrize(
    ("answer", "kind", "fix"),
    [
        (fail(401, "invalid x-api-key"), "auth", "put a valid key into CLAUDE_KEY"),
        (fail(403, "no permission"), "auth", "give that key access"),
        (fail(404, "model: claude-small-1"), "rejected", "correct base_url and model"),
        (fail(400, "temperature: Extra inputs are not permitted"), "rejected", "what stands under parameters"),
        (fail(402, "no credit"), "quota", "add credit"),
        (fail(400, "Your credit balance is too low to access the Anthropic API."), "quota", "add credit"),
        (ChatAnswer({}, 308, {"Location": "https://new.example/"}), "rejected", "redirects: https://new.example/"),
    ],
)
def test_what_only_the_person_can_fix_is_said_at_once_with_the_fix(
    answer: ChatAnswer, kind: FailureKind, fix: str
) -> None:
    with AnthropicServer([answer]) as server, pytest.raises(OwnerError, match=fix) as caught:
        ask(server, parameters={"temperature": 1} if "temperature" in str(answer.body) else {})
    assert (caught.value.failure, len(server.requests)) == (kind, 1)


def test_a_parameter_that_the_version_took_away_can_be_sent_with_an_older_version() -> None:
    with AnthropicServer([say("warm")]) as server:
        with pytest.raises(OwnerError, match="temperature: Extra inputs are not permitted"):
            ask(server, parameters={"temperature": 0.5})
        assert ask(server, parameters={"temperature": 0.5, "anthropic_version": "2023-06-01"}).text == "warm"


@pytest.mark.parametrize("answer", [exceed_context(), fail(413, "Request exceeds the maximum size")])
def test_a_request_that_is_too_long_reaches_the_context_limit_at_once(answer: ChatAnswer) -> None:
    with AnthropicServer([answer]) as server, pytest.raises(LimitReached) as caught:
        ask(server)
    assert (caught.value.limit, caught.value.failure, len(server.requests)) == ("context", "context", 1)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (refuse("That could do harm."), "That could do harm."),
        (fail(400, "Output blocked by content filtering policy"), "Output blocked by content filtering policy"),
    ],
)
def test_a_refusal_is_a_reply_and_is_not_retried(answer: ChatAnswer, text: str) -> None:
    with AnthropicServer([answer]) as server:
        reply = ask(server)
    assert (reply.finish, reply.text, len(server.requests)) == ("refused", text, 1)


@pytest.mark.parametrize(
    "script",
    [
        lambda request: fail(401, f"you sent {request.headers['x-api-key']}"),
        lambda request: fail(500, f"you sent {request.headers['x-api-key']}"),
        lambda request: ChatAnswer({}, 307, {"Location": f"https://h.example/?key={KEY}"}),
    ],
)
def test_no_error_shows_the_key_also_where_the_endpoint_repeats_it(
    script: Callable[[ChatRequest], ChatAnswer],
) -> None:
    with AnthropicServer(script) as server, pytest.raises((OwnerError, TransientError)) as caught:
        ask(server)
    assert KEY[:9] not in str(caught.value)


@pytest.mark.parametrize(
    ("usage", "booked"),
    [
        (Usage(10**12, 0, 5), 128_000),
        (Usage(0, 0, 5), None),
        (Usage(-5, 0, 5), None),
        (Usage(1, 0, 5), None),
    ],
)
def test_counts_that_cannot_be_true_are_not_booked_and_said_in_the_log(
    usage: Usage, booked: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    request = replace(REQUEST, messages=(Message("user", "word " * 500),))
    with AnthropicServer([say("Hi!", usage=usage)]) as server, caplog.at_level(logging.WARNING, "harness.llm"):
        reply = ask(server, request)

    assert reply.usage.input_tokens == booked if booked else reply.usage.input_tokens > 500
    assert "run/model-1: profile 'claude' counted" in caplog.text


def test_the_body_that_is_sent_is_the_same_bytes_for_the_same_request() -> None:
    with AnthropicServer([say("a"), say("b")]) as server:
        ask(server)
        ask(server)
    assert json.dumps(server.requests[0].body) == json.dumps(server.requests[1].body)
