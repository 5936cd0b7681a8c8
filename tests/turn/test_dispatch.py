"""The calls of one reply: how many at a time, in which order, and what becomes of those that are not done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.domain.message import ModelReply, ModelRequest, ToolCall
from harness.domain.run import Completed
from harness.domain.tool import Claim, ToolResult
from harness.turn.rules import TurnRules
from tests.turn.talking import LIMITS, RULES, MemoryTools, Scene, call, said


def calls(count: int, name: str = "feeds") -> tuple[ToolCall, ...]:
    return tuple(call(number, name, json.dumps({"n": number})) for number in range(1, count + 1))


class Crowd:
    """Tools that note who is at work together; each lets the others begin before it goes on."""

    def __init__(self) -> None:
        self.at_work: list[str] = []
        self.together: list[set[str]] = []
        self.most = 0

    async def answer(self, call: ToolCall) -> ToolResult:
        self.at_work.append(call.id)
        self.most = max(self.most, len(self.at_work))
        self.together.append(set(self.at_work))
        for _ in range(20):
            await asyncio.sleep(0)
        self.together.append(set(self.at_work))
        self.at_work.remove(call.id)
        return ToolResult(f"result of {call.id}")

    def were_together(self, *ids: str) -> bool:
        return any(set(ids) <= group for group in self.together)


def by_name(call: ToolCall) -> Claim:
    """As the tools of the harness say: `write` acts, `write.a` on a thing of its own, all else reads."""
    if call.name == "write":
        return None
    return frozenset((call.name,)) if call.name.startswith("write.") else frozenset()


def play(crowd: Crowd, *of_reply: ToolCall, rules: TurnRules = RULES) -> Scene:
    scene = Scene([said("", *of_reply), said("done")], MemoryTools(crowd.answer, by_name))
    assert scene.play(rules=rules, limits=replace(LIMITS, max_failures=5)).stop == Completed()
    return scene


def answers(scene: Scene) -> list[tuple[str | None, str]]:
    return [(m.tool_call_id, m.content) for m in scene.model.requests[-1].messages if m.role == "tool"]


def test_calls_that_read_run_side_by_side_up_to_the_cap_and_are_answered_in_call_order() -> None:
    crowd = Crowd()
    scene = play(crowd, *calls(30))
    assert crowd.most == RULES.side_by_side == 8
    assert answers(scene) == [(f"c{n}", f"result of c{n}") for n in range(1, 31)]


def test_a_call_that_acts_runs_alone_after_all_before_it_and_before_all_after_it() -> None:
    crowd = Crowd()
    play(crowd, call(1), call(2, "web"), call(3, "write"), call(4, "write", "{1}"), call(5, "x"), call(6, "y"))
    assert crowd.were_together("c1", "c2")
    assert crowd.were_together("c5", "c6")
    assert [group for group in crowd.together if group & {"c3", "c4"} and len(group) > 1] == []
    begun = list(dict.fromkeys(one for group in crowd.together for one in sorted(group)))
    assert begun.index("c3") < begun.index("c4") < begun.index("c5")


def test_two_calls_that_act_on_different_things_run_together_where_their_tool_says_so() -> None:
    crowd = Crowd()
    play(crowd, call(1, "write.a"), call(2, "write.b"), call(3, "write.a", "{1}"))
    assert crowd.were_together("c1", "c2")
    assert not crowd.were_together("c1", "c3")


def test_a_call_knows_what_was_answered_before_it_in_the_same_reply() -> None:
    scene = play(Crowd(), call(1), call(2, "write"), call(3))
    known = {
        made.id: [m.tool_call_id for m in said_before if m.role == "tool"] for made, said_before in scene.tools.called
    }
    assert known == {"c1": [], "c2": ["c1"], "c3": ["c1", "c2"]}


def test_of_a_hundred_calls_the_first_are_done_and_the_others_are_told_of_the_cap() -> None:
    crowd = Crowd()
    scene = play(crowd, *calls(100))
    told = answers(scene)
    assert [call_id for call_id, _ in told] == [f"c{n}" for n in range(1, 101)]
    assert len(scene.tools.called) == RULES.calls_per_reply == 32
    assert {content for _, content in told[32:]} == {
        "not done: of one reply the first 32 calls are carried out; ask for the rest again"
    }
    assert len([record for record in scene.records if record["kind"] == "tool"]) == 32


def test_what_was_beyond_the_cap_may_be_asked_for_until_it_is_done() -> None:
    def rest(request: ModelRequest) -> ModelReply:
        done = {m.tool_call_id for m in request.messages if m.role == "tool" and m.content.startswith("result")}
        left = [one for one in calls(120) if one.id not in done]
        return said("", *left) if left else said("done")

    scene = Scene(rest, MemoryTools(Crowd().answer, by_name))
    assert scene.play(rules=RULES).stop == Completed()
    assert len(scene.tools.called) == 120


def test_a_run_that_was_begun_before_there_was_a_cap_goes_on_without_one() -> None:
    assert len(play(Crowd(), *calls(40), rules=TurnRules()).tools.called) == 40


def test_a_chain_in_which_one_call_is_refused_goes_on_with_the_next() -> None:
    async def answer(call: ToolCall) -> ToolResult:
        if call.id == "c2":
            return ToolResult("refused (path-outside): no", error_kind="refused", rule="path-outside")
        return ToolResult("wrote")

    scene = Scene([said("", *calls(3, "write")), said("done")], MemoryTools(answer, by_name))
    scene.play(rules=RULES)
    assert [content for _, content in answers(scene)] == ["wrote", "refused (path-outside): no", "wrote"]


class Passing:
    """A stopwatch that a tool moves on."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_calls_for_which_no_time_is_left_are_not_begun_and_say_so_also_on_replay() -> None:
    watch = Passing()

    async def slow(call: ToolCall) -> ToolResult:
        watch.now_s += 400
        return ToolResult("wrote")

    records: list[Any] = []

    def ended(stopwatch: Callable[[], float]) -> tuple[str, list[str]]:
        scene = Scene([said("", *calls(5, "write"))], MemoryTools(slow, by_name), records, stopwatch=stopwatch)
        turn = scene.play(rules=RULES)
        return turn.stop.reason, [m.content for m in turn.messages if m.role == "tool"]

    first = ended(watch)
    assert first == ("timeout", ["wrote"] * 3 + ["not done: the time of this run is up"] * 2)
    assert ended(lambda: 0.0) == first


def test_a_replay_gives_each_call_its_own_result_whatever_finished_first_and_repeats_none() -> None:
    records: list[Any] = []

    def scene() -> Scene:
        return Scene([said("", *calls(20)), said("done")], MemoryTools(Crowd().answer, by_name), records)

    first = scene()
    first.play(rules=RULES)
    records[15] = None  # killed with one result missing
    again = scene()
    again.model.requests.clear()
    again.play(rules=RULES)
    assert [made.id for made, _ in again.tools.called] == ["c15"]
    assert again.steps.performed == ["model-1.15"]
