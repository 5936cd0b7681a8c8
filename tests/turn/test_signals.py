"""What tools ask of the run: the loop ends with it, and the answer is put in its place afterwards."""

from __future__ import annotations

from harness.domain.message import Message, ToolCall
from harness.domain.request import Final
from harness.domain.run import Completed, Suspended
from harness.domain.tool import End, PassOn, Signal, ToolResult, Wait
from harness.turn.signals import with_answers
from harness.turn.talk import Turn
from tests.turn.talking import MemoryTools, Scene, said

DONE = End(Final("done", "three kettles"))


def turn(calls: tuple[ToolCall, ...], signals: dict[str, Signal]) -> Turn:
    async def call_tool(call: ToolCall) -> ToolResult:
        return ToolResult("noted", signal=signals.get(call.id))

    return Scene([said("so far", *calls), said("never asked for")], MemoryTools(call_tool)).play()


def calls(*ids: str) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(name, "tool", f'{{"n": "{name}"}}') for name in ids)


def test_a_call_that_waits_ends_the_loop_as_suspended_after_all_calls_were_answered() -> None:
    ended = turn(calls("a", "b", "c"), {"a": Wait("r-1"), "c": Wait("r-2")})
    assert ended.stop == Suspended(("r-1", "r-2"))
    assert ended.waits == {"a": "r-1", "c": "r-2"}
    assert [message.tool_call_id for message in ended.messages if message.role == "tool"] == ["a", "b", "c"]
    assert ended.progress.model_calls == 1


def test_a_call_that_ends_the_work_ends_the_loop_whatever_another_one_waits_for() -> None:
    ended = turn(calls("a", "b"), {"a": Wait("r-1"), "b": DONE})
    assert (ended.stop, ended.signal, ended.waits) == (Completed(), DONE, {})


def test_of_several_calls_that_end_the_work_the_last_one_counts() -> None:
    assert turn(calls("a", "b"), {"a": PassOn("scout", "busy"), "b": DONE}).signal == DONE


def test_the_answer_takes_the_place_of_the_last_call_of_that_id_only() -> None:
    """Providers number calls anew in each reply."""
    before = (
        Message("tool", "an older answer", tool_call_id="call_0"),
        Message("assistant", "and now"),
        Message("tool", "waiting", tool_call_id="call_0"),
        Message("tool", "kept", tool_call_id="call_1"),
    )
    after = with_answers(before, {"call_0": "three kettles"})
    assert [message.content for message in after] == ["an older answer", "and now", "three kettles", "kept"]
