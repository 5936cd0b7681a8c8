"""Two calls as a record shows them, and how they are known again, whatever else is in them the next time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.learning import Learning
from harness.memory.learnings import parse_learnings
from harness.memory.learnings_writer import render_learning
from harness.memory.tool_calls import Arguments, Mending, mending_in, mending_of, read_arguments

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 10**6) | st.text(max_size=400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
CALLS = st.dictionaries(st.sampled_from(["path", "field", "limit", "text", "to"]), JSON, max_size=4)
BLANK = Learning("ERR-20261121-7f3a", "x", "f", "agent/scout", "tool", 2, date(2026, 11, 21))


def told(mending: Mending) -> Learning:
    words = mending.words()
    assert words is not None
    return replace(BLANK, wrong=words[0], right=words[1])


def of(wrong: Arguments, right: Arguments) -> Mending:
    mending = mending_of("files.read", wrong, right)
    assert mending is not None
    return mending


@given(CALLS, CALLS)
def test_the_calls_that_a_record_was_made_of_are_known_again_after_a_file_has_kept_it(
    wrong: dict[str, Any], right: dict[str, Any]
) -> None:
    mending = mending_of("files.read", wrong, right)
    if mending is None or mending.words() is None:
        return
    (found,) = parse_learnings(render_learning(told(mending))).found
    kept = mending_in(found.learning)
    assert kept is not None
    said = json.dumps([wrong, right])
    if "redacted" in json.dumps([mending.wrong, mending.right]) or any(f"{w}:" in said for w in ("Wrong", "Right")):
        return
    assert kept.is_wrong_call("files.read", wrong)
    assert not kept.is_wrong_call("files.read", right)
    assert not kept.is_right_call("files.read", wrong)
    assert not kept.is_wrong_call("files.list", wrong)


@pytest.mark.parametrize(
    ("wrong", "right", "again", "is_again"),
    [
        ({"field": "BUY", "day": "2026-11-21"}, {"field": "SELL", "day": "2026-11-21"},
         {"field": "BUY", "day": "2026-12-05"}, True),
        ({"field": "BUY", "table": "a"}, {"field": "SELL", "table": "a"}, {"field": "BUY", "table": "b"}, False),
        ({"field": "BUY"}, {"field": "SELL"}, {"field": "BUY", "table": "b"}, False),
        ({"limit": 500, "of": 3}, {"limit": 20, "of": 3}, {"limit": 20, "of": 7}, False),
        ({"limit": 500, "of": 3}, {"limit": 20, "of": 3}, {"limit": 500, "of": 7}, True),
        ({"pth": "a.md"}, {"path": "a.md"}, {"pth": "other.md"}, True),
        ({"pth": "a.md"}, {"path": "a.md"}, {"path": "other.md"}, False),
        ({"limit": "10"}, {"limit": 10}, {"limit": "70"}, True),
        ({"limit": "10"}, {"limit": 10}, {"limit": 70}, False),
        ({"url": "x", "raw": True}, {"url": "x"}, {"url": "x", "raw": False}, True),
    ],
)  # fmt: skip
def test_a_mistake_is_made_again_where_what_differs_is_the_same(
    wrong: Arguments, right: Arguments, again: Arguments, is_again: bool
) -> None:
    assert of(wrong, right).is_wrong_call("files.read", again) is is_again


@pytest.mark.parametrize(
    ("wrong", "right", "done", "is_right"),
    [
        ({"field": "BUY", "table": "a"}, {"field": "SELL", "table": "a"}, {"field": "SELL", "table": "b"}, True),
        ({"field": "BUY", "table": "a"}, {"field": "SELL", "table": "a"}, {"field": "COST", "table": "a"}, False),
        ({"pth": "a.md"}, {"path": "a.md"}, {"path": "other.md"}, True),
        ({"url": "x", "raw": True}, {"url": "x"}, {"url": "x"}, True),
        ({"url": "x", "raw": True}, {"url": "x"}, {"url": "y"}, False),
    ],
)
def test_a_call_does_as_the_record_says_where_what_differs_is_right(
    wrong: Arguments, right: Arguments, done: Arguments, is_right: bool
) -> None:
    assert of(wrong, right).is_right_call("files.read", done) is is_right


def test_what_differs_only_where_nobody_can_see_it_is_no_lesson() -> None:
    assert mending_of("files.write", {"text": "x" * 300 + "a"}, {"text": "x" * 300 + "b"}) is None
    assert mending_of("files.write", {"n": 1}, {"n": 1}) is None
    assert mending_of("files.write", {"n": 1}, {"n": True}) is not None


def test_words_of_a_person_are_in_force_as_they_stand_and_others_are_no_calls() -> None:
    by_hand = replace(BLANK, wrong='post {"to": "sam"}', right='post {"to": "Sam"}')
    assert mending_in(by_hand) == Mending("post", {"to": "sam"}, {"to": "Sam"})
    assert mending_in(replace(by_hand, right='send {"to": "Sam"}')) is None
    assert mending_in(replace(by_hand, right="Sam")) is None
    assert mending_in(replace(by_hand, right="post {Sam}")) is None


@given(st.text(max_size=200))
def test_whatever_a_model_wrote_as_arguments_can_be_read_or_is_none(text: str) -> None:
    assert read_arguments(text) is None or isinstance(read_arguments(text), dict)


def test_a_call_for_a_file_of_another_folder_is_another_call() -> None:
    told = Mending("table", {"path": "accounts/2026-10.csv", "sep": ","}, {"path": "accounts/2026-10.csv", "sep": ";"})
    assert told.is_wrong_call("table", {"path": "accounts/2026-11.csv", "sep": ","})
    assert not told.is_wrong_call("table", {"path": "shop/2026-10.csv", "sep": ","})
