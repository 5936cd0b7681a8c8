"""The OpenAI-compatible adapter against a real server."""

import asyncio
import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import chain, repeat

import pytest

from harness.domain.errors import LimitReached, OwnerError, TransientError
from harness.domain.message import Message, ModelReply, ModelRequest, Spent, ToolCall, ToolSchema, Usage
from harness.domain.settings import Profile
from harness.llm.http_chat import MAX_BODY_BYTES
from harness.llm.openai import OpenAIModel
from harness.ports import ChatModel
from harness.testing.openai_server import (
    ChatAnswer,
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

UNREADABLE = ChatAnswer({"choices": [], "usage": {"prompt_tokens": 900, "completion_tokens": 100}})
KEY = "sk-test-0123456789"
ENDLESS = gzip.compress(json.dumps(say("Hi").body).encode() + b" " * MAX_BODY_BYTES)
READ = ToolSchema("web.read", "A page as text", {"type": "object"})
REQUEST = ModelRequest((Message("user", "Hello"),), (READ,))


class Waits:
    """A sleep that takes no time and remembers what it was asked for."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def profile_for(base_url: str, *, timeout_s: float = 10.0, attempts: int = 4) -> Profile:
    return Profile(
        "cheap", "openai", model="small-1", base_url=base_url, key_env="CHEAP_KEY", input_usd_per_mtok=1.0,
        cached_usd_per_mtok=0.1, output_usd_per_mtok=4.0, timeout_s=timeout_s, attempts=attempts,
    )  # fmt: skip


def ask(
    profile: Profile, request: ModelRequest = REQUEST, *, api_key: str | None = KEY, waits: Waits | None = None
) -> ModelReply:
    model: ChatModel = OpenAIModel(profile, api_key=api_key, sleep=waits or Waits(), jitter=lambda: 0.0)
    return asyncio.run(model.complete(request))


def test_what_was_paid_for_an_answer_that_is_none_is_part_of_the_next_one() -> None:
    with OpenAIServer([UNREADABLE, say("Hi!", usage=Usage(1000, 400, 50))], api_key=KEY) as server:
        reply = ask(profile_for(server.base_url))
    assert (reply.text, reply.usage) == ("Hi!", Usage(1900, 400, 150))
    assert reply.cost_usd == pytest.approx((600 + 40 + 200 + 900 + 400) / 1e6)


def test_what_is_paid_for_and_is_no_answer_is_tried_again_once_and_told() -> None:
    with OpenAIServer(lambda _: UNREADABLE) as server, pytest.raises(TransientError, match=r"\(2x\)") as caught:
        ask(profile_for(server.base_url))
    assert len(server.requests) == 2
    assert caught.value.paid == Spent(Usage(1800, 0, 200), (1800 + 800) / 1e6)
    with OpenAIServer([UNREADABLE, fail(401)]) as server, pytest.raises(OwnerError) as refused:
        ask(profile_for(server.base_url))
    assert refused.value.paid is not None and refused.value.paid.usage == Usage(900, 0, 100)


def test_an_answer_comes_with_its_tokens_its_price_and_the_models_name() -> None:
    with OpenAIServer([say("Hi!", usage=Usage(1000, 400, 50))], api_key=KEY) as server:
        reply = ask(profile_for(server.base_url))

    assert (reply.text, reply.model, reply.finish) == ("Hi!", "small-1", "stop")
    assert reply.usage == Usage(1000, 400, 50)
    assert reply.cost_usd == pytest.approx((600 + 40 + 200) / 1e6)


def test_every_try_of_a_call_carries_its_idempotency_key_in_ascii() -> None:
    request = replace(REQUEST, key="cron:zoë/morning:1764000000~2/model-1")
    with OpenAIServer([fail(500), say("Hi!"), say("Hi!")], api_key=KEY) as server:
        ask(profile_for(server.base_url), request)
        ask(profile_for(server.base_url))

    keys = [asked.headers.get("idempotency-key") for asked in server.requests]
    assert keys == ["cron:zo%C3%AB/morning:1764000000~2/model-1"] * 2 + [None]


def test_tool_calls_come_under_the_harness_own_names() -> None:
    with OpenAIServer([call_tools(ToolCall("c1", "web_read", '{"url": "u"}'))]) as server:
        reply = ask(profile_for(server.base_url))

    assert (reply.finish, reply.tool_calls) == ("tool_calls", (ToolCall("c1", "web.read", '{"url": "u"}'),))


def test_a_tool_call_with_invalid_json_is_passed_through_and_can_be_answered() -> None:
    with OpenAIServer([call_tools(ToolCall("c1", "web_read", '{"url": ')), say("sorry")]) as server:
        profile = profile_for(server.base_url)
        asked = ask(profile)
        told = Message("tool", "the arguments are not valid JSON", tool_call_id="c1")
        answer = ask(profile, replace(REQUEST, messages=(Message("assistant", "", asked.tool_calls), told)))

    assert asked.tool_calls[0].arguments == '{"url": '
    assert answer.text == "sorry"


@pytest.mark.parametrize(
    ("failure", "named"),
    [
        (fail(500), "HTTP 500"),
        (fail(502), "HTTP 502"),
        (fail(503), "HTTP 503"),
        (fail(529), "HTTP 529"),
        (limit_rate(), "HTTP 429"),
        (cut_connection(), "connection cut"),
        (garble(), "malformed body"),
        (garble(b"[" * 100_000), "malformed body"),
        (garble(b"\xff\xfe"), "malformed body"),
        (ChatAnswer({"choices": []}), "malformed body"),
        (ChatAnswer(b"not gzip", headers={"Content-Encoding": "gzip"}), "malformed body"),
        (ChatAnswer({"error": {"message": "upstream is down", "code": 502}}), "HTTP 502"),
        (ChatAnswer({"error": {"message": "upstream is down", "code": "5" * 5000}}), "HTTP 502"),
        (
            ChatAnswer(ENDLESS, headers={"Content-Encoding": "gzip"}),
            "malformed body",
        ),
    ],
)
def test_a_passing_failure_is_retried_and_named_when_it_does_not_pass(failure: ChatAnswer, named: str) -> None:
    with OpenAIServer([failure, say("better now")]) as server:
        assert ask(profile_for(server.base_url)).text == "better now"
    with OpenAIServer(lambda _: failure) as server, pytest.raises(TransientError, match=rf"{named} \(3x\)"):
        ask(profile_for(server.base_url, attempts=3))
    assert len(server.requests) == 3


def test_an_answer_that_does_not_come_in_time_is_retried() -> None:
    # On a busy machine a good answer may be late as well, and is then asked for again.
    with OpenAIServer(chain([delay(say("too late"), None)], repeat(say("in time")))) as server:
        assert ask(profile_for(server.base_url, timeout_s=0.5, attempts=20)).text == "in time"


def test_a_timeout_is_named_with_its_length() -> None:
    with (
        OpenAIServer([delay(say("too late"), None)]) as server,
        pytest.raises(TransientError, match=r"no answer within 0\.2 s \(1x\)"),
    ):
        ask(profile_for(server.base_url, timeout_s=0.2, attempts=1))


def test_an_answer_that_drips_is_too_late_although_every_byte_was_in_time() -> None:
    with OpenAIServer([drip(say("slowly"), 0.05)]) as server, pytest.raises(TransientError, match=r"within 0\.3 s"):
        ask(profile_for(server.base_url, timeout_s=0.3, attempts=1))


def test_an_endpoint_that_is_not_there_is_a_passing_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TransientError, match=r"no connection \(2x\)"):
        ask(profile_for(f"http://127.0.0.1:{port}/v1", attempts=2))


def test_different_failures_are_counted_apart_and_the_last_words_quoted() -> None:
    with OpenAIServer([limit_rate(), fail(500), limit_rate(), fail(503, "come back later")]) as server:
        profile = profile_for(server.base_url)
        with pytest.raises(TransientError) as caught:
            ask(profile)

    assert str(caught.value) == (
        f"profile 'cheap' (small-1 at {server.base_url}) failed in 4 attempts: "
        "HTTP 429 (2x), HTTP 500 (1x), HTTP 503 (1x); the last said: come back later"
    )


def test_waits_grow_between_attempts_and_none_follows_the_last() -> None:
    waits = Waits()
    with OpenAIServer(lambda _: fail(500)) as server, pytest.raises(TransientError):
        ask(profile_for(server.base_url), waits=waits)

    assert waits.seconds == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (limit_rate("7"), 7.0),
        (limit_rate("Sun, 01 Mar 2026 08:00:20 GMT", date="Sun, 01 Mar 2026 08:00:00 GMT"), 20.0),
        (limit_rate("86400"), 60.0),
    ],
)
def test_retry_after_is_kept_up_to_a_cap(answer: ChatAnswer, seconds: float) -> None:
    waits = Waits()
    with OpenAIServer([answer, say("now")]) as server:
        ask(profile_for(server.base_url), waits=waits)

    assert waits.seconds == [seconds]


@pytest.mark.parametrize(
    ("answer", "fix"),
    [
        (fail(401, "Incorrect API key"), "put a valid key into CHEAP_KEY"),
        (fail(403, "no access"), "give that key access to the model"),
        (fail(404, "no such model"), r"correct base_url and model in \[profiles\.cheap\]"),
        (fail(400, "unknown parameter"), r"correct base_url and model in \[profiles\.cheap\]"),
        (fail(402, "no money"), "add credit to that account"),
        (fail(429, "no credit", code="insufficient_quota"), "add credit to that account"),
        (
            ChatAnswer({}, 308, {"Location": "https://new.example/v1"}),
            r"set base_url in .* redirects: https://new\.example/v1",
        ),
    ],
)
def test_what_only_the_person_can_fix_is_said_at_once_with_the_fix(answer: ChatAnswer, fix: str) -> None:
    with (
        OpenAIServer([answer]) as server,
        pytest.raises(OwnerError, match=rf"^harness\.toml: profile 'cheap' \(small-1 at .*; {fix}"),
    ):
        ask(profile_for(server.base_url))
    assert len(server.requests) == 1


def test_without_any_key_a_401_asks_for_key_env() -> None:
    with OpenAIServer([], api_key=KEY) as server, pytest.raises(OwnerError, match="as key_env in"):
        ask(replace(profile_for(server.base_url), key_env=None), api_key=None)


def test_a_401_without_the_key_that_the_profile_names_asks_for_that_variable() -> None:
    with (
        OpenAIServer([], api_key=KEY) as server,
        pytest.raises(OwnerError, match="put a key into CHEAP_KEY, which is not set"),
    ):
        ask(profile_for(server.base_url), api_key=None)


@pytest.mark.parametrize(
    "answer",
    [
        exceed_context(),
        fail(400, "the request exceeds the available context size. try increasing the context size"),
        fail(500, "too much", code="exceed_context_size_error"),
        fail(413, "payload too large"),
    ],
)
def test_a_request_that_is_too_long_reaches_the_context_limit_at_once(answer: ChatAnswer) -> None:
    with OpenAIServer([answer]) as server, pytest.raises(LimitReached) as caught:
        ask(profile_for(server.base_url))
    assert caught.value.limit == "context"
    assert len(server.requests) == 1


def test_a_conversation_that_has_outgrown_the_context_is_not_sent_at_all() -> None:
    grown = Message("tool", "a page of text " * 1_000, tool_call_id="c1")
    with OpenAIServer([say("as if nothing were missing")]) as server, pytest.raises(LimitReached) as caught:
        ask(
            replace(profile_for(server.base_url), context_window=8_000),
            replace(REQUEST, messages=(*REQUEST.messages, *[grown] * 3)),
        )
    assert caught.value.limit == "context"
    assert server.requests == ()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://sam:secret@proxy.example:1080"),
        ("HTTPS_PROXY", "secret://x"),
        ("SSL_CERT_FILE", "/no/such/secret"),
    ],
)
def test_an_environment_that_cannot_be_used_is_the_persons_to_fix(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(OwnerError, match=r"^environment: profile 'cheap' .*; correct or unset HTTPS_PROXY") as caught:
        ask(profile_for("https://api.example.com/v1", attempts=1))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (filter_out(), ""),
        (refuse("I will not do that"), "I will not do that"),
        (fail(400, "The prompt was filtered", code="content_filter"), "The prompt was filtered"),
    ],
)
def test_a_refusal_is_a_reply_and_is_not_retried(answer: ChatAnswer, text: str) -> None:
    with OpenAIServer([answer]) as server:
        reply = ask(profile_for(server.base_url))

    assert (reply.finish, reply.text) == ("refused", text)
    assert len(server.requests) == 1


def test_an_endpoint_that_knows_the_output_limit_by_its_newer_name_gets_it() -> None:
    def newer(request: ChatRequest) -> ChatAnswer:
        if "max_tokens" in request.body:
            return fail(400, "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
        return say(str(request.body["max_completion_tokens"]))

    with OpenAIServer(newer) as server:
        model = OpenAIModel(profile_for(server.base_url, attempts=1), api_key=KEY, sleep=Waits(), jitter=lambda: 0.0)
        first, second = (asyncio.run(model.complete(REQUEST)) for _ in range(2))

    assert first.text == second.text == "4096"
    assert len(server.requests) == 3


def echo_key(request: ChatRequest) -> str:
    return f"you sent {request.headers['authorization']}"


@pytest.mark.parametrize(
    "script",
    [
        lambda request: fail(401, echo_key(request)),
        lambda request: fail(500, echo_key(request)),
        lambda request: fail(400, "context length: " + echo_key(request)),
        lambda request: fail(404, " " * 40 + "x" * 285 + KEY),
        lambda request: ChatAnswer({}, 307, {"Location": f"https://h.example/?key={KEY}"}),
        lambda request: ChatAnswer(f"<h1>{KEY}</h1>".encode(), 502),
    ],
)
def test_no_error_shows_the_key_also_where_the_endpoint_repeats_it(
    script: Callable[[ChatRequest], ChatAnswer],
) -> None:
    with OpenAIServer(script) as server, pytest.raises((OwnerError, TransientError, LimitReached)) as caught:
        ask(profile_for(server.base_url, attempts=2))
    assert KEY[:9] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_redirect_is_not_followed_with_the_key() -> None:
    with OpenAIServer([say("stolen")]) as thief:
        moved = ChatAnswer({}, 307, {"Location": f"{thief.base_url}/chat/completions"})
        with OpenAIServer([moved]) as server, pytest.raises(OwnerError):
            ask(profile_for(server.base_url))
    assert thief.requests == ()


def test_a_key_with_its_newline_is_used_without_it() -> None:
    with OpenAIServer([say("welcome")], api_key=KEY) as server:
        assert ask(profile_for(server.base_url), api_key=f"{KEY}\n").text == "welcome"


@pytest.mark.parametrize("api_key", ["sk-\x01secret", "sk-secret two", "sk-sécret"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(api_key: str) -> None:
    with pytest.raises(OwnerError, match="CHEAP_KEY") as caught:
        ask(profile_for("https://api.example.com/v1"), api_key=api_key)
    assert "cret" not in str(caught.value)


def test_without_a_key_no_authorization_is_sent() -> None:
    with OpenAIServer([say("welcome")]) as server:
        ask(profile_for(server.base_url), api_key=None)
    assert "authorization" not in server.requests[0].headers


def test_one_model_serves_one_event_loop_after_the_other_and_many_calls_at_once() -> None:
    async def ask_twice(model: OpenAIModel) -> list[str]:
        return [reply.text for reply in await asyncio.gather(model.complete(REQUEST), model.complete(REQUEST))]

    with OpenAIServer(lambda _: say("hi")) as server:
        model = OpenAIModel(profile_for(server.base_url), api_key=KEY, sleep=Waits(), jitter=lambda: 0.0)
        assert asyncio.run(ask_twice(model)) + asyncio.run(ask_twice(model)) == ["hi"] * 4


def test_a_cancelled_call_ends_at_once_and_leaves_nothing_open() -> None:
    async def cancel_in_flight(server: OpenAIServer) -> None:
        model = OpenAIModel(profile_for(server.base_url), api_key=KEY, sleep=Waits(), jitter=lambda: 0.0)
        call = asyncio.create_task(model.complete(REQUEST))
        await asyncio.to_thread(server.wait_for, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(call, 5)

    with OpenAIServer([delay(say("too late"), None)]) as server:
        asyncio.run(cancel_in_flight(server))
    assert len(server.requests) == 1


def test_a_proxy_of_the_environment_does_not_stand_before_this_machines_own_endpoint() -> None:
    program = (
        "import asyncio, sys\n"
        "from harness.domain.message import Message, ModelRequest\n"
        "from harness.domain.settings import Profile\n"
        "from harness.llm.openai import OpenAIModel\n"
        "profile = Profile('p', 'openai', model='m', base_url=sys.argv[1], attempts=1)\n"
        "model = OpenAIModel(profile, api_key=None, sleep=asyncio.sleep, jitter=lambda: 0.0)\n"
        "print(asyncio.run(model.complete(ModelRequest((Message('user', 'hi'),)))).text)\n"
    )
    with OpenAIServer([say("direct")]) as server:
        environ = {**os.environ, "HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9", "NO_PROXY": ""}
        command = [sys.executable, "-c", program, server.base_url]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "direct"


def test_text_that_is_no_valid_unicode_does_not_break_the_request() -> None:
    with OpenAIServer([say("fine")]) as server:
        assert ask(profile_for(server.base_url), ModelRequest((Message("user", "a\ud800b"),))).text == "fine"


def test_the_label_is_the_models_name() -> None:
    model = OpenAIModel(profile_for("http://localhost/v1"), api_key=None, sleep=Waits(), jitter=lambda: 0.0)
    assert (model.label, model.is_language_model) == ("small-1", True)
