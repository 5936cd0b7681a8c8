"""What misbehaves on purpose does it every time, and as it says."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from harness.testing.misbehaving_server import (
    EMPTY,
    HUGE,
    HUGE_BYTES,
    REDIRECTS,
    REFUSING,
    SILENT,
    STORMS,
    TOO_LONG,
    UNREADABLE,
    USAGES,
    after,
    always,
    changing_calls,
    long_calls,
    many_calls,
    odd_calls,
    of_model,
    same_call,
    with_usage,
)
from harness.testing.openai_server import ChatAnswer, ChatRequest, say

ASKED = ChatRequest({"messages": []}, {})
CATALOGUE = (SILENT, STORMS, UNREADABLE, REFUSING, REDIRECTS, TOO_LONG, EMPTY)


def body(answer: ChatAnswer) -> Any:
    assert not isinstance(answer.body, bytes)
    return answer.body


def calls(answer: ChatAnswer) -> list[Any]:
    return list(body(answer)["choices"][0]["message"]["tool_calls"])


def test_no_two_of_the_catalogue_have_one_name_and_each_can_be_sent() -> None:
    named = [*chain.from_iterable(CATALOGUE), *dict(odd_calls("a")), *dict(long_calls("a"))]
    assert len(named) == len(set(named))
    for group in CATALOGUE:
        for answer in group.values():
            assert isinstance(answer.body, bytes) or json.dumps(answer.body)


def test_what_is_huge_is_huge_once_it_is_unpacked_and_made_only_when_it_is_asked_for() -> None:
    zipped = HUGE["50 MB that were zipped to 50 kB"]()
    assert isinstance(zipped.body, bytes)
    assert len(zipped.body) < HUGE_BYTES / 100
    assert len(body(HUGE["50 MB of text"]())["choices"][0]["message"]["content"]) == HUGE_BYTES


def test_behaviours_go_on_for_ever() -> None:
    ever_other = changing_calls("web_read", lambda n: {"url": n})
    assert len({calls(ever_other(ASKED))[0]["function"]["arguments"] for _ in range(50)}) == 50
    same = same_call("web_read", {"url": "a"})
    assert same(ASKED) == same(ASKED)
    first_then = after(say("one"), then=always(say("more")))
    said = [body(first_then(ASKED))["choices"][0]["message"]["content"] for _ in range(3)]
    assert said == ["one", "more", "more"]


def test_an_answer_is_changed_only_where_it_lies() -> None:
    good = say("Good.")
    for usage in USAGES.values():
        assert body(with_usage(good, usage)) == {**body(good), "usage": usage}
    assert body(of_model(good, "x")) == {**body(good), "model": "x"}
    many = calls(many_calls(100, "web_read", lambda n: {"url": n}))
    assert len({call["id"] for call in many}) == 100
