"""What a model asks for without end is answered with an error, and does not fill the conversation."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import TransientError
from harness.domain.message import ToolCall
from harness.domain.run import Completed
from harness.turn.carried_reply import MOST_CALLS, MOST_DEPTH, carried, is_deeper
from harness.turn.rules import rules_for
from tests.turn.talking import Scene, call, said

MEGABYTE = json.dumps({"text": "x" * 1_000_000})


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize("arguments", [MEGABYTE, MEGABYTE[:-9], nested(100_000), "[" * 5_000, nested(MOST_DEPTH + 1)])
def test_arguments_without_end_are_left_out_and_the_model_is_told_so(arguments: str) -> None:
    whole = call(2, arguments='{"text": "short"}')
    scene = Scene([said("", call(1, arguments=arguments), whole, thinking="as it was"), said("Done.")])
    turn = scene.play(rules=rules_for(32_000, 4_000))
    assert turn.stop == Completed()
    asked, first, second = scene.model.requests[1].messages[-3:]
    assert (first.tool_call_id, second.tool_call_id) == ("c1", "c2"), "each call has its result"
    assert asked.tool_calls[1] == whole
    assert asked.tool_calls[0].arguments.startswith(f"[left out, {len(arguments):,} characters: ")
    assert len(asked.tool_calls[0].arguments) < 200
    assert asked.thinking == "", "what the model wants back holds the whole arguments"
    assert [made.arguments for made, _ in scene.tools.called] == [one.arguments for one in asked.tool_calls]


def test_a_replay_goes_on_with_what_the_run_went_on_with() -> None:
    scene = Scene([said("", call(1, arguments=MEGABYTE)), TransientError("killed")])
    with pytest.raises(TransientError):
        scene.play()
    assert len(json.dumps(scene.records[0])) < 2_000, "nor does it fill the database"
    again = Scene([said("Done.")], records=scene.records[:-1])
    assert again.play().text == "Done."


def test_the_arguments_of_many_calls_share_what_there_is() -> None:
    reply = carried(said("", *(call(number, arguments='"' + "x" * 9_998 + '"') for number in range(40))), 200_000)
    kept = [one for one in reply.tool_calls if not one.arguments.startswith("[")]
    assert (len(kept), len(reply.tool_calls)) == (6, 40)
    small = carried(said("", *(call(number, arguments="x" * 9_000) for number in range(3))), 4_096)
    assert [one.arguments[0] for one in small.tool_calls] == ["x", "[", "["]


def test_calls_names_and_ids_have_an_end_too_and_ids_stay_apart() -> None:
    reply = carried(said("", *(ToolCall("i" * 5_000 + str(number), "n" * 9_000, "{}") for number in range(2_000))), 0)
    assert len(reply.tool_calls) == MOST_CALLS
    assert {len(one.name) for one in reply.tool_calls} == {200}
    ids = {one.id for one in reply.tool_calls}
    assert len(ids) == MOST_CALLS
    assert max(map(len, ids)) <= 200


def test_what_a_conversation_can_carry_stays_as_it_is() -> None:
    long = json.dumps({"text": '{["' * 9_000})
    reply = said("I look.", call(1, arguments=long), call(2, arguments=nested(MOST_DEPTH)), thinking="hm")
    assert carried(reply, 200_000) is reply


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_the_depth_is_that_of_the_value(value: Any) -> None:
    def depth_of(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)

    text, depth = json.dumps(value), depth_of(value)
    assert not is_deeper(text, depth)
    assert depth == 0 or is_deeper(text, depth - 1)


def test_a_text_without_end_takes_no_longer_than_its_length() -> None:
    begun_s = time.process_time()
    assert not is_deeper('{"a": "' + '\\"' * 30_000, 1)
    assert not is_deeper('"' * 60_001 + "\\", 1)
    assert time.process_time() - begun_s < 2, "looked at from each quote it would take half a minute"
