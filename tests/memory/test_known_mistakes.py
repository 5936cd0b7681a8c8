"""The warning before a call that failed before: told once, of what is believed, to whom it concerns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from harness.domain.learning import Learning, Verification
from harness.domain.message import Message, ToolCall
from harness.domain.run import FireState
from harness.gate.caller import Caller
from harness.gate.paths import PathRules
from harness.gate.registry import KNOWN_MISTAKE
from harness.memory.known_mistakes import KnownMistakes
from harness.memory.learnings_writer import render_learning
from harness.pytest_plugin import Workbench
from harness.testing.openai_server import OpenAIServer, call_tools, say
from tests.runs.model_workspace import with_model
from tests.runs.test_asking import Models, agent, job, tool
from tests.runs.test_examining import EIGHT

TODAY = date(2026, 11, 24)
LESSON = Learning(
    "ERR-20261121-7f3a",
    "the field",
    "f" * 64,
    "agent/scout",
    "tool",
    2,
    date(2026, 11, 21),
    wrong='feeds.table {"field": "BUY_AMT", "day": "2026-11-21"}',
    right='feeds.table {"field": "BILLBOARD_BUY_AMT", "day": "2026-11-21"}',
    why="unknown field BUY_AMT",
    verifications=(Verification("r-1", date(2026, 11, 22), "exit_code"),),
)
AGAIN = ToolCall("call_1", "feeds.table", '{"day": "2026-12-05", "field": "BUY_AMT"}')


class World:
    """The records of two agents, and one of them about to call a tool."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mistakes = KnownMistakes(root, lambda: ("scout", "zoe"), lambda: TODAY)
        self.caller = Caller("scout", "r-9", frozenset(), PathRules(root), root / "run")

    def write(self, *lessons: Learning, agent_name: str = "scout") -> None:
        path = self.root / f"agents/{agent_name}/.learnings/ERRORS.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(map(render_learning, lessons)), encoding="utf-8")

    def told(self, call: ToolCall = AGAIN, *said: str) -> str | None:
        conversation = tuple(Message("tool", content, tool_call_id="call_0") for content in said)
        return self.mistakes.before(call, replace(self.caller, conversation=conversation))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_call_that_failed_before_is_answered_with_what_is_known_of_it_as_quoted_data(world: World) -> None:
    assert world.told() is None
    world.write(LESSON)
    told = world.told() or ""
    first, *quoted = told.split("\n")
    assert first.startswith(
        "not done: the same call failed before (ERR-20261121-7f3a, first seen 2026-11-21, verified 2 days ago). "
    )
    assert "repeat the call unchanged to make it anyway" in first
    assert "recalled memory of the team ERR-20261121-7f3a>>>" in quoted[0]
    assert quoted[1:4] == [f"Wrong: {LESSON.wrong}", f"Right: {LESSON.right}", "Why: unknown field BUY_AMT"]


def test_it_is_told_once_in_a_conversation(world: World) -> None:
    world.write(LESSON)
    told = f"refused ({KNOWN_MISTAKE}): {world.told()}"
    assert world.told(AGAIN, "7 rows", told) is None
    assert world.told(AGAIN, f"a page that says {told}") is not None


@pytest.mark.parametrize(
    "arguments", ['{"field": "BILLBOARD_BUY_AMT", "day": "2026-12-05"}', '{"field": "BUY_AMT"}', "[]", "{", ""]
)
def test_another_call_is_made(world: World, arguments: str) -> None:
    world.write(LESSON)
    assert world.told(replace(AGAIN, arguments=arguments)) is None
    assert world.told(replace(AGAIN, name="files.read")) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"status": "superseded"},
        {"status": "archived"},
        {"origin": "external", "trust": 0},
        {"scope": "agent/zoe"},
        {"contradictions": (Verification("r-2", date(2026, 11, 23), "exit_code", is_ok=False),)},
        {"wrong": "the old field"},
    ],
)
def test_what_is_not_in_force_believed_or_for_this_agent_warns_of_nothing(
    world: World, changed: dict[str, object]
) -> None:
    world.write(replace(LESSON, **changed))  # type: ignore[arg-type]
    assert world.told() is None


def test_what_came_from_outside_is_told_once_the_person_approved_it(world: World) -> None:
    world.write(replace(LESSON, origin="external", trust=0, is_approved=True))
    assert world.told() is not None


def test_a_shared_record_of_another_agent_warns_as_well(world: World) -> None:
    world.write(replace(LESSON, scope="shared", author="zoe"), agent_name="zoe")
    assert world.told() is not None


def test_an_edit_counts_for_the_next_call(world: World) -> None:
    world.write(LESSON)
    assert world.told() is not None
    world.write(replace(LESSON, status="superseded"))
    assert world.told() is None
    (world.root / "agents/scout/.learnings/ERRORS.md").write_bytes(b"\xff\xfe")
    assert world.told() is None


# ── In whole runs ────────────────────────────────────────────────────────────────────────────────

KNOWN = replace(
    LESSON,
    scope="agent/zoe",
    wrong='files.write {"path": "intel/cups.md", "text": "six"}',
    right='files.write {"path": "shared-context/intel/cups.md", "text": "six"}',
)
WRONG = tool("files_write", {"path": "intel/cups.md", "text": "six"})
RIGHT = tool("files_write", {"path": "shared-context/intel/cups.md", "text": "six"})


@pytest.fixture
def models(workbench: Workbench) -> Iterator[Models]:
    models = Models()
    with OpenAIServer(models.answer) as server:
        files = {**with_model(server), **agent("zoe"), **job("zoe"), "agents/scout/jobs/morning.md": None}
        workbench.write({**files, "agents/zoe/.learnings/ERRORS.md": render_learning(KNOWN)})
        yield models


def test_a_run_is_warned_once_and_does_it_right_or_does_it_anyway(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [call_tools(WRONG), call_tools(WRONG), call_tools(RIGHT), say("I wrote it.")]}
    workbench.tick_at(EIGHT)
    (fire,) = workbench.fires()
    assert fire.state is FireState.DELIVERED
    assert fire.run_id is not None
    kept = [step.value["result"] for step in workbench.system.engine.recorded(fire.run_id) if step.kind == "tool"]
    assert [(each["error_kind"], each["rule"]) for each in kept] == [
        ("refused", KNOWN_MISTAKE),
        ("refused", "path-outside"),
        (None, None),
    ]
    assert kept[0]["content"].startswith(f"refused ({KNOWN_MISTAKE}): not done: the same call failed before")
    told = [message["content"] for message in models.last_of("zoe").messages if message["role"] == "tool"]
    assert told[0] == kept[0]["content"]


def test_the_warning_is_no_failure_that_anything_is_learned_from(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [call_tools(WRONG), call_tools(RIGHT), say("I wrote it.")]}
    workbench.tick_at(EIGHT)
    before = (workbench.root / "agents/zoe/.learnings/ERRORS.md").read_text()
    assert before.count("## ERR-") == 1
    workbench.system.learn()
    after = (workbench.root / "agents/zoe/.learnings/ERRORS.md").read_text()
    assert after.count("## ERR-") == 1
    assert after.count("check: exit_code, ok: true") == 2
