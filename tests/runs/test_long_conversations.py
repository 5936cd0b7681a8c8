"""Whole runs whose conversations grow: condensed, noted on a pad, handed down, asked for again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from harness.bus.ending import cancel
from harness.domain.message import ToolCall
from harness.domain.run import Fire, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.by_hand import fire_for
from harness.runs.cancelling import cancel_run
from harness.runs.forking import fork_run
from harness.runs.recording import Recording, read_recording
from harness.runs.replay import recorded_links, replay
from harness.store.peek import peek
from harness.store.requests import requests_in
from harness.store.usage import usage_of_run
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, exceed_context, say
from harness.turn.compaction import SUMMARY_PROMPT
from harness.turn.delegation import SYSTEM_PROMPT
from harness.wiring.playback import playback_services
from tests.runs.model_workspace import with_model

EIGHT = NOW + timedelta(minutes=1)
PAGES = {f"shared-context/page-{n}.md": f"page {n}: " + "kettle " * 300 for n in range(8)}
Says = Callable[[ChatRequest], ChatAnswer]


def tool(name: str, call_id: str = "call_0", /, **arguments: Any) -> ChatAnswer:
    return call_tools(ToolCall(call_id, name, json.dumps(arguments)))


@contextmanager
def team(workbench: Workbench, says: Says, tools: str, profile: str = "", job: str = "") -> Iterator[OpenAIServer]:
    """The agent zoe with these tools, asking a model on loopback, and a report that is due at eight."""
    with OpenAIServer(says) as server:
        files = with_model(server)
        settings = str(files["harness.toml"]).replace("attempts = 1", f"attempts = 1\n{profile}")
        workbench.write({
            **files,
            **PAGES,
            "harness.toml": settings,
            "agents/scout/jobs/morning.md": None,
            "agents/zoe/SOUL.md": "You are zoe.\n",
            "agents/zoe/AGENTS.md": "Be brief.\n",
            "agents/zoe/agent.toml": (
                f'description = "the chair"\nprofile = "cheap"\ntools = [{tools}]\nmay_ask = ["user"]\n'
                'read_paths = ["shared-context"]\n'
            ),
            "agents/zoe/jobs/report.md": (
                f"---\nschedule: daily 08:00\ndeliver: digest\nattempts: 1\n{job}---\nReport.\n"
            ),
        })  # fmt: skip
        yield server


def the_fire(workbench: Workbench) -> Fire:
    (fire,) = [fire for fire in workbench.fires() if fire.job_id == "zoe/report"]
    return fire


def recording_of(workbench: Workbench, run_id: str | None) -> Recording:
    with peek(workbench.system.database.address) as look:
        assert look is not None
        found = read_recording(look, workbench.system.state, str(run_id))
    assert found is not None
    return found


def results(request: ChatRequest) -> list[str]:
    return [message["content"] for message in request.messages if message["role"] == "tool"]


# ── Condensed ────────────────────────────────────────────────────────────────────────────────────


class Reader:
    """Reads page after page, looks one up again that was taken out, and answers."""

    def __init__(self) -> None:
        self.pages = 0
        self.read_again = ""

    def __call__(self, request: ChatRequest) -> ChatAnswer:
        if request.messages[0]["content"] == SUMMARY_PROMPT:
            return say("- Identifiers: page-0.md")
        read = results(request)
        if read and read[-1].startswith("<<<DATA") and '"@run/' in read[-1].split("\n")[0]:
            self.read_again = read[-1]
            return say("There are kettles.")
        if self.pages < len(PAGES):
            number, self.pages = self.pages, self.pages + 1
            return tool("files_read", f"call_{number}", path=f"shared-context/page-{number}.md")
        stubs = [text for text in read if "were taken out to make room" in text]
        if not stubs:
            return say("There are kettles.")
        return tool("files_read", "call_again", path=stubs[0].split("the whole: ")[1].split(";")[0])


NARROW = "context_window = 4500\nmax_output_tokens = 500"
ITERATIONS = "max_iterations: 20\n"


def test_a_long_run_is_delivered_and_what_was_taken_out_can_be_read_again(workbench: Workbench) -> None:
    reader = Reader()
    with team(workbench, reader, '"files.read"', NARROW, ITERATIONS) as server:
        workbench.tick_at(EIGHT)
        fire = the_fire(workbench)
        assert fire.state is FireState.DELIVERED, fire.reason
        assert "page 0: kettle" in reader.read_again
        first, last = server.requests[0], server.requests[-1]
        assert last.messages[:2] == first.messages, "the rules and the task are what they were"
        with workbench.system.database.read() as connection:
            _, _, calls = usage_of_run(connection, str(fire.run_id))
        assert calls == len(server.requests)


def test_a_fork_has_the_files_and_a_replay_comes_the_same_way(workbench: Workbench) -> None:
    with team(workbench, Reader(), '"files.read"', NARROW, ITERATIONS) as server:
        workbench.tick_at(EIGHT)
        system, source = workbench.system, str(the_fire(workbench).run_id)
        recording = recording_of(workbench, source)
        (*_, kept) = [step for step in recording.steps if step.kind == "keep"]
        (publish,) = [step.position for step in recording.steps if step.kind == "publish"]
        asked = len(server.requests)
        forked = fork_run(
            system.database, system.workspace(), source, workbench.clock.now(),
            from_step=publish, records=system.engine.recorded(source),
        )  # fmt: skip
        workbench.settle()
        assert fire_for(system.database, forked).state is FireState.DELIVERED
        assert len(server.requests) == asked, "nothing was asked again"
        for name in kept.value["files"]:
            assert (system.state.run_folder(forked) / name).is_file()
        assert replayed(workbench, recording).value("publish")["outcome"]["state"] == "delivered"


def replayed(workbench: Workbench, recording: Recording) -> Recording:
    with playback_services(workbench.root, workbench.environ, recorded_links(recording)) as services:
        return asyncio.run(replay(recording, services))


def test_a_run_whose_model_takes_less_than_its_profile_says_goes_on_with_less(workbench: Workbench) -> None:
    reader = Reader()

    def narrow(request: ChatRequest) -> ChatAnswer:
        return exceed_context() if len(json.dumps(request.messages)) > 9_000 else reader(request)

    with team(workbench, narrow, '"files.read"', "max_output_tokens = 500", ITERATIONS) as server:
        workbench.tick_at(EIGHT)
        fire = the_fire(workbench)
        sizes = [len(json.dumps(request.messages)) for request in server.requests]
    assert fire.state is FireState.DELIVERED, fire.reason
    assert sum(size > 9_000 for size in sizes) == 1, "what it takes is known from then on"


def test_a_conversation_that_fits_in_no_way_fails_by_the_name_of_the_context(workbench: Workbench) -> None:
    def says(request: ChatRequest) -> ChatAnswer:
        number = len(request.messages)
        return call_tools(ToolCall("c", "files_read", json.dumps({"path": f"{'x' * 3_000}{number}"})))

    with team(workbench, says, '"files.read"', "context_window = 1900\nmax_output_tokens = 200"):
        workbench.tick_at(EIGHT)
        fire = the_fire(workbench)
    assert fire.state is FireState.FAILED
    assert "(context)" in fire.reason
    assert "choose a model with more" in fire.reason


# ── The scratchpad ───────────────────────────────────────────────────────────────────────────────


def test_a_pad_is_still_there_in_the_run_that_goes_on_after_a_wait(workbench: Workbench) -> None:
    def says(request: ChatRequest) -> ChatAnswer:
        match len(results(request)):
            case 0:
                return tool("scratchpad", "p1", action="set", name="goal", text="count kettles", kind="plan")
            case 1:
                return tool("ask", "a1", to="user", task="How many?", wait=True)
            case 2:
                return tool("scratchpad", "p2", action="remove", name="goal")
            case _:
                return say("Nobody knows.")

    with team(workbench, says, '"scratchpad"') as server:
        workbench.tick_at(EIGHT)
        assert the_fire(workbench).state is FireState.SUSPENDED, the_fire(workbench).reason
        workbench.restart()
        with workbench.system.database.write(alone=True) as connection:
            for row in requests_in(connection):
                cancel(connection, row.id, "not needed", by="user", now=workbench.clock.now())
        workbench.settle()
        assert the_fire(workbench).state is FireState.DELIVERED
        noted = [text for text in results(server.requests[-1]) if text.startswith("noted:")]
    assert noted == ["noted: 1 on the pad: goal", "noted: 0 on the pad: none"]


@pytest.mark.parametrize(("tools", "offered"), [("", set()), ('"scratchpad", "delegate"', {"scratchpad", "delegate"})])
def test_what_keeps_notes_and_what_hands_down_is_offered_by_grant_only(
    workbench: Workbench, tools: str, offered: set[str]
) -> None:
    with team(workbench, lambda request: say("Nothing."), tools) as server:
        workbench.tick_at(EIGHT)
        names = {entry["function"]["name"] for entry in server.requests[0].body.get("tools", ())}
    assert names & {"scratchpad", "delegate"} == offered


# ── Handed down ──────────────────────────────────────────────────────────────────────────────────


def hand_down(**more: Any) -> ChatAnswer:
    return tool("delegate", "d1", **{"task": "Read page 0.", "tools": ["files.read"], **more})


def test_what_is_handed_down_is_paid_by_the_run_and_its_result_stays_fenced(workbench: Workbench) -> None:
    def says(request: ChatRequest) -> ChatAnswer:
        below, read = request.messages[0]["content"] == SYSTEM_PROMPT, results(request)
        if below:
            return say("It says kettle.") if read else tool("files_read", path="shared-context/page-0.md")
        return say("Kettles.") if read else hand_down()

    with team(workbench, says, '"files.read", "delegate"') as server:
        workbench.tick_at(EIGHT)
        fire = the_fire(workbench)
        assert fire.state is FireState.DELIVERED, fire.reason
        assert len(server.requests[1].messages) == 2
        names = [entry["function"]["name"] for entry in server.requests[1].body["tools"]]
        assert names == ["files_read"]
        (result,) = results(server.requests[-1])
        assert result.split("\n")[1] == "It says kettle."
        assert result.startswith("<<<DATA ")
        with workbench.system.database.read() as connection:
            _, _, calls = usage_of_run(connection, str(fire.run_id))
            rows = connection.exec_driver_sql("SELECT call_id FROM usage ORDER BY call_id").fetchall()
        assert calls == 4
        assert [row[0] for row in rows] == ["delegate-1/model-1", "delegate-1/model-2", "model-1", "model-2"]


def test_what_is_no_own_tool_cannot_be_lent_and_the_model_is_told_which_can(workbench: Workbench) -> None:
    def says(request: ChatRequest) -> ChatAnswer:
        return say("I may not.") if results(request) else hand_down(tools=["web.read", "ask", "files.read"])

    with team(workbench, says, '"files.read", "delegate"') as server:
        workbench.tick_at(EIGHT)
        (told,) = results(server.requests[-1])
    assert told == "delegate: tools: ask, web.read cannot be lent; there are: files.read"


def test_a_run_over_its_budget_below_ends_as_one_over_its_budget(workbench: Workbench) -> None:
    def says(request: ChatRequest) -> ChatAnswer:
        number = len(results(request))
        if request.messages[0]["content"] == SYSTEM_PROMPT:
            return tool("files_read", path=f"shared-context/page-{number}.md")
        return hand_down(task=f"Read page {number}.")

    # 500 tokens of answer are half a cent, the most that a call costs.
    with team(workbench, says, '"files.read", "delegate"', "max_output_tokens = 500", "budget: $0.008\n"):
        workbench.tick_at(EIGHT)
        fire = the_fire(workbench)
        with workbench.system.database.read() as connection:
            _, paid_usd, _ = usage_of_run(connection, str(fire.run_id))
    assert fire.state is FireState.FAILED
    assert "(budget)" in fire.reason
    assert paid_usd <= 0.008


def test_a_run_that_is_cancelled_ends_below_too(workbench: Workbench) -> None:
    def says(request: ChatRequest) -> ChatAnswer:
        if request.messages[0]["content"] != SYSTEM_PROMPT:
            return hand_down()
        system = workbench.system
        run_id, owner = str(the_fire(workbench).run_id), system.membership.executor_id
        cancel_run(system.database, system.engine, owner, run_id, "cancelled by Sam", workbench.clock.now())
        return say("Too late.")

    with team(workbench, says, '"files.read", "delegate"') as server:
        workbench.tick_at(EIGHT)
        fire = the_fire(workbench)
        assert (fire.state, fire.reason) == (FireState.CANCELLED, "cancelled by Sam")
        assert len(server.requests) == 2, "nothing is asked any more"


# ── Asked for again ──────────────────────────────────────────────────────────────────────────────


def test_a_cut_answer_is_asked_for_again_with_all_that_the_profile_allows(workbench: Workbench) -> None:
    answers = iter((say("Half a ker", finish="length"), say("Half a kettle.")))
    with team(workbench, lambda request: next(answers), "", "max_output_tokens = 20000") as server:
        workbench.tick_at(EIGHT)
        fire = the_fire(workbench)
        asked = [request.body["max_tokens"] for request in server.requests]
    assert (fire.state, asked) == (FireState.DELIVERED, [8_192, 20_000])


def test_an_answer_that_stays_cut_is_delivered_with_that_gap(workbench: Workbench) -> None:
    with team(workbench, lambda request: say("Half a ker", finish="length"), "", "max_output_tokens = 20000"):
        workbench.tick_at(EIGHT)
        fire = the_fire(workbench)
    assert (fire.state, fire.reason) == (FireState.DEGRADED, "the model's answer was cut at its output limit")


# ── What an older harness recorded ───────────────────────────────────────────────────────────────


def test_a_plan_that_was_recorded_before_there_were_rules_is_gone_on_with(workbench: Workbench) -> None:
    with team(workbench, lambda request: say("Three."), ""):
        workbench.tick_at(EIGHT)
        recording = recording_of(workbench, the_fire(workbench).run_id)
        plan: Mapping[str, Any] = recording.value("begin")
        assert plan["rules"]["calls_per_reply"] == 32
        older = {name: value for name, value in plan.items() if name != "rules"}
        steps = [replace(step, value=older) if step.kind == "begin" else step for step in recording.steps]
        again = replayed(workbench, Recording(recording.run, recording.fire, tuple(steps)))
    assert again.value("publish")["outcome"]["state"] == "delivered"
