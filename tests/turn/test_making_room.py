"""A conversation that nears the end of the model's context: least harm first, and never what must stay."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from harness.domain.errors import LimitReached, TransientError
from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall, Usage
from harness.domain.run import Completed, ContextFull, MaxIterations
from harness.domain.scratchpad import NOTED, Entry, is_note, pad_of
from harness.domain.tool import ToolResult
from harness.gate.outside import fence
from harness.llm.extractive import LABEL
from harness.turn.compaction import SUMMARY_PROMPT, size_of, span_of, without_old_results
from harness.turn.rules import TurnRules, rules_for
from harness.turn.talk import Transition, Turn
from tests.turn.talking import LIMITS, REQUEST, MemoryTools, Scene, call, said

WORDS = "kettle " * 400
"""480 tokens, by our estimate."""
SUMMARY = "- Decisions: kettles first\n- Identifiers: https://example.org/1"
SMALL = rules_for(6_000, 1_000)
LONG = replace(LIMITS, max_iterations=40)


def is_summary(request: ModelRequest) -> bool:
    return request.messages[0].content == SUMMARY_PROMPT


class Model:
    """Says so many replies with calls, then an answer; condenses when it is asked to."""

    def __init__(self, *calls: ToolCall, summary: ModelReply | Exception | None = None) -> None:
        self.calls = list(calls)
        self.summary = summary or said(SUMMARY, usage=Usage(900, 0, 90), cost_usd=0.25)

    def __call__(self, request: ModelRequest) -> ModelReply | Exception:
        if is_summary(request):
            return self.summary
        return said("", self.calls.pop(0)) if self.calls else said("done")


def read(count: int, first: int = 1) -> list[ToolCall]:
    return [call(number, "web.read", json.dumps({"n": number})) for number in range(first, first + count)]


async def a_page(call: ToolCall) -> ToolResult:
    if call.name == "scratchpad":
        return ToolResult(f"{NOTED} 1 on the pad")
    return ToolResult(f"page of {call.id}: {WORDS}")


def play(model: Model, rules: TurnRules = SMALL, **more: Any) -> tuple[Turn, Scene]:
    scene = Scene(model, MemoryTools(a_page), **more)
    return scene.play(limits=LONG, rules=rules), scene


def contents(request: ModelRequest) -> list[str]:
    return [message.content for message in request.messages if message.role == "tool"]


def largest(scene: Scene) -> int:
    return max(size_of(request) + request.max_output_tokens for request in scene.model.requests)


# ── What goes first ──────────────────────────────────────────────────────────────────────────────


def test_a_conversation_that_fits_is_left_as_it_is() -> None:
    turn, scene = play(Model(*read(4)))
    assert turn.transitions == (Transition.ANSWERED,) * 4
    assert not scene.tools.kept


def test_old_results_go_first_each_whole_into_a_file_that_its_line_names() -> None:
    turn, scene = play(Model(*read(11)))
    assert turn.stop == Completed()
    assert Transition.DROPPED in turn.transitions
    assert Transition.SUMMARISED not in turn.transitions
    last = contents(scene.model.requests[-1])
    assert len(last) == 11
    assert last[0].startswith("[2,812 characters of web.read were taken out to make room; the whole: @run/web.read-c1-")
    assert last[0].endswith("; read it with files.read]")
    assert last[-1] == f"page of c11: {WORDS}"
    name = last[0].split("@run/")[1].split(";")[0]
    assert scene.tools.kept[name] == f"page of c1: {WORDS}"
    assert largest(scene) <= SMALL.context_tokens


def test_what_lay_in_a_file_already_is_pointed_at_there() -> None:
    async def preview(call: ToolCall) -> ToolResult:
        notice = f"\n… cut here, of 90,000 characters; @run/web.read-{call.id}-12345678.txt: read on with files.read"
        return ToolResult(WORDS + notice)

    scene = Scene(Model(*read(11)), MemoryTools(preview))
    turn = scene.play(limits=LONG, rules=SMALL)
    assert Transition.DROPPED in turn.transitions
    assert scene.tools.kept == {}
    assert "the whole: @run/web.read-c1-12345678.txt;" in contents(scene.model.requests[-1])[0]


def test_where_that_is_not_enough_a_model_condenses_what_is_old_and_its_tokens_count() -> None:
    calls = [replace(one, arguments=json.dumps({"n": one.id, "why": WORDS})) for one in read(9)]
    turn, scene = play(Model(*calls))
    assert turn.stop == Completed()
    assert Transition.SUMMARISED in turn.transitions
    last = scene.model.requests[-1].messages
    assert last[:2] == REQUEST.messages, "the rules and the task stay as they are"
    (note,) = [message for message in last if is_note(message)]
    assert fence(SUMMARY, "summary of the conversation before") in note.content
    summaries = [number for number, one in enumerate(scene.model.requests) if is_summary(one)]
    assert turn.usage.input_tokens == 900 * len(summaries)
    assert turn.progress.cost_usd == 0.25 * len(summaries)
    assert [one for one in scene.booked if one.startswith("summary-")]
    assert turn.progress.model_calls == 10, "to condense is no iteration"
    assert largest(scene) <= SMALL.context_tokens


@pytest.mark.parametrize(
    "summary",
    [TransientError("overloaded"), said(""), said("no", finish="refused"), ModelReply("nothing to select", LABEL)],
)
def test_without_a_summary_the_turn_ends_by_the_name_of_the_context(summary: ModelReply | Exception) -> None:
    calls = [replace(one, arguments=json.dumps({"n": one.id, "why": WORDS})) for one in read(20)]
    turn, scene = play(Model(*calls, summary=summary))
    assert isinstance(turn.stop, ContextFull)
    assert "more than the" in str(turn.stop)
    assert largest(scene) <= SMALL.context_tokens


def test_a_conversation_that_stays_long_is_not_condensed_before_every_call() -> None:
    """What a note would save is less than the note: it would have to be made again at once, and paid for."""
    asked = Message("assistant", "", (ToolCall("a1", "ask", json.dumps({"task": "kettle " * 3_500})),))
    told = Message("tool", "sent: request r-1", tool_call_id="a1")
    request = replace(REQUEST, messages=(*REQUEST.messages, asked, told))
    scene = Scene(Model(*[call(n, "web.read", f'{{"n": {n}}}') for n in range(12)]))
    turn = scene.play(request, limits=LONG, rules=SMALL)
    assert turn.stop == Completed()
    assert not [one for one in scene.model.requests if is_summary(one)]


def test_a_summary_that_a_budget_has_no_room_for_is_not_asked_for() -> None:
    calls = [replace(one, arguments=json.dumps({"n": one.id, "why": WORDS})) for one in read(20)]
    model = Model(*calls)

    def counted(request: ModelRequest) -> ModelReply:
        reply = model(request)
        assert isinstance(reply, ModelReply)
        return replace(reply, usage=Usage(1_000, 0, 0))

    scene = Scene(counted, MemoryTools(a_page))
    turn = scene.play(limits=replace(LONG, budget_tokens=8_000), rules=SMALL)
    assert turn.stop.reason == "budget"
    assert not [one for one in scene.model.requests if is_summary(one)]


def test_when_only_the_last_results_are_left_their_beginnings_stay() -> None:
    async def long_page(call: ToolCall) -> ToolResult:
        return ToolResult(fence(f"page of {call.id}: {'水' * 2_900}", "web.read"), is_untrusted=True)

    scene = Scene(Model(*read(2)), MemoryTools(long_page))
    turn = scene.play(limits=LONG, rules=SMALL)
    assert turn.stop == Completed()
    shown = contents(scene.model.requests[-1])
    assert "page of c1: 水水水" in shown[0]
    assert "… cut here, of 2,912 characters; @run/web.read-c1-" in shown[0]
    assert shown[0].startswith("<<<DATA ")
    assert shown[0].rstrip().split("\n")[-1].startswith("<<<END "), "what is fenced stays fenced"


# ── What must stay ───────────────────────────────────────────────────────────────────────────────


def test_the_pad_is_there_after_its_calls_were_condensed() -> None:
    pad = ToolCall("p1", "scratchpad", json.dumps({"action": "set", "name": "goal", "text": "five", "kind": "plan"}))
    more = ToolCall("p2", "scratchpad", json.dumps({"action": "append", "name": "goal", "text": "kettles"}))
    calls = [replace(one, arguments=json.dumps({"n": one.id, "why": WORDS})) for one in read(12)]
    turn, scene = play(Model(pad, *calls[:6], more, *calls[6:]))
    assert turn.stop == Completed()
    last = scene.model.requests[-1].messages
    assert not [one for message in last for one in message.tool_calls if one.name == "scratchpad"], "they are gone"
    assert pad_of(last).entries == {"goal": Entry("plan", "five\nkettles")}


def test_what_was_asked_of_others_and_what_came_of_it_stays() -> None:
    asked = Message("assistant", "", (ToolCall("a1", "ask", '{"to": "scout"}'), ToolCall("a2", "web.read", "{}")))
    answers = (Message("tool", "sent: request r-1", tool_call_id="a1"), Message("tool", WORDS, tool_call_id="a2"))
    request = replace(REQUEST, messages=(*REQUEST.messages, asked, *answers))
    calls = [replace(one, arguments=json.dumps({"n": one.id, "why": WORDS})) for one in read(9)]
    scene = Scene(Model(*calls), MemoryTools(a_page))
    turn = scene.play(request, limits=LONG, rules=SMALL)
    assert Transition.SUMMARISED in turn.transitions
    last = scene.model.requests[-1].messages
    assert asked in last
    assert answers[0] in last
    assert last.index(answers[0]) == last.index(asked) + 1


def test_an_answer_that_has_just_come_is_never_taken_out() -> None:
    asked = Message("assistant", "", (ToolCall("a1", "ask", '{"wait": true}'),))
    answered = Message("tool", f"done: {WORDS}", tool_call_id="a1")
    messages = (*REQUEST.messages, asked, answered)
    shorter = without_old_results(replace(REQUEST, messages=messages), 0, recent=0, can_read=True)
    assert (shorter.messages, shorter.files) == (messages, {})


def test_what_the_harness_said_to_an_answer_stays_with_the_answer() -> None:
    first = (Message("assistant", "- [Story](https://x) — told."), Message("user", "Your answer breaks its contract."))
    rounds = [
        message
        for number in range(4)
        for message in (
            Message("assistant", "", (call(number),)),
            Message("tool", "result", tool_call_id=f"c{number}"),
        )
    ]
    span = span_of((*REQUEST.messages, *rounds[:2], *first, *rounds[2:]), recent=2)
    assert span is not None
    assert span.pinned == first
    assert [message.content for message in span.taken] == ["", "result", "", "result"]


def test_who_cannot_read_files_is_not_told_to() -> None:
    scene = Scene(Model(*read(11)), MemoryTools(a_page, can_read_files=False))
    scene.play(limits=LONG, rules=SMALL)
    assert "files.read" not in contents(scene.model.requests[-1])[0]


# ── When the model itself says so ────────────────────────────────────────────────────────────────


class Narrow(Model):
    """Takes fewer tokens than its profile says."""

    def __init__(self, tokens: int, *calls: ToolCall) -> None:
        super().__init__(*calls)
        self.tokens = tokens

    def __call__(self, request: ModelRequest) -> ModelReply | Exception:
        if size_of(request) > self.tokens and not is_summary(request):
            return LimitReached("context", "8,192 tokens at most, says the endpoint")
        return super().__call__(request)


def test_a_conversation_that_the_model_calls_too_long_is_made_shorter_once_and_asked_again() -> None:
    turn, scene = play(Narrow(2_000, *read(6)), rules=rules_for(100_000, 1_000))
    assert turn.stop == Completed()
    assert Transition.RETRIED_SHORTER in turn.transitions
    assert Transition.DROPPED in turn.transitions
    assert [one for one in scene.booked if one.startswith("model-")][-1] == f"model-{turn.progress.model_calls}"


def test_what_a_model_takes_is_known_from_then_on() -> None:
    turn, _ = play(Narrow(2_000, *read(14)), rules=rules_for(100_000, 100))
    assert turn.stop == Completed()
    assert turn.transitions.count(Transition.RETRIED_SHORTER) == 1, "it is not asked for too much again"
    assert turn.transitions.count(Transition.DROPPED) > 1


def test_a_model_that_takes_nothing_ends_the_turn_in_its_own_words() -> None:
    turn, scene = play(Narrow(0, *read(6)), rules=rules_for(100_000, 1_000))
    assert turn.stop == ContextFull("8,192 tokens at most, says the endpoint")
    assert len(scene.model.requests) == 1, "there is nothing to take out"


def test_a_conversation_that_is_too_long_again_when_it_is_shorter_ends_the_turn() -> None:
    class Narrower(Narrow):
        def __call__(self, request: ModelRequest) -> ModelReply | Exception:
            answer = super().__call__(request)
            self.tokens = 100 if isinstance(answer, LimitReached) else self.tokens
            return answer

    turn, _ = play(Narrower(2_000, *read(6)), rules=rules_for(100_000, 1_000))
    assert turn.stop == ContextFull("8,192 tokens at most, says the endpoint")
    assert turn.transitions.count(Transition.RETRIED_SHORTER) == 1


def test_to_ask_again_counts_as_an_iteration() -> None:
    scene = Scene(Narrow(2_000, *read(6)), MemoryTools(a_page))
    turn = scene.play(limits=replace(LIMITS, max_iterations=4), rules=rules_for(100_000, 1_000))
    assert turn.stop == MaxIterations(4)
    assert len([one for one in scene.model.requests if not is_summary(one)]) == 4


def test_a_run_that_was_begun_before_there_were_rules_raises_what_the_model_raises() -> None:
    with pytest.raises(LimitReached, match="says the endpoint"):
        play(Narrow(0), rules=TurnRules())


# ── On replay ────────────────────────────────────────────────────────────────────────────────────


def test_a_replay_comes_the_same_way_wherever_the_run_was_killed_and_repeats_nothing() -> None:
    calls = [replace(one, arguments=json.dumps({"n": one.id, "why": WORDS})) for one in read(9)]
    first, scene = play(Model(*calls))
    kinds = [record["kind"] for record in scene.records]
    assert {"model", "tool", "keep"} == set(kinds)
    assert len({(record["kind"], record["call_id"]) for record in scene.records}) == len(kinds), "each has its own name"
    for killed_at in range(0, len(kinds), 3):
        # The model goes on where it was: what it has said is on record.
        said_before = sum(
            record["call_id"].startswith("model-") and record["kind"] == "model" for record in scene.records[:killed_at]
        )
        again, replayed = play(Model(*calls[said_before:]), records=[*scene.records[:killed_at]])
        assert again == first
        assert replayed.steps.performed == [record["call_id"] for record in scene.records[killed_at:]]
