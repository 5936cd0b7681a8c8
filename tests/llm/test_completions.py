"""The chat-completions format, without a network."""

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from harness.domain.settings import Profile
from harness.llm.completions import read_answer, request_body
from harness.llm.reply import reply_of
from harness.llm.wire import MalformedReply

PROFILE = Profile("cheap", "openai", model="m", base_url="http://h/v1", input_usd_per_mtok=1.0, max_output_tokens=500)
READ = ToolSchema("web.read", "A page as text", {"type": "object", "properties": {"url": {"type": "string"}}})
REQUEST = ModelRequest((Message("system", "Be brief."), Message("user", "Hello")), (READ,))


def completion(message: dict[str, Any], finish: str | None = "stop", **body: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish}], **body}


def read_reply(payload: Any, profile: Profile, request: ModelRequest) -> ModelReply:
    return reply_of(read_answer(payload, profile, request), profile, request)[0]


def call(name: str = "web_read", arguments: Any = "{}", **entry: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **entry}


def calls_read(*wire: Any, request: ModelRequest = REQUEST) -> tuple[ToolCall, ...]:
    message = {"role": "assistant", "content": None, "tool_calls": list(wire)}
    return read_reply(completion(message), PROFILE, request).tool_calls


def test_the_same_request_gives_the_same_bytes() -> None:
    assert json.dumps(request_body(PROFILE, REQUEST)) == json.dumps(request_body(PROFILE, REQUEST))


def test_a_body_without_tools_does_not_mention_tools() -> None:
    assert set(request_body(PROFILE, ModelRequest((Message("user", "Hello"),)))) == {"model", "messages", "max_tokens"}


def test_the_smaller_of_both_output_limits_is_asked_for() -> None:
    assert request_body(PROFILE, ModelRequest((), max_output_tokens=9_000))["max_tokens"] == 500
    assert request_body(PROFILE, ModelRequest((), max_output_tokens=90))["max_tokens"] == 90


def test_a_conversation_with_tool_calls_is_sent_in_the_protocols_form() -> None:
    asked = Message("assistant", "", (ToolCall("c1", "web.read", '{"url": "u"}'),))
    body = request_body(PROFILE, ModelRequest((asked, Message("tool", "page", tool_call_id="c1")), (READ,)))

    function = {"name": "web_read", "arguments": '{"url": "u"}'}
    assert body["messages"] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "page", "tool_call_id": "c1"},
    ]
    assert body["tools"][0]["function"]["name"] == "web_read"


@pytest.mark.parametrize("arguments", ['{"url": ', "[1]", "", "[" * 100_000])
def test_broken_arguments_of_an_earlier_call_are_sent_back_as_valid_json(arguments: str) -> None:
    asked = Message("assistant", "", (ToolCall("c1", "web.read", arguments),))
    wire = request_body(PROFILE, ModelRequest((asked,)))["messages"][0]["tool_calls"][0]["function"]

    assert wire["name"] == "web_read"
    assert json.loads(wire["arguments"]) == {"invalid_json": arguments}


def test_a_called_name_is_translated_back_and_an_unknown_one_left_as_it_is() -> None:
    assert [c.name for c in calls_read(call("web_read", id="a"), call("web.read", id="b"), call("rm", id="c"))] == [
        "web.read",
        "web.read",
        "rm",
    ]


def test_arguments_stay_the_text_that_the_model_wrote() -> None:
    assert calls_read(call(arguments='{"url": "u"'))[0].arguments == '{"url": "u"'
    assert calls_read(call(arguments='{ "url":"u" }'))[0].arguments == '{ "url":"u" }'


@pytest.mark.parametrize(("wire", "arguments"), [(None, "{}"), (" ", "{}"), ({"url": "u"}, '{"url": "u"}')])
def test_arguments_that_are_missing_or_already_parsed_become_json_text(wire: Any, arguments: str) -> None:
    assert calls_read(call(arguments=wire))[0].arguments == arguments


def test_missing_and_repeated_ids_become_distinct_and_repeatable() -> None:
    wire = (call(), call(id=""), call(id="c"), call(id="c"))
    ids = [c.id for c in calls_read(*wire)]

    assert len(set(ids)) == 4
    assert ids[2] == "c"
    assert ids == [c.id for c in calls_read(*wire)]


def test_missing_ids_differ_from_turn_to_turn() -> None:
    later = ModelRequest((*REQUEST.messages, Message("user", "And now?")), REQUEST.tools)
    assert calls_read(call())[0].id != calls_read(call(), request=later)[0].id


@pytest.mark.parametrize(
    ("finish", "expected"),
    [("stop", "stop"), (None, "stop"), ("length", "length"), ("content_filter", "refused"), ("eos", "stop")],
)
def test_the_reason_to_finish_is_translated(finish: str | None, expected: str) -> None:
    assert read_reply(completion({"content": "hi"}, finish), PROFILE, REQUEST).finish == expected


@pytest.mark.parametrize("finish", [["length"], {"a": 1}, 3, True])
def test_a_reason_that_is_no_word_is_none(finish: Any) -> None:
    assert read_reply(completion({"content": "hi"}, finish), PROFILE, REQUEST).finish == "stop"


@pytest.mark.parametrize("key", ["content", "refusal"])
def test_what_the_model_says_can_be_printed_and_stored(key: str) -> None:
    text = read_reply(completion({key: "a\ud800\x1b[31mb\x07\u202ec"}), PROFILE, REQUEST).text

    assert text == "a\ufffdbc"


def test_tool_calls_decide_whatever_reason_the_endpoint_gives() -> None:
    assert read_reply(completion({"tool_calls": [call()]}, "stop"), PROFILE, REQUEST).finish == "tool_calls"


def test_nothing_is_called_by_an_answer_that_was_filtered() -> None:
    reply = read_reply(completion({"tool_calls": [call()], "content": None}, "content_filter"), PROFILE, REQUEST)
    assert (reply.finish, reply.tool_calls) == ("refused", ())


def test_content_in_parts_is_joined() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    assert read_reply(completion({"content": parts}), PROFILE, REQUEST).text == "ab"


def test_tokens_are_counted_as_the_provider_counts_them() -> None:
    usage = {"prompt_tokens": 90, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 40}}
    reply = read_reply(completion({"content": "hi"}, usage=usage), PROFILE, REQUEST)
    assert reply.usage == Usage(90, 40, 7)
    assert reply.cost_usd == pytest.approx(90e-6)


def test_cached_tokens_are_found_under_their_other_name() -> None:
    usage = {"prompt_tokens": 90, "completion_tokens": 7, "prompt_cache_hit_tokens": 40}
    assert read_reply(completion({"content": "hi"}, usage=usage), PROFILE, REQUEST).usage.cached_tokens == 40


@pytest.mark.parametrize(
    "usage",
    [
        None,
        {},
        {"prompt_tokens": None},
        {"prompt_tokens": -3},
        {"prompt_tokens": 10**400},
        {"prompt_tokens": True},
        {"prompt_tokens": float("inf")},
        "many",
    ],
)
def test_tokens_that_nobody_counted_are_estimated_so_that_budgets_hold(usage: Any) -> None:
    reply = read_reply(completion({"content": "four words for you"}, usage=usage), PROFILE, REQUEST)
    assert reply.usage.input_tokens > 10
    assert reply.usage.output_tokens >= 4


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"choices": []},
        {"choices": [None]},
        {"choices": [{"message": None}]},
        completion({"content": 3}),
        completion({"tool_calls": {}}),
        completion({"tool_calls": [None]}),
        completion({"tool_calls": [{"function": {"arguments": "{}"}}]}),
        completion({"content": "hi"}, "error"),
        completion({"content": {"text": "hi"}}),
    ],
)
def test_what_is_no_completion_is_called_malformed(payload: Any) -> None:
    with pytest.raises(MalformedReply):
        read_reply(payload, PROFILE, REQUEST)


def test_parameters_are_sent_as_they_stand_and_never_in_place_of_what_the_harness_says() -> None:
    profile = replace(PROFILE, parameters={"temperature": 0.2, "max_tokens": 9, "reasoning_effort": "low"})
    body = request_body(profile, REQUEST)
    assert (body["temperature"], body["reasoning_effort"], body["max_tokens"]) == (0.2, "low", 500)


def test_what_was_only_counted_in_the_total_was_written() -> None:
    usage = {"prompt_tokens": 90, "completion_tokens": 7, "total_tokens": 400}
    assert read_reply(completion({"content": "hi"}, usage=usage), PROFILE, REQUEST).usage.output_tokens == 310


def test_tokens_put_into_the_cache_are_counted() -> None:
    usage = {"prompt_tokens": 90, "completion_tokens": 7, "prompt_tokens_details": {"cache_write_tokens": 60}}
    assert read_reply(completion({"content": "hi"}, usage=usage), PROFILE, REQUEST).usage == Usage(90, 0, 7, 60)


def test_thoughts_go_back_with_the_calls_that_they_led_to_and_only_to_their_own_model() -> None:
    message = {"tool_calls": [call(id="c1", extra_content={"sign": "x"}), call(id="c2")], "reasoning_content": "hm"}
    reply = read_reply(completion(message), PROFILE, REQUEST)
    told = ModelRequest(
        (*REQUEST.messages, Message("assistant", "", reply.tool_calls, thinking=reply.thinking)), (READ,)
    )
    sent, elsewhere = (
        request_body(profile, told)["messages"][-1] for profile in (PROFILE, replace(PROFILE, model="another"))
    )

    assert sent["reasoning_content"] == "hm"
    assert [entry.get("extra_content") for entry in sent["tool_calls"]] == [{"sign": "x"}, None]
    assert "reasoning_content" not in elsewhere
    assert "extra_content" not in elsewhere["tool_calls"][0]


def test_an_answer_without_calls_leaves_no_thoughts_behind() -> None:
    assert read_reply(completion({"content": "hi", "reasoning_content": "hm"}), PROFILE, REQUEST).thinking == ""
