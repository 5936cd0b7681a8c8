"""Agents that ask one another: whole runs over a model server on loopback, from the question to the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from harness.bus.ending import cancel
from harness.bus.log import standing_of
from harness.bus.sending import Ask, send
from harness.domain.message import ToolCall
from harness.domain.request import RequestState, Standing
from harness.domain.run import Fire, FireState, RunState
from harness.pytest_plugin import NOW, Workbench
from harness.store.expiry import announce_forgotten, runs_to_forget
from harness.store.requests import requests_in
from harness.store.runs import run_by_id
from harness.store.suspensions import conversation_of
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, say
from harness.wiring.team import team_of
from tests.runs.model_workspace import with_model

EIGHT = NOW + timedelta(minutes=1)
QUESTION = {"to": "scout", "task": "How many kettles are there?", "wait": True}
FOUND = {"conclusion": "Three kettles.", "verdict": "PASS", "next_actions": ["buy a fourth"]}


def agent(name: str, *may_ask: str) -> dict[str, str | None]:
    asks = "".join(f'"{other}", ' for other in may_ask)
    return {
        f"agents/{name}/SOUL.md": f"You are {name}.\n",
        f"agents/{name}/AGENTS.md": "Be brief.\n",
        f"agents/{name}/agent.toml": (
            f'description = "the {name}"\nprofile = "cheap"\nmay_ask = [{asks}]\n'
            'tools = ["files.write", "files.read"]\nread_paths = ["shared-context"]\n'
            'write_paths = ["shared-context/intel"]\n'
        ),
    }


def job(agent_name: str) -> dict[str, str | None]:
    front = "schedule: daily 08:00\ndeliver: digest"
    return {f"agents/{agent_name}/jobs/report.md": f"---\n{front}\n---\nReport about the kettles.\n"}


def tool(name: str, arguments: Mapping[str, Any], call_id: str = "call_0") -> ToolCall:
    return ToolCall(call_id, name, json.dumps(arguments))


class Models:
    """What each agent's model says, in order; and what it was sent."""

    def __init__(self) -> None:
        self.says: dict[str, list[ChatAnswer]] = {}
        self.heard: list[tuple[str, ChatRequest]] = []

    def answer(self, request: ChatRequest) -> ChatAnswer:
        system = request.messages[0]["content"]
        name = next(name for name in self.says if f"You are {name}." in system)
        self.heard.append((name, request))
        return self.says[name].pop(0)

    def last_of(self, name: str) -> ChatRequest:
        return [request for heard, request in self.heard if heard == name][-1]


@pytest.fixture
def models(workbench: Workbench) -> Iterator[Models]:
    models = Models()
    with OpenAIServer(models.answer) as server:
        files = {**with_model(server), **agent("zoe", "scout", "user"), **agent("scout", "zoe"), **job("zoe")}
        workbench.write({**files, "agents/scout/jobs/morning.md": None})
        yield models


def the_request(workbench: Workbench) -> Standing:
    with workbench.system.database.read() as connection:
        (row,) = requests_in(connection)
        return standing_of(connection, row.id)


def fires_by_job(workbench: Workbench) -> dict[str, Fire]:
    return {fire.job_id: fire for fire in workbench.fires()}


def test_an_agent_that_waits_goes_on_in_its_own_conversation_with_the_answer(
    workbench: Workbench, models: Models
) -> None:
    models.says = {
        "zoe": [call_tools(tool("ask", QUESTION)), say("There are three kettles, says scout.")],
        "scout": [call_tools(tool("finish", FOUND))],
    }
    workbench.tick_at(EIGHT)
    standing = the_request(workbench)
    assert standing.final is not None
    assert (standing.final.result, standing.final.conclusion, standing.final.verdict) == (
        "done",
        "Three kettles.",
        "PASS",
    )
    fires = fires_by_job(workbench)
    assert fires["zoe/report"].state is FireState.DELIVERED
    assert fires["zoe/report"].run_id == f"cron:zoe/report:{int(EIGHT.timestamp())}.2"
    assert fires[f"scout/request:{standing.request.id}"].state is FireState.DELIVERED
    assert [name for name, _ in models.heard] == ["zoe", "scout", "zoe"], "one call in the receiver, two in the sender"
    first, last = models.heard[0][1], models.last_of("zoe")
    assert last.messages[: len(first.messages)] == first.messages, "the prompt is not assembled anew"
    (answer,) = [message for message in last.messages if message["role"] == "tool"]
    assert "Three kettles." in answer["content"]
    assert "buy a fourth" in answer["content"]
    assert standing.noticed_at is not None


def test_two_agents_that_wait_for_each_other_both_go_on(workbench: Workbench, models: Models) -> None:
    workbench.write(job("scout"))
    models.says = {
        "zoe": [
            call_tools(tool("ask", QUESTION)),
            call_tools(tool("finish", {"conclusion": "Blue.", "verdict": "PASS"})),
            say("Three, says scout."),
        ],
        "scout": [
            call_tools(tool("ask", {"to": "zoe", "task": "What colour are they?", "wait": True})),
            call_tools(tool("finish", FOUND)),
            say("Blue, says zoe."),
        ],
    }
    workbench.tick_at(EIGHT)
    assert {fire.state for fire in workbench.fires()} == {FireState.DELIVERED}
    assert len(workbench.fires()) == 4


def test_a_receiver_that_says_nothing_of_a_final_gives_one_by_its_answer(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [call_tools(tool("ask", QUESTION)), say("Three.")], "scout": [say("I counted three.")]}
    workbench.tick_at(EIGHT)
    final = the_request(workbench).final
    assert final is not None
    assert (final.result, final.conclusion, final.verdict) == ("done", "I counted three.", None)
    (evidence,) = final.evidence
    assert (workbench.system.state.root / evidence.path.removeprefix(".harness/")).stat().st_size == evidence.size_bytes


def test_a_receiver_that_fails_gives_a_final_that_says_why(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [call_tools(tool("ask", QUESTION)), say("Scout could not.")], "scout": [say("")]}
    workbench.tick_at(EIGHT)
    final = the_request(workbench).final
    assert final is not None
    assert (final.result, final.conclusion) == ("failed", "the answer was empty")
    assert "the answer was empty" in json.dumps(models.last_of("zoe").messages)


def test_a_rejected_request_comes_back_with_what_is_missing(workbench: Workbench, models: Models) -> None:
    refusal = {"reason": "I cannot see the kitchen.", "missing": ["a photo"]}
    models.says = {
        "zoe": [call_tools(tool("ask", QUESTION)), say("Nobody knows.")],
        "scout": [call_tools(tool("reject", refusal))],
    }
    workbench.tick_at(EIGHT)
    standing = the_request(workbench)
    assert standing.final is not None
    assert (standing.final.result, standing.final.actions) == ("rejected", ("a photo",))
    fire = fires_by_job(workbench)[f"scout/request:{standing.request.id}"]
    assert (fire.state, fire.reason) == (FireState.SKIPPED, "rejected: I cannot see the kitchen.")


def test_who_does_not_wait_hears_of_the_answer_in_its_next_prompt_and_once(
    workbench: Workbench, models: Models
) -> None:
    models.says = {
        "zoe": [
            call_tools(tool("ask", {**QUESTION, "wait": False})),
            say("I asked scout."),
            say("Three, scout said."),
            say("Nothing new."),
        ],
        "scout": [call_tools(tool("finish", FOUND))],
    }
    workbench.tick_at(EIGHT)
    assert the_request(workbench).noticed_at is None
    workbench.tick_at(EIGHT + timedelta(days=1))
    assert "Three kettles." in models.last_of("zoe").messages[1]["content"]
    assert the_request(workbench).noticed_at is not None
    workbench.tick_at(EIGHT + timedelta(days=2))
    assert "Three kettles." not in models.last_of("zoe").messages[1]["content"]


def test_evidence_that_does_not_count_is_refused_and_may_be_repaired(workbench: Workbench, models: Models) -> None:
    found = {**FOUND, "evidence": ["shared-context/intel/kettles.md"]}
    write = {"path": "shared-context/intel/kettles.md", "text": "one, two, three\n"}
    models.says = {
        "zoe": [call_tools(tool("ask", QUESTION)), say("Three.")],
        "scout": [
            call_tools(tool("finish", found)),
            call_tools(tool("files.write", write, "call_1")),
            call_tools(tool("finish", found, "call_2")),
        ],
    }
    workbench.tick_at(EIGHT)
    (_, refused), *_ = [(name, request) for name, request in models.heard if name == "scout"][1:]
    assert "there is no such file" in refused.messages[-1]["content"]
    final = the_request(workbench).final
    assert final is not None
    assert [evidence.path for evidence in final.evidence] == ["shared-context/intel/kettles.md"]


def test_a_request_that_is_passed_on_is_worked_on_by_the_next_and_only_it_gives_the_final(
    workbench: Workbench, models: Models
) -> None:
    workbench.write({**agent("scout", "cook"), **agent("cook")})
    models.says = {
        "zoe": [call_tools(tool("ask", QUESTION)), say("Three.")],
        "scout": [call_tools(tool("handoff", {"to": "cook", "reason": "it is her kitchen"}))],
        "cook": [call_tools(tool("finish", FOUND))],
    }
    workbench.tick_at(EIGHT)
    standing = the_request(workbench)
    assert (standing.receiver, standing.token, standing.handed_off_by) == ("cook", 2, ("scout",))
    assert standing.final is not None
    fires = fires_by_job(workbench)
    assert fires[f"scout/request:{standing.request.id}"].reason == "passed on to cook: it is her kitchen"
    assert fires["zoe/report"].state is FireState.DELIVERED


def test_who_may_not_be_asked_is_named_to_the_model_and_nothing_is_sent(workbench: Workbench, models: Models) -> None:
    models.says = {
        "zoe": [call_tools(tool("ask", {**QUESTION, "to": "cook"})), say("I may not.")],
    }
    workbench.tick_at(EIGHT)
    assert "you may ask: scout, user" in json.dumps(models.last_of("zoe").messages)
    with workbench.system.database.read() as connection:
        assert requests_in(connection) == []


def test_a_run_without_a_request_has_no_tools_to_end_one(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [say("Nothing.")]}
    workbench.tick_at(EIGHT)
    names = [entry["function"]["name"] for entry in models.last_of("zoe").body["tools"]]
    assert "ask" in names
    assert not {"finish", "reject", "progress", "handoff"} & set(names)


def test_a_waiting_run_holds_no_slot_and_says_for_whom_it_waits(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [call_tools(tool("ask", {**QUESTION, "to": "user"}))]}
    workbench.tick_at(EIGHT)
    fire = fires_by_job(workbench)["zoe/report"]
    request = the_request(workbench).request
    assert (fire.state, fire.reason) == (FireState.SUSPENDED, f"waits for the answer to {request.id}")
    with workbench.system.database.read() as connection:
        run = run_by_id(connection, fire.run_id or "")
    assert run is not None
    assert (run.state, run.stop) == (RunState.SUSPENDED, "suspended")
    assert workbench.system.reconcile() == [], "it is no run that was forgotten"


def test_what_a_waiting_run_goes_on_with_is_kept_until_it_has_gone_on_however_old_it_is(
    workbench: Workbench, models: Models
) -> None:
    models.says = {"zoe": [call_tools(tool("ask", {**QUESTION, "to": "user"})), say("Nobody answered.")]}
    workbench.tick_at(EIGHT)
    suspended = fires_by_job(workbench)["zoe/report"].run_id
    database, later = workbench.system.database, EIGHT + timedelta(days=365)
    with database.write(alone=True) as connection:
        cancel(connection, the_request(workbench).request.id, "not needed", by="user", now=workbench.clock.now())
        assert suspended not in runs_to_forget(connection, later, 10), "another run goes on with it"
    workbench.settle()
    with database.write() as connection:
        assert suspended in runs_to_forget(connection, later, 10)
        announce_forgotten(connection, [str(suspended)], later)
        assert conversation_of(connection, str(suspended)) is None


def test_a_request_that_is_cancelled_lets_the_waiting_run_go_on(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [call_tools(tool("ask", {**QUESTION, "to": "user"})), say("Nobody answered.")]}
    workbench.tick_at(EIGHT)
    with workbench.system.database.write(alone=True) as connection:
        cancel(connection, the_request(workbench).request.id, "not needed", by="user", now=workbench.clock.now())
    workbench.settle()
    assert fires_by_job(workbench)["zoe/report"].state is FireState.DELIVERED
    assert "not needed" in json.dumps(models.last_of("zoe").messages)


def test_without_a_language_model_a_request_is_rejected_at_once(workbench: Workbench) -> None:
    workbench.write(agent("zoe", "scout"))
    system = workbench.system
    with system.database.write(alone=True) as connection:
        ask = Ask("user", "scout", "How many kettles are there?", "k")
        request = send(connection, ask, team_of(system.workspace()), workbench.clock.now()).standing.request
    workbench.settle()
    with system.database.read() as connection:
        standing = standing_of(connection, request.id)
    assert standing.state is RequestState.FINAL
    assert standing.final is not None
    assert (standing.final.result, standing.final.conclusion) == (
        "rejected",
        "no language model is configured, and nothing else can work on a request; "
        "name one under [profiles] in harness.toml",
    )


def test_the_model_is_told_whom_it_may_ask_and_what_they_do(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [say("Nothing.")]}
    workbench.tick_at(EIGHT)
    (ask,) = [entry["function"] for entry in models.last_of("zoe").body["tools"] if entry["function"]["name"] == "ask"]
    assert ask["parameters"]["properties"]["to"]["enum"] == ["scout", "user"]
    assert "scout (the scout); user (the person)" in ask["description"]


def test_a_worker_whose_evidence_never_counted_does_not_pass_by_its_last_words(
    workbench: Workbench, models: Models
) -> None:
    models.says = {
        "zoe": [call_tools(tool("ask", QUESTION)), say("Scout is not sure.")],
        "scout": [call_tools(tool("finish", {**FOUND, "evidence": ["shared-context/intel/none.md"]})), say("Three.")],
    }
    workbench.tick_at(EIGHT)
    standing = the_request(workbench)
    assert standing.final is not None
    assert (standing.final.result, standing.final.verdict) == ("done", "NEEDS_WORK")
    assert fires_by_job(workbench)[f"scout/request:{standing.request.id}"].state is FireState.DEGRADED


def test_whoever_is_asked_is_not_told_that_nobody_answers(workbench: Workbench, models: Models) -> None:
    models.says = {
        "zoe": [call_tools(tool("ask", QUESTION)), say("Three.")],
        "scout": [call_tools(tool("finish", FOUND))],
    }
    workbench.tick_at(EIGHT)
    assert "nobody answers questions" not in json.dumps(models.last_of("scout").messages)
    assert "nobody answers questions" in models.last_of("zoe").messages[1]["content"]
