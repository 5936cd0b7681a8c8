"""Every tool call has its result in every history that a model sees, whatever happened before.

Whole stories are made up: replies with any calls, tools that fail or wait, models that fail or call the conversation
too long, conversations that are condensed, runs that are killed and go on, and runs that wait and go on.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from harness.domain.errors import HarnessError, LimitReached, TransientError
from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall
from harness.domain.run import Completed, Suspended
from harness.domain.scratchpad import NOTED, Change, Scratchpad, pad_of
from harness.domain.tool import Claim, Delegate, ToolResult, Wait
from harness.turn.compaction import SUMMARY_PROMPT, size_of
from harness.turn.limits import Progress, progress_from_json, progress_to_json
from harness.turn.rules import TurnRules, rules_for
from harness.turn.signals import with_answers
from harness.turn.talk import Turn
from tests.turn.talking import LIMITS, REQUEST, MemoryTools, Scene, said, schema

STORY_LIMITS = replace(LIMITS, max_iterations=30, max_failures=4)
TASK = replace(REQUEST, tools=(schema("web.read"), schema("delegate")), max_output_tokens=500)
OVERLOADED = "overloaded"
TOO_LONG = "too long"

KINDS = (
    "web.read", "web.read", "web.read", "web.read", "files.write", "fails", "hangs", "scratchpad", "scratchpad", "ask",
    "delegate",
)  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What a model says: a reply with calls of these kinds, or how it fails; `chars` is how long its results are."""

    kinds: tuple[str, ...]
    chars: int
    fails: str = ""
    is_cut: bool = False


SAID = st.builds(
    Said,
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=4).map(tuple),
    st.sampled_from((3_000, 600, 9_000, 10)),
)
FAILS = st.builds(Said, st.just(()), st.just(10), st.sampled_from(("", OVERLOADED)), st.booleans())
STORY = st.tuples(st.lists(SAID, min_size=3, max_size=9), st.lists(FAILS, max_size=1), st.lists(SAID, max_size=4)).map(
    lambda parts: [*parts[0], *parts[1], *parts[2]]
)


@dataclass
class World:
    """A model and tools that act out a story; what the model says depends only on how often it was asked before."""

    story: list[Said]
    waits: bool
    summary_fails: bool
    narrow: int = 0
    """So many tokens the model takes, whatever its profile says; 0: as many as that."""
    interrupted_at: int = 0
    """At the start of which tool call the run is interrupted, once."""
    called: int = 0
    asked: int = 0
    seen: list[ModelRequest] = field(default_factory=list)
    pad: Scratchpad | None = field(default_factory=Scratchpad)
    """What the calls came to that were accepted, from the beginning on; None where that was not seen."""

    def model(self, request: ModelRequest) -> ModelReply | Exception:
        self.seen.append(request)
        if self.pad is not None and request.messages[0] == TASK.messages[0]:
            assert pad_of(request.messages) == self.pad
        if request.messages[0].content == SUMMARY_PROMPT:
            return TransientError("no summary") if self.summary_fails else said("- Decisions: none")
        if self.narrow and size_of(request) > self.narrow:
            return LimitReached("context", TOO_LONG)
        number, self.asked = self.asked, self.asked + 1
        if number >= len(self.story):
            return said("done")
        now = self.story[number]
        if now.fails:
            return TransientError(now.fails)
        calls = tuple(
            ToolCall(f"call_{place}", kind, self._arguments(kind, number, place, now))
            for place, kind in enumerate(now.kinds)
        )
        return said("so far", *calls, finish="length" if now.is_cut and not calls else "stop")

    def _arguments(self, kind: str, number: int, place: int, now: Said) -> str:
        if kind == "scratchpad":
            return json.dumps({"action": "append", "name": f"n{place}", "text": str(number), "kind": "fact"})
        if kind == "hangs":
            return "{" * place + str(number)
        return json.dumps({"n": number, "place": place, "chars": now.chars, "why": "kettle " * 60})

    async def tool(self, call: ToolCall) -> ToolResult:
        self.called += 1
        if self.called == self.interrupted_at:
            raise asyncio.CancelledError
        if call.name == "fails":
            return ToolResult(f"fails: no ({call.id})", error_kind="failed")
        if call.name == "hangs":
            return ToolResult(f"hangs gave no answer ({call.id})", error_kind="timeout")
        if call.name == "scratchpad":
            arguments = json.loads(call.arguments)
            change = Change(arguments["action"], arguments["name"], arguments["text"], arguments["kind"])
            self.pad = None if self.pad is None else self.pad.with_change(change)
            return ToolResult(f"{NOTED} 1 on the pad ({call.id})")
        if call.name == "ask":
            return ToolResult(f"request r-{call.id}", signal=Wait(f"r-{call.id}") if self.waits else None)
        arguments = json.loads(call.arguments)
        if call.name == "delegate":
            return ToolResult("handed over", signal=Delegate("Count.", tools=("web.read",)))
        return ToolResult(f"{call.id} of {arguments['n']}: " + "kettle " * (arguments["chars"] // 7))

    def claim(self, call: ToolCall) -> Claim:
        return None if call.name in ("files.write", "scratchpad", "ask") else frozenset()


def check(messages: tuple[Message, ...]) -> None:
    """Each reply's calls are answered right behind it, in call order, and nothing is answered that was not asked."""
    place = 0
    while place < len(messages):
        message = messages[place]
        assert message.role != "tool", f"message {place} answers nothing"
        place += 1
        wanted = [call.id for call in message.tool_calls]
        answers = messages[place : place + len(wanted)]
        assert [(answer.role, answer.tool_call_id) for answer in answers] == [("tool", name) for name in wanted]
        assert all(answer.content for answer in answers)
        place += len(wanted)


def check_seen(world: World, rules: TurnRules) -> None:
    for request in world.seen:
        check(request.messages)
        if request.messages[0] != TASK.messages[0]:
            continue
        assert request.messages[:2] == TASK.messages, "the rules and the task are never touched"
        assert rules.context_tokens == 0 or size_of(request) <= rules.context_tokens


def is_told(record: dict[str, Any]) -> bool:
    """Whether a record of a model call is one that took a place in the story."""
    return "summary" not in record["call_id"] and TOO_LONG not in str(record.get("error"))


def outcome_of(play: Callable[[], Turn]) -> Turn | str:
    try:
        return play()
    except HarnessError as error:
        return str(error)


def play(world: World, rules: TurnRules, records: list[Any], request: ModelRequest, progress: Progress) -> Turn:
    scene = Scene(world.model, MemoryTools(world.tool, world.claim), records)
    return scene.play(request, STORY_LIMITS, rules, progress)


RULES = st.sampled_from(
    (rules_for(4_000, 500), rules_for(8_000, 2_000), rules_for(100_000, 2_000), rules_for(4_000, 4_000), TurnRules())
)


@settings(max_examples=150, deadline=None)
@given(STORY, RULES, st.booleans(), st.booleans(), st.sampled_from((0, 0, 2_500)), st.data())
def test_every_call_has_its_result_in_every_history_the_model_sees(
    story: list[Said], rules: TurnRules, waits: bool, summary_fails: bool, narrow: int, data: st.DataObject
) -> None:
    world = World(story, waits, summary_fails, narrow)
    records: list[Any] = []
    came = outcome_of(lambda: play(world, rules, records, TASK, Progress()))
    check_seen(world, rules)
    for transition in came.transitions if isinstance(came, Turn) else ():
        event(transition)
    event(came.stop.reason if isinstance(came, Turn) else "raised")

    # Killed anywhere, with any of the calls that were under way unrecorded, it goes on to the same end.
    killed_at = data.draw(st.integers(0, len(records)), "killed at")
    left = [*records[:killed_at]]
    asked = sum(one["kind"] == "model" and is_told(one) for one in left)
    again = replace(world, asked=asked, called=0, seen=[], pad=None)
    assert outcome_of(lambda: play(again, rules, left, TASK, Progress())) == came
    check_seen(again, rules)
    assert [one["call_id"] for one in left] == [one["call_id"] for one in records]

    # Interrupted while calls are under way, some of them recorded and some not, it goes on to the same end.
    torn: list[Any] = []
    interrupted = replace(world, asked=0, called=0, seen=[], pad=None, interrupted_at=data.draw(st.integers(1, 20)))
    with suppress(asyncio.CancelledError):
        assert outcome_of(lambda: play(interrupted, rules, torn, TASK, Progress())) == came, "nothing interrupted it"
    assert outcome_of(lambda: play(interrupted, rules, torn, TASK, Progress())) == came
    check_seen(interrupted, rules)

    # A run that waits goes on with the answers in their places, and a new one begins from what was kept of it.
    while isinstance(came, Turn) and isinstance(came.stop, Suspended):
        answers = {call_id: f"the answer to {request_id}" for call_id, request_id in came.waits.items()}
        kept = progress_from_json(json.loads(json.dumps(progress_to_json(came.progress))))
        request = replace(TASK, messages=with_answers(came.messages, answers))
        world.seen.clear()
        came = outcome_of(lambda request=request, kept=kept: play(world, rules, [], request, kept))  # type: ignore[misc]
        check_seen(world, rules)
        of_task = [one.messages for one in world.seen if one.messages[0] == TASK.messages[0]]
        first = of_task[0] if of_task else ()
        # What has just been answered is there to be read, whatever had to go.
        assert not first or all(any(m.content == answer for m in first) for answer in answers.values())

    # What a person makes of it, and the one turn in which an answer is repaired.
    if isinstance(came, Turn) and isinstance(came.stop, Completed):
        world.seen.clear()
        repair = replace(TASK, messages=(*came.messages, Message("user", "Your answer breaks its contract.")))
        outcome_of(lambda: play(world, rules, [], repair, came.progress))
        check_seen(world, rules)
        for request in world.seen:
            if request.messages[0] == TASK.messages[0]:
                assert repair.messages[-1] in request.messages
