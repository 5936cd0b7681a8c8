"""The same over the messages format of Anthropic: what its servers do wrong ends a run as soon, and as plainly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.domain.message import Usage
from harness.domain.run import FireState
from harness.pytest_plugin import Workbench
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
from harness.testing.chat_server import ChatAnswer
from harness.testing.misbehaving_server import HUGE, REDIRECTS, SILENT, UNREADABLE, after, always
from tests.runs.ends import End, run, run_all

GOOD = say("A report that says what there is to say, in a sentence or two.")
MESSAGES: Mapping[str, Any] = {"adapter": "anthropic", "made_by": AnthropicServer}
URL = {"url": "https://news.example.org/"}


def with_body(answer: ChatAnswer, **changes: Any) -> ChatAnswer:
    assert not isinstance(answer.body, bytes)
    return replace(answer, body={**answer.body, **changes})


def ends(workbench: Workbench, answers: Mapping[str, ChatAnswer], **options: Any) -> dict[str, End]:
    return run_all(workbench, answers, **MESSAGES, **options)


def test_a_server_that_does_not_answer_to_the_end_fails_the_run(workbench: Workbench) -> None:
    for name, end in ends(workbench, SILENT, patience_s=1).items():
        assert end.is_(FireState.FAILED, "error"), (name, end)
        assert "no answer within 1 s" in end.reason or "connection cut" in end.reason, (name, end)


def test_a_storm_ends_the_run_with_its_last_attempt(workbench: Workbench) -> None:
    storms = {"429": limit_rate("3600"), "500": fail(500), "504": fail(504), "529": overload()}
    for status, end in ends(workbench, storms).items():
        assert end.is_(FireState.FAILED, "error"), (status, end)
        assert f"failed in 1 attempt: HTTP {status}" in end.reason, (status, end)


WRONG_SHAPES = {
    "no content": with_body(GOOD, content=None),
    "content that is a word": with_body(GOOD, content="hello"),
    "content that is a number": with_body(GOOD, content=7),
    "a block that is nothing": with_body(GOOD, content=[None]),
    "a block without a type": with_body(GOOD, content=[{"text": "hello"}]),
    "text that is a number": with_body(GOOD, content=[{"type": "text", "text": 7}]),
    "a call without a name": with_body(GOOD, content=[{"type": "tool_use", "id": "a", "input": {}}]),
    "a call whose name is a number": with_body(GOOD, content=[{"type": "tool_use", "id": "a", "name": 7, "input": {}}]),
}


def test_what_cannot_be_read_is_never_delivered(workbench: Workbench) -> None:
    of_bytes = {name: answer for name, answer in UNREADABLE.items() if isinstance(answer.body, bytes)}
    for name, end in ends(workbench, {**of_bytes, **WRONG_SHAPES}).items():
        assert end.state is FireState.FAILED, (name, end)
        assert "malformed body" in end.reason or "the answer was empty" in end.reason, (name, end)
        assert end.calls or name in of_bytes, "what counts its tokens is paid for, whatever it is"
    for name, end in ends(workbench, {name: make() for name, make in HUGE.items()}).items():
        assert "it is longer than 20 MB" in end.reason, (name, end)
    for name, end in ends(workbench, REDIRECTS).items():
        assert "to where it redirects" in end.reason, (name, end)
    assert workbench.delivered() == []


def test_refusals_full_contexts_and_empty_answers_have_their_names(workbench: Workbench) -> None:
    found = ends(workbench, {"refused": refuse("I will not."), "context": exceed_context(), "empty": say("")})
    assert {name: end.state for name, end in found.items()} == dict.fromkeys(found, FireState.FAILED)
    assert (found["refused"].stop, found["context"].stop) == ("refused", "context")
    assert "the answer was empty" in found["empty"].reason


ODD_CALLS: Mapping[str, Mapping[str, Any]] = {
    "a tool that does not exist": {"type": "tool_use", "id": "a", "name": "launch_rocket", "input": {}},
    "a name that no tool can have": {"type": "tool_use", "id": "a", "name": "web read; rm", "input": URL},
    "input that is a list": {"type": "tool_use", "id": "a", "name": "web_read", "input": [1]},
    "input that is a word": {"type": "tool_use", "id": "a", "name": "web_read", "input": "url"},
    "no input": {"type": "tool_use", "id": "a", "name": "web_read"},
    "no id": {"type": "tool_use", "name": "web_read", "input": URL},
    "an id that no call can have": {"type": "tool_use", "id": "a b/c\u202e", "name": "web_read", "input": URL},
}


def test_a_call_that_is_wrong_is_told_to_the_model_and_ends_the_run_if_it_stays_so(workbench: Workbench) -> None:
    twice = ODD_CALLS["a tool that does not exist"]
    odd = {**{name: call_tools(call) for name, call in ODD_CALLS.items()}, "two of one id": call_tools(twice, twice)}
    for name, answer in odd.items():
        once = run(workbench, after(answer, then=always(GOOD)), **MESSAGES)
        assert once.is_(FireState.DELIVERED, "completed"), (name, once)
        stays = run(workbench, always(answer), **MESSAGES)
        assert stays.state is FireState.FAILED, (name, stays)
        assert stays.stop in ("no_progress", "error_threshold"), (name, stays)


USAGES = {
    "negative": {"input_tokens": -5, "output_tokens": -7},
    "zero": {"input_tokens": 0, "output_tokens": 0},
    "absurd": {"input_tokens": 10**30, "output_tokens": 10**30},
    "as words": {"input_tokens": "many", "output_tokens": "12"},
    "more cached than sent": {"input_tokens": 5, "output_tokens": 5, "cache_read_input_tokens": 10**30},
    "a negative cache": {"input_tokens": 5, "output_tokens": 5, "cache_creation_input_tokens": -(10**6)},
    "a word": "lots",
    "null": None,
}


def test_numbers_that_cannot_be_true_are_not_booked(workbench: Workbench) -> None:
    for name, end in ends(workbench, {name: with_body(GOOD, usage=said) for name, said in USAGES.items()}).items():
        assert end.is_(FireState.DELIVERED, "completed"), (name, end)
        (call,) = end.calls
        assert 0 < call.input_tokens <= 10**9, name
        assert 0 <= call.cached_tokens + call.cache_write_tokens <= call.input_tokens, name
        assert 0 < call.cost_usd < 20_000, name


def test_an_answer_that_is_broken_off_for_ever_costs_no_more_than_the_budget_and_one_call(workbench: Workbench) -> None:
    # Each piece is a call of the endpoint, and costs 4.1 cents.
    piece = pause("And then", usage=Usage(1_000, 0, 4_000))
    end = run(workbench, always(piece), **MESSAGES, job="budget: $0.05")
    assert end.stop in ("completed", "budget", "error")
    assert sum(call.cost_usd for call in end.calls) <= 0.05 + 0.042
