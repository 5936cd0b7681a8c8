from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.domain.budget import BudgetReached
from harness.domain.errors import ReplayMismatch, TransientError
from harness.domain.message import ModelReply, ToolCall, Usage
from harness.domain.run import BudgetSpent, Completed
from harness.domain.tool import ToolResult
from harness.store.step_records import args_hash
from harness.testing.engine import MemorySteps
from harness.testing.models import ScriptedModel
from harness.turn.limits import TurnLimits
from harness.turn.loop import run_turn
from harness.turn.means import Means
from harness.turn.talk import Turn
from tests.turn.talking import LIMITS, REQUEST, Answer, MemoryTools, Scene, answer_ok, call, said


def turn(
    *replies: ModelReply | Exception,
    limits: TurnLimits = LIMITS,
    call_tool: Answer = answer_ok,
    steps: MemorySteps | None = None,
    stopwatch: Callable[[], float] = lambda: 0.0,
    booked: list[str] | None = None,
    run_id: str = "",
) -> tuple[Turn, ScriptedModel]:
    """Play a turn under the rules of runs that were begun before there were any."""
    scene = Scene(list(replies), MemoryTools(call_tool), stopwatch=stopwatch, run_id=run_id)
    scene.steps = steps or scene.steps
    scene.booked = scene.booked if booked is None else booked
    return scene.play(limits=limits), scene.model


def test_a_final_answer_completes_the_turn() -> None:
    ended, _ = turn(said("all quiet"))
    assert (ended.stop, ended.text) == (Completed(), "all quiet")


def test_every_call_is_answered_in_call_order_whatever_finishes_first() -> None:
    first_may_finish = asyncio.Event()

    async def answer(call: ToolCall) -> ToolResult:
        if call.id == "c1":
            await first_may_finish.wait()
        else:
            first_may_finish.set()
        return ToolResult(f"result of {call.id}")

    _, model = turn(
        said("", call(1, arguments='{"n":1}'), call(2, arguments='{"n":2}')), said("done"), call_tool=answer
    )
    answers = [(m.tool_call_id, m.content) for m in model.requests[1].messages if m.role == "tool"]
    assert answers == [("c1", "result of c1"), ("c2", "result of c2")]


def test_a_replay_asks_neither_model_nor_tools_again() -> None:
    records: list[Any] = []
    first = MemorySteps(records)
    booked: list[str] = []
    turn(said("", call(1), call(2, "web.read")), said("done"), steps=first, booked=booked)
    assert first.performed == ["model-1", "model-1.1", "model-1.2", "model-2"]
    again = MemorySteps(records)
    replayed, model = turn(steps=again, booked=booked)
    assert (replayed.text, model.requests, again.performed) == ("done", [], [])
    assert booked == ["model-1", "model-2"]


def test_a_replay_of_another_conversation_is_noticed() -> None:
    records: list[Any] = []
    turn(said("", call(1)), said("done"), steps=MemorySteps(records))
    records[0]["value"]["reply"]["tool_calls"][0]["arguments"] = json.dumps({"another": "call"})
    with pytest.raises(ReplayMismatch):
        turn(steps=MemorySteps(records))


def endless(_: Any = None) -> list[ModelReply]:
    return [said("", call(n, arguments=json.dumps({"n": n}))) for n in range(20)]


def test_a_budget_is_held_before_the_call_that_would_break_it() -> None:
    _, model = turn(
        said("", call(1), usage=Usage(100, 0, 900), cost_usd=0.0009),
        said("never asked"),
        limits=replace(LIMITS, budget_usd=0.0015),
    )
    assert len(model.requests) == 1


def test_a_call_over_the_token_budget_is_not_made() -> None:
    ended, model = turn(said("never asked"), limits=replace(LIMITS, budget_tokens=500))
    assert (ended.stop.reason, model.requests) == ("budget", [])


def test_calls_before_the_third_repetition_are_answered() -> None:
    ended, model = turn(
        said("", call(1, arguments='{"a": 1, "b": 2}')),
        said("", call(2, arguments='{"b":2,"a":1}')),
        said("", call(3, arguments='{"a":1,"b":2}')),
        said("never asked"),
    )
    assert len(model.requests) == 3
    answered = {m.tool_call_id for m in ended.messages if m.role == "tool"}
    assert answered == {"c1", "c2"}


def test_a_success_in_between_forgives_earlier_failures() -> None:
    async def mostly_failing(call: ToolCall) -> ToolResult:
        return ToolResult("x", error_kind=None if call.id == "c3" else "failed")

    ended, _ = turn(*endless()[:5], said("done"), call_tool=mostly_failing)
    assert ended.stop == Completed()


def test_an_answer_cut_by_the_output_limit_is_marked() -> None:
    ended, _ = turn(said("half a sen", finish="length"))
    assert ended.is_truncated


def test_text_from_outside_taints_the_turn() -> None:
    async def outside(call: ToolCall) -> ToolResult:
        return ToolResult("from the web", is_untrusted=True)

    ended, _ = turn(said("", call(1)), said("done"), call_tool=outside)
    assert ended.is_tainted


def test_a_model_that_cannot_be_reached_is_the_callers_to_judge() -> None:
    with pytest.raises(TransientError, match="overloaded"):
        turn(TransientError("overloaded after 4 attempts"))


def test_arguments_nested_beyond_all_measure_are_answered_and_not_a_fault() -> None:
    ended, _ = turn(said("", call(1, arguments="[" * 100_000)), said("done"))
    assert ended.stop == Completed()


def test_a_call_carries_the_key_of_its_run_and_its_record_is_of_any_run() -> None:
    records: list[Any] = []
    _, model = turn(said("", call(1)), said("done"), steps=MemorySteps(records), run_id="cron:scout/morning:1")
    ended, unasked = turn(steps=MemorySteps(records), run_id="fork:scout/morning:2")

    assert [request.key for request in model.requests] == [f"cron:scout/morning:1/model-{n}" for n in (1, 2)]
    assert (ended.text, unasked.requests) == ("done", [])


def test_a_call_that_a_budget_has_no_room_for_ends_the_turn_by_that_name_also_on_replay() -> None:
    spent = BudgetSpent("usd", 4.98, 5.0, "the team's day")
    records: list[Any] = []
    ended, _ = turn(BudgetReached(spent), steps=MemorySteps(records))
    replayed, model = turn(steps=MemorySteps(records))
    assert ended.stop == replayed.stop == spent
    assert model.requests == []


def test_each_call_is_booked_with_how_long_its_model_took() -> None:
    latencies: list[float] = []
    scene = Scene([said("done")])

    def book(call_id: str, reply: ModelReply, latency_s: float) -> None:
        latencies.append(latency_s)

    means = Means(scene.model, scene.tools, scene.steps, iter(range(0, 100, 7)).__next__, book)
    ended = asyncio.run(run_turn(REQUEST, means, LIMITS))
    assert (ended.stop, latencies) == (Completed(), [7])


def test_what_a_model_thought_goes_back_to_it_and_older_records_match() -> None:
    records: list[Any] = []
    _, model = turn(said("", call(1), thinking="opaque"), said("Done."), steps=MemorySteps(records))
    told = model.requests[1].messages
    assert [message.thinking for message in told] == ["", "", "opaque", ""]
    # The hash that a record of this first call had before a message could hold thoughts.
    asked = {
        "messages": [
            {"role": role, "content": content, "tool_calls": [], "tool_call_id": None}
            for role, content in (("system", "You are scout."), ("user", "Report."))
        ],
        "tools": [], "sources": [], "min_items": 0, "max_items": 30, "max_output_tokens": 1000,
    }  # fmt: skip
    assert records[0]["args_hash"] == args_hash(asked)
