"""Everything that a model server may do wrong, each as an answer that `OpenAIServer` gives.

What is here was seen in the field: overloaded and lying gateways, models that loop or invent, and servers that never
end an answer. A harness that asks such a server ends its run all the same, and says why.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from harness.domain.message import ToolCall
from harness.testing.chat_server import ChatAnswer, ChatRequest, drop_connection
from harness.testing.openai_server import (
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

Behaviour = Callable[[ChatRequest], ChatAnswer]
"""A script for `OpenAIServer`: what is answered to a request, again and again."""

HUGE_BYTES = 50_000_000


def always(answer: ChatAnswer) -> Behaviour:
    """The same answer to everything."""
    return lambda request: answer


def after(*answers: ChatAnswer, then: Behaviour) -> Behaviour:
    """These answers in order of arrival, and what `then` says from there on."""
    left = iter(answers)

    def behave(request: ChatRequest) -> ChatAnswer:
        return next(left, None) or then(request)

    return behave


# ── Nobody answers, or never to the end ──────────────────────────────────────────────────────────

SILENT: Mapping[str, ChatAnswer] = {
    "never answers": delay(say("too late"), None),
    "drips": drip(say("one byte at a time" * 20), 0.05),
    "cut off in the middle of the body": cut_connection(),
    "hangs up without a word": drop_connection(),
}

# ── Too many ask ─────────────────────────────────────────────────────────────────────────────────

STORMS: Mapping[str, ChatAnswer] = {
    "429 without a word": limit_rate(),
    "429 that asks for an hour": limit_rate("3600"),
    "429 that asks for no number": limit_rate("soon"),
    "429 that asks for less than nothing": limit_rate("-5"),
    "429 that asks for infinity": limit_rate("inf"),
    "429 until the last century": limit_rate("Thu, 01 Jan 1970 00:00:00 GMT", date="Fri, 02 Jan 1970 00:00:00 GMT"),
    "500": fail(500),
    "502 as a page": ChatAnswer(b"<html><body>Bad gateway</body></html>", 502, {"Content-Type": "text/html"}),
    "503 that asks for an hour": replace(fail(503), headers={"Retry-After": "3600"}),
    "529": fail(529, "Overloaded", code="overloaded_error"),
    "an error behind 200": ChatAnswer({"error": {"message": "upstream broke", "code": 502}}),
}

# ── No answer that could be read ─────────────────────────────────────────────────────────────────


def _completion(message: Any, *, finish: Any = "stop", **more: Any) -> ChatAnswer:
    return ChatAnswer({"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": finish}], **more})


UNREADABLE: Mapping[str, ChatAnswer] = {
    "half of a JSON text": garble(),
    "no JSON": garble(b"I am a teapot"),
    "a page": garble(b"<!doctype html><title>Sign in</title>"),
    "nothing": garble(b""),
    "bytes that are no text": garble(b"\xff\xfe\x00\x01" * 50),
    "nested without end": garble(b"[" * 200_000),
    "a list": garble(b"[]"),
    "null": garble(b"null"),
    "a number that is none": garble(b'{"choices": NaN}'),
    "no choices": ChatAnswer({"id": "x"}),
    "an empty list of choices": ChatAnswer({"choices": []}),
    "choices that are a word": ChatAnswer({"choices": "stop"}),
    "a choice that is nothing": ChatAnswer({"choices": [None]}),
    "no message": ChatAnswer({"choices": [{"finish_reason": "stop"}]}),
    "a message that is a number": _completion(7),
    "text that is a number": _completion({"role": "assistant", "content": 42}),
    "text that is an object": _completion({"role": "assistant", "content": {"text": "hello"}}),
    "calls that are a word": _completion({"role": "assistant", "content": None, "tool_calls": "web_read"}),
    "a call that is nothing": _completion({"role": "assistant", "content": None, "tool_calls": [None]}),
    "a call of no function": _completion({"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}),
    "a call without a name": _completion(
        {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "function": {"name": "", "arguments": "{}"}}]}
    ),
    "text that calls itself zipped": ChatAnswer(b"{}" * 50, headers={"Content-Encoding": "gzip"}),
    "an end by error": _completion({"role": "assistant", "content": "half a"}, finish="error"),
}

HUGE: Mapping[str, Callable[[], ChatAnswer]] = {
    "50 MB of blanks": lambda: garble(b" " * HUGE_BYTES),
    "50 MB of text": lambda: say("x" * HUGE_BYTES),
    "50 MB that were zipped to 50 kB": lambda: ChatAnswer(
        gzip.compress(b" " * HUGE_BYTES, compresslevel=1), headers={"Content-Encoding": "gzip"}
    ),
}
"""Made when they are needed."""

# ── No use in asking again ───────────────────────────────────────────────────────────────────────

REFUSING: Mapping[str, ChatAnswer] = {"a refusal": refuse("I will not do that."), "a filter": filter_out()}

REDIRECTS: Mapping[str, ChatAnswer] = {
    f"redirect with {status}": ChatAnswer(b"", status, {"Location": "http://127.0.0.1:9/v1/chat/completions"})
    for status in (301, 302, 307, 308)
}

TOO_LONG: Mapping[str, ChatAnswer] = {"a context that is too long": exceed_context()}

EMPTY: Mapping[str, ChatAnswer] = {
    "no text": say(""),
    "text that is null": say(None),
    "blanks": say(" \n\t "),
    "no parts": _completion({"role": "assistant", "content": []}),
    "no message fields": _completion({}),
    "cut before the first word": say("", finish="length"),
}

# ── Numbers that cannot be true ──────────────────────────────────────────────────────────────────

USAGES: Mapping[str, Any] = {
    "negative": {"prompt_tokens": -5, "completion_tokens": -7},
    "zero": {"prompt_tokens": 0, "completion_tokens": 0},
    "tiny": {"prompt_tokens": 1, "completion_tokens": 1},
    "absurd": {"prompt_tokens": 10**30, "completion_tokens": 10**30},
    "large": {"prompt_tokens": 900_000_000, "completion_tokens": 900_000_000},
    "as words": {"prompt_tokens": "many", "completion_tokens": "12"},
    "as fractions": {"prompt_tokens": 1.5, "completion_tokens": 1e300},
    "as truth": {"prompt_tokens": True, "completion_tokens": True},
    "more cached than sent": {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 10**6},
    },
    "a negative cache": {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": -(10**6)},
    },
    "a word": "lots",
    "a list": [1, 2],
    "null": None,
}


def with_usage(answer: ChatAnswer, usage: Any) -> ChatAnswer:
    """The answer with these words about what it used, true or not."""
    assert not isinstance(answer.body, bytes), "bytes count no tokens"
    return replace(answer, body={**answer.body, "usage": usage})


def of_model(answer: ChatAnswer, model: Any) -> ChatAnswer:
    """The answer in the name of another model than the one that was asked."""
    assert not isinstance(answer.body, bytes), "bytes have no model"
    return replace(answer, body={**answer.body, "model": model})


# ── Calls of tools ───────────────────────────────────────────────────────────────────────────────


def same_call(name: str, arguments: Mapping[str, Any]) -> Behaviour:
    """One call, with the same arguments, without end."""
    return always(call_tools(ToolCall("call_1", name, json.dumps(dict(arguments)))))


def changing_calls(name: str, arguments: Callable[[int], Mapping[str, Any]]) -> Behaviour:
    """One call after another, each with other arguments, without end."""
    numbers = itertools.count(1)

    def behave(request: ChatRequest) -> ChatAnswer:
        number = next(numbers)
        return call_tools(ToolCall(f"call_{number}", name, json.dumps(dict(arguments(number)))))

    return behave


def many_calls(count: int, name: str, arguments: Callable[[int], Mapping[str, Any]]) -> ChatAnswer:
    """So many calls in one reply."""
    return call_tools(*(ToolCall(f"call_{n}", name, json.dumps(dict(arguments(n)))) for n in range(1, count + 1)))


def _wire(call_id: Any, arguments: Any, name: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def long_calls(name: str) -> Iterator[tuple[str, ChatAnswer]]:
    """Yield replies whose calls fill a context, by how."""
    yield "arguments nested without end", call_tools(_wire("a", "[" * 100_000, name))
    yield "arguments of a megabyte", call_tools(_wire("a", json.dumps({"url": "x" * 1_000_000}), name))


def odd_calls(name: str) -> Iterator[tuple[str, ChatAnswer]]:
    """Yield replies whose calls are wrong in one way each, by what is wrong with them."""
    url = '{"url": "https://news.example.org/"}'

    yield "a tool that does not exist", call_tools(_wire("a", "{}", "launch_rocket"))
    yield "a name that no tool can have", call_tools(_wire("a", "{}", "web read; rm -rf / \u202e"))
    yield "a name of 10,000 letters", call_tools(_wire("a", "{}", "x" * 10_000))
    yield "arguments that are no JSON", call_tools(_wire("a", '{"url": ', name))
    yield "arguments that are a list", call_tools(_wire("a", "[1, 2]", name))
    yield "arguments of another shape", call_tools(_wire("a", '{"link": 7}', name))
    yield "arguments as an object", call_tools(_wire("a", {"url": 7}, name))
    yield "no arguments", call_tools(_wire("a", None, name))
    yield "two calls of one id", call_tools(_wire("a", url, name), _wire("a", url.replace("news", "more"), name))
    yield (
        "calls without an id",
        call_tools(_wire(None, url, name), _wire("", url.replace("news", "more"), name), _wire(7, "{}", name)),
    )
