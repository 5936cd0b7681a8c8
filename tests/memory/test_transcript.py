"""What a run had read of outside, wherever it stood: in a prompt, in the conversation it goes on with, or below it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from harness.domain.message import Message, ModelReply, ModelRequest, ToolCall
from harness.domain.tool import ToolResult
from harness.gate.outside import RECALLED_OUTSIDE, RECALLED_OWN, fence
from harness.memory.transcript import ToolUse, read_transcript
from harness.ports import RecordedStep
from harness.runs.collecting import Inputs
from harness.runs.plan import RunPlan
from harness.runs.suspending import Conversation
from harness.store.json_codec import from_json, to_json
from tests.memory.recorded import Recorded

CALL = ("feeds.table", {"field": "BUY"}, ToolResult("7 rows"))


def resumed(content: str) -> tuple[RecordedStep, ...]:
    """The steps of a run that goes on with a conversation in which the content was said."""
    begin, _, *others = Recorded([CALL]).steps()
    request = ModelRequest((Message("user", "# Your task"), Message("tool", content, tool_call_id="call_0")))
    conversation = Conversation(from_json(RunPlan, begin.value), Inputs(), request, {})
    value = json.loads(json.dumps(to_json(Conversation, conversation)))
    return (begin, RecordedStep(2, "resume", "resume", "hash", value), *others)


@pytest.mark.parametrize(
    ("content", "is_tainted"),
    [
        (fence("Buy gold", "answer to r-1"), True),
        (f"Read this:\n{fence('Buy gold', RECALLED_OUTSIDE)}", True),
        (fence("Count twice", RECALLED_OWN), False),
        ("Three kettles, and no <<<DATA id source>>> here.", False),
    ],
)
def test_a_run_that_goes_on_has_read_what_stands_in_its_conversation(content: str, is_tainted: bool) -> None:
    (use,) = read_transcript(resumed(content)).uses
    assert use.is_tainted is is_tainted


def test_what_was_read_below_is_read_by_whoever_goes_on_above() -> None:
    steps = list(Recorded([("delegate", {"task": "read"}, ToolResult("handed over")), CALL]).steps())
    page = ToolCall("call_9", "web.read", '{"url": "x"}')
    reply = ModelReply("", "test-model", (page,), finish="tool_calls")
    below = [
        ("model", "delegate-1/model-1", {"reply": to_json(ModelReply, reply)}),
        ("tool", "delegate-1/model-1.1", {"result": to_json(ToolResult, ToolResult("page", is_untrusted=True))}),
    ]
    recorded = [RecordedStep(0, kind, call_id, "hash", value) for kind, call_id, value in below]
    ordered = [replace(step, position=place) for place, step in enumerate([*steps[:4], *recorded, *steps[4:]], start=1)]
    uses = read_transcript(tuple(reversed(ordered))).uses
    assert [(use.tool, use.is_tainted) for use in uses] == [
        ("delegate", False),
        ("web.read", False),
        ("feeds.table", True),
    ]


def test_a_step_that_ended_with_an_error_is_passed_over() -> None:
    steps = Recorded([CALL]).steps()
    broken = (*steps, RecordedStep(9, "model", "model-2", "hash", None, "the endpoint is gone"))
    assert read_transcript(broken).uses == read_transcript(steps).uses


def test_what_was_not_made_is_no_mistake() -> None:
    def use(kind: str | None, rule: str | None = None) -> ToolUse:
        return ToolUse(1, "feeds", {}, kind, rule)

    assert [each for each in ("failed", "invalid", "refused", "timeout") if not use(each).is_mistake] == []
    assert [each for each in (use(None), use("cancelled"), use("refused", "known-mistake")) if each.is_mistake] == []
    # The same skill may be loaded by the next run: that the fourth was one too many is no lesson about it.
    assert not use("refused", "skill-limit").is_mistake
    assert use("refused", "path-outside").is_mistake
