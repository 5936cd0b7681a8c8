"""The Messages format, without a network."""

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, ToolSchema, Usage
from harness.domain.settings import Profile
from harness.llm.messages import MessagesFormat, read_answer, request_body
from harness.llm.reply import reply_of
from harness.llm.wire import MalformedReply

PROFILE = Profile("claude", "anthropic", model="m", base_url="http://h", input_usd_per_mtok=1.0, max_output_tokens=500)
READ = ToolSchema("web.read", "A page as text", {"type": "object", "properties": {"url": {"type": "string"}}})
WAIT = ToolSchema("wait", "Nothing", {})
REQUEST = ModelRequest((Message("system", "Be brief."), Message("user", "Hello")), (READ, WAIT))
MARK = {"type": "ephemeral"}


def message(*content: dict[str, Any], stop: str = "end_turn", **body: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(content), "stop_reason": stop, **body}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def use(call_id: str = "c1", name: str = "web_read", **fields: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": name, "input": {"url": "u"}, **fields}


def read_reply(payload: Any, request: ModelRequest = REQUEST) -> ModelReply:
    return reply_of(read_answer(payload, PROFILE, request), PROFILE, request)[0]


def body_of(*messages: Message, profile: Profile = PROFILE) -> dict[str, Any]:
    return request_body(profile, replace(REQUEST, messages=(*REQUEST.messages, *messages)))


def calls(*ids: str) -> Message:
    return Message("assistant", "", tuple(ToolCall(call_id, "web.read", '{"url": "u"}') for call_id in ids))


def result(call_id: str, content: str = "page") -> Message:
    return Message("tool", content, tool_call_id=call_id)


def unmarked(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in block.items() if key != "cache_control"} for block in blocks]


def test_a_first_request_is_put_in_the_protocols_form_with_marks_where_it_may_be_kept() -> None:
    assert body_of() == {
        "model": "m",
        "max_tokens": 500,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": MARK}],
        "tools": [
            {"name": "web_read", "description": "A page as text", "input_schema": dict(READ.parameters)},
            {"name": "wait", "description": "Nothing", "input_schema": {"type": "object"}, "cache_control": MARK},
        ],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": MARK}]}],
    }


def test_the_same_request_gives_the_same_bytes() -> None:
    assert json.dumps(body_of()) == json.dumps(body_of())


def test_a_request_without_system_prompt_and_tools_mentions_neither() -> None:
    assert set(request_body(PROFILE, ModelRequest((Message("user", "Hello"),)))) == {"model", "max_tokens", "messages"}


def test_what_a_call_is_told_begins_with_all_that_the_one_before_it_was_told_and_marks_that_end() -> None:
    grown: list[Message] = []
    before: dict[str, Any] = {}
    for turn in range(5):
        body = body_of(*grown)
        if before:
            said = [unmarked(entry["content"]) for entry in body["messages"]]
            assert said[: len(before["messages"])] == [unmarked(entry["content"]) for entry in before["messages"]]
            end = body["messages"][len(before["messages"]) - 1]["content"][-1]
            assert end["cache_control"] == MARK
        assert json.dumps(body).count('"cache_control"') == (3 if turn == 0 else 4)
        assert body["messages"][-1]["content"][-1]["cache_control"] == MARK
        before = body
        grown += [calls(f"a{turn}", f"b{turn}"), result(f"a{turn}"), result(f"b{turn}")]


def test_the_person_may_choose_another_mark_or_none() -> None:
    hour = {"type": "ephemeral", "ttl": "1h"}
    longer = body_of(profile=replace(PROFILE, parameters={"cache_control": hour}))
    without = body_of(profile=replace(PROFILE, parameters={"cache_control": {}}))

    assert longer["system"][-1]["cache_control"] == hour
    assert "cache_control" not in longer
    assert "cache_control" not in json.dumps(without)


def test_parameters_are_sent_as_they_stand_and_never_in_place_of_what_the_harness_says() -> None:
    thinking = {"type": "adaptive"}
    body = body_of(profile=replace(PROFILE, parameters={"thinking": thinking, "max_tokens": 9, "system": "no"}))
    assert (body["thinking"], body["max_tokens"], body["system"][0]["text"]) == (thinking, 500, "Be brief.")


def test_version_and_betas_among_the_parameters_are_headers() -> None:
    parameters = {"anthropic_version": "2023-06-01", "anthropic_beta": ["a-1", "b-2"]}
    headers = MessagesFormat(parameters).headers("key")

    assert headers == {"anthropic-version": "2023-06-01", "anthropic-beta": "a-1,b-2", "x-api-key": "key"}
    assert MessagesFormat({}).headers(None) == {"anthropic-version": "2026-10-21"}
    assert "anthropic_beta" not in body_of(profile=replace(PROFILE, parameters=parameters))


def test_all_results_of_a_turn_stand_in_one_message_in_the_order_of_the_calls_and_before_other_words() -> None:
    told = body_of(calls("a", "b", "c"), result("c", "3"), result("a", "1"), Message("user", "Go on"), result("b", "2"))

    assert [entry["role"] for entry in told["messages"]] == ["user", "assistant", "user"]
    blocks = told["messages"][-1]["content"]
    assert [block.get("tool_use_id") for block in blocks] == ["a", "b", "c", None]
    assert [block["content"][0]["text"] for block in blocks[:3]] == ["1", "2", "3"]


def test_words_of_nothing_are_left_out_and_an_empty_result_says_nothing() -> None:
    told = body_of(calls("a"), result("a", " \n"), Message("assistant", ""), Message("user", "So?"))["messages"]

    assert [block["type"] for block in told[1]["content"]] == ["tool_use"]
    assert unmarked(told[2]["content"]) == [{"type": "tool_result", "tool_use_id": "a"}, text("So?")]


def test_ids_of_other_makers_are_replaced_where_this_one_would_refuse_them() -> None:
    told = body_of(calls("call:0", "call.0"), result("call:0"), result("call.0"), calls("call:0"), result("call:0"))
    used = [block["id"] for entry in told["messages"] for block in entry["content"] if block["type"] == "tool_use"]
    answered = [
        block["tool_use_id"] for entry in told["messages"] for block in entry["content"] if "tool_use_id" in block
    ]
    assert used == answered == ["call_0", "call_0_2", "call_0_3"]


@pytest.mark.parametrize("arguments", ['{"url": ', "[1]", "", "[" * 100_000])
def test_broken_arguments_of_an_earlier_call_are_sent_back_as_an_object(arguments: str) -> None:
    asked = Message("assistant", "", (ToolCall("a", "web.read", arguments),))
    assert body_of(asked, result("a"))["messages"][1]["content"][0]["input"] == {"invalid_json": arguments}


def test_text_and_calls_are_read_under_the_harness_own_names() -> None:
    reply = read_reply(message(text("I look."), use(), use("c2", "unknown"), stop="tool_use"))

    assert (reply.text, reply.finish) == ("I look.", "tool_calls")
    assert reply.tool_calls == (ToolCall("c1", "web.read", '{"url": "u"}'), ToolCall("c2", "unknown", '{"url": "u"}'))


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refused"),
        (None, "stop"),
        ("something new", "stop"),
    ],
)
def test_the_reason_to_stop_is_translated(stop: Any, finish: str) -> None:
    assert read_reply(message(text("hi"), stop=stop)).finish == finish


def test_a_refusal_says_why_where_it_says_so_and_calls_nothing() -> None:
    why = {"type": "refusal", "category": "bio", "explanation": "That could do harm."}
    reply = read_reply(message(text("Well,"), use(), stop="refusal", stop_details=why))
    assert (reply.text, reply.tool_calls, reply.finish) == ("That could do harm.", (), "refused")
    assert read_reply(message(text("No."), stop="refusal")).text == "No."


def test_a_call_that_was_cut_within_its_arguments_is_not_made() -> None:
    cut = read_reply(message(text("I look."), use("c1"), use("c2", input={}), stop="max_tokens"))
    assert [call.id for call in cut.tool_calls] == ["c1"]
    alone = read_reply(message(use(input={}), stop="max_tokens"))
    assert (alone.tool_calls, alone.finish) == ((), "length")


def test_a_turn_that_the_provider_broke_off_is_paused() -> None:
    paused = message(text("First,"), stop="pause_turn")
    assert read_answer(paused, PROFILE, REQUEST).is_paused
    body = MessagesFormat({}).going_on(body_of(), paused, 77)
    assert body["messages"][-1] == {"role": "assistant", "content": [text("First,")]}
    assert body["max_tokens"] == 77


def test_what_was_read_from_the_cache_and_put_there_is_part_of_the_input() -> None:
    usage = {"input_tokens": 30, "cache_read_input_tokens": 50, "cache_creation_input_tokens": 20, "output_tokens": 7}
    reply = read_reply(message(text("hi"), usage=usage))
    assert reply.usage == Usage(100, 50, 7, 20)
    assert reply.cost_usd == pytest.approx((80 + 20 * 1.25) / 1e6)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": None}, {"input_tokens": -3, "output_tokens": -1}, "many"])
def test_tokens_that_nobody_counted_are_estimated_so_that_budgets_hold(usage: Any) -> None:
    counted = read_reply(message(text("four words for you"), usage=usage)).usage
    assert counted.input_tokens > 10
    assert counted.output_tokens >= 4


def test_what_the_model_says_can_be_printed_and_stored() -> None:
    assert read_reply(message(text("a\ud800\x1b[31mb\x07\u202ec"))).text == "a\ufffdbc"


def test_thoughts_go_back_with_their_calls_exactly_as_they_came() -> None:
    content = (
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        text("I look."),
        {"type": "redacted_thinking", "data": "x"},
        use("c1", caller={"type": "direct"}),
    )
    reply = read_reply(message(*content, stop="tool_use"))
    asked = Message("assistant", reply.text, reply.tool_calls, thinking=reply.thinking)

    assert body_of(asked, result("c1"))["messages"][1]["content"] == list(content)


@pytest.mark.parametrize("change", ["model", "calls", "thoughtless"])
def test_thoughts_that_are_of_another_answer_or_not_wanted_stay_here(change: str) -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    reply = read_reply(message(thought, use("c1"), use("c2"), stop="tool_use"))
    made = reply.tool_calls[:1] if change == "calls" else reply.tool_calls
    asked = Message("assistant", reply.text, made, thinking=reply.thinking)
    profile = replace(PROFILE, model="another") if change == "model" else PROFILE
    request = replace(REQUEST, messages=(*REQUEST.messages, asked, *(result(call.id) for call in made)))
    body = request_body(profile, request, is_thoughtless=change == "thoughtless")

    assert {block["type"] for block in body["messages"][1]["content"]} == {"tool_use"}


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        message() | {"content": "hi"},
        message() | {"content": [None]},
        message({"type": "tool_use", "id": "c", "input": {}}),
        message({"type": "tool_use", "id": "c", "name": 3, "input": {}}),
    ],
)
def test_what_is_no_message_is_called_malformed(payload: Any) -> None:
    with pytest.raises(MalformedReply):
        read_answer(payload, PROFILE, REQUEST)


def test_missing_and_repeated_ids_become_distinct_and_repeatable() -> None:
    wire = message(use(""), use("c"), use("c"), stop="tool_use")
    ids = [call.id for call in read_reply(wire).tool_calls]
    assert len(set(ids)) == 3
    assert ids == [call.id for call in read_reply(wire).tool_calls]
