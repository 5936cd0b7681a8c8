"""Runs that wait for answers, and what happens to their world meanwhile: none is lost, and none goes on for nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event

from harness.bus.ending import cancel
from harness.bus.sending import Ask, send
from harness.domain.errors import OwnerError, TransientError
from harness.domain.job import Dependency
from harness.domain.message import Usage
from harness.domain.request import USER, RequestState
from harness.domain.run import Fire, FireKind, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.by_hand import fire_for
from harness.runs.forking import retry_run
from harness.runs.preflight import standing_of
from harness.runs.recording import read_recording
from harness.runs.workflows import RunWorkflow
from harness.store.peek import peek
from harness.store.requests import requests_in
from harness.testing.engine import MemorySteps
from harness.testing.openai_server import OpenAIServer, call_tools, fail, say
from harness.wiring.team import team_of
from tests.runs.model_workspace import with_model
from tests.runs.test_asking import FOUND, QUESTION, Models, agent, fires_by_job, job, the_request, tool

EIGHT = NOW + timedelta(minutes=1)
OF_THE_PERSON = {**QUESTION, "to": "user"}


@pytest.fixture
def models(workbench: Workbench) -> Iterator[Models]:
    models = Models()
    with OpenAIServer(models.answer) as server:
        files = {**with_model(server), **agent("zoe", "scout", "user"), **agent("scout", "zoe"), **job("zoe")}
        workbench.write({**files, "agents/scout/jobs/morning.md": None})
        yield models


def suspend(workbench: Workbench, models: Models) -> str:
    """Let zoe ask the person and wait; return the suspended run."""
    models.says = {"zoe": [call_tools(tool("ask", OF_THE_PERSON)), say("Nobody answered.")]}
    workbench.tick_at(EIGHT)
    fire = fire_of_zoe(workbench)
    assert fire.state is FireState.SUSPENDED
    return str(fire.run_id)


def fire_of_zoe(workbench: Workbench) -> Fire:
    return fires_by_job(workbench)["zoe/report"]


def end_the_wait(workbench: Workbench) -> None:
    """Give the open requests their finals."""
    with workbench.system.database.write(alone=True) as connection:
        for row in requests_in(connection):
            if row.is_open:
                cancel(connection, row.id, "not needed", by=USER, now=workbench.clock.now())


def remove_agent(workbench: Workbench, name: str, *, left: dict[str, str | None]) -> None:
    shutil.rmtree(workbench.root / "agents" / name)
    workbench.write(left)
    workbench.system.workspace.reload()


def test_a_preview_leaves_the_news_to_the_run_that_has_effects(workbench: Workbench, models: Models) -> None:
    models.says = {
        "zoe": [call_tools(tool("ask", {**QUESTION, "wait": False})), say("I asked."), say("A look."), say("Three.")],
        "scout": [call_tools(tool("finish", FOUND))],
    }
    workbench.tick_at(EIGHT)
    assert workbench.run("zoe/report", preview=True).state.is_success
    assert "Three kettles." in models.last_of("zoe").messages[1]["content"], "it shows what a run would read"
    assert the_request(workbench).noticed_at is None
    workbench.tick_at(EIGHT + timedelta(days=1))
    assert "Three kettles." in models.last_of("zoe").messages[1]["content"]


def test_a_job_without_a_language_model_leaves_the_news_to_one_that_reads_it(
    workbench: Workbench, models: Models
) -> None:
    workbench.serve_stories(2)
    front = "schedule: daily 12:00\nread: [feeds/ai]\ndeliver: digest\nprofile: extractive"
    workbench.write({"agents/zoe/jobs/lines.md": f"---\n{front}\n---\nList it.\n"})
    models.says = {
        "zoe": [call_tools(tool("ask", {**QUESTION, "wait": False})), say("I asked."), say("Three.")],
        "scout": [call_tools(tool("finish", FOUND))],
    }
    workbench.tick_at(EIGHT)
    assert workbench.run("zoe/lines").state.is_success
    assert the_request(workbench).noticed_at is None
    workbench.tick_at(EIGHT + timedelta(days=1))
    assert "Three kettles." in models.last_of("zoe").messages[1]["content"]
    assert the_request(workbench).noticed_at is not None


def test_a_run_that_goes_on_and_breaks_off_is_attempted_again_where_it_stood(
    workbench: Workbench, models: Models
) -> None:
    run_id = suspend(workbench, models)
    models.says["zoe"] = [
        fail(503),
        call_tools(tool("ask", {**OF_THE_PERSON, "task": "Are you sure?"}, "call_9")),
        say("Nobody is sure."),
    ]
    end_the_wait(workbench)
    workbench.settle()
    assert fire_of_zoe(workbench).run_id == f"{run_id}.2~2"
    workbench.clock.jump_to(EIGHT + timedelta(minutes=5))
    workbench.settle()
    assert fire_of_zoe(workbench).state is FireState.SUSPENDED
    end_the_wait(workbench)
    workbench.settle()
    fire = fire_of_zoe(workbench)
    assert (fire.state, fire.run_id) == (FireState.DELIVERED, f"{run_id}.3")
    heard = json.dumps(models.last_of("zoe").messages)
    assert heard.count("not needed") == 2, "both answers stand in the conversation"
    assert len(workbench.delivered()) == 1


def test_what_waits_goes_on_after_a_restart_of_the_daemon(workbench: Workbench, models: Models) -> None:
    run_id = suspend(workbench, models)
    workbench.restart()
    end_the_wait(workbench)
    workbench.restart()
    workbench.settle()
    fire = fire_of_zoe(workbench)
    assert (fire.state, fire.run_id) == (FireState.DELIVERED, f"{run_id}.2")


def test_a_job_that_is_removed_while_its_run_waits_is_brought_to_its_end(workbench: Workbench, models: Models) -> None:
    suspend(workbench, models)
    workbench.write({"agents/zoe/jobs/report.md": None})
    workbench.system.workspace.reload()
    end_the_wait(workbench)
    workbench.settle()
    assert fire_of_zoe(workbench).state is FireState.DELIVERED


def test_an_agent_that_is_removed_while_its_run_waits_fails_with_that_reason(
    workbench: Workbench, models: Models
) -> None:
    suspend(workbench, models)
    remove_agent(workbench, "zoe", left=agent("scout"))
    end_the_wait(workbench)
    workbench.settle()
    fire = fire_of_zoe(workbench)
    assert (fire.state, fire.reason) == (FireState.FAILED, "no agent 'zoe'; there are: scout")


def test_a_receiver_that_is_removed_before_it_begins_gives_a_final_that_says_so(
    workbench: Workbench, models: Models
) -> None:
    system = workbench.system
    with system.database.write(alone=True) as connection:
        send(connection, Ask(USER, "scout", "Count the kettles.", "k"), team_of(system.workspace()), NOW)
    assert the_request(workbench).state is RequestState.CONFIRMED
    remove_agent(workbench, "scout", left=agent("zoe"))
    workbench.settle()
    final = the_request(workbench).final
    assert final is not None
    assert (final.result, final.conclusion) == ("failed", "no agent 'scout'; there are: zoe")


def spend_in_another_run(workbench: Workbench, models: Models) -> None:
    """Spend 3 of the 5 cents that zoe has a day: what is left is less than a call may cost."""
    models.says["zoe"] = [say("A report of its own.", usage=Usage(30_000, 0, 20))]
    assert workbench.run("zoe/report").state is FireState.DELIVERED


@pytest.fixture
def zoe_has_five_cents(workbench: Workbench, models: Models) -> None:
    settings = agent("zoe", "scout", "user")["agents/zoe/agent.toml"]
    workbench.write({"agents/zoe/agent.toml": f'{settings}budget = "$0.05/day"\n'})


@pytest.mark.usefixtures("zoe_has_five_cents")
def test_what_others_spent_of_the_days_budget_meanwhile_is_not_there_to_go_on_with(
    workbench: Workbench, models: Models
) -> None:
    run_id = suspend(workbench, models)
    spend_in_another_run(workbench, models)
    end_the_wait(workbench)
    workbench.settle()
    (fire,) = [fire for fire in workbench.fires() if fire.kind is FireKind.CRON]
    assert (fire.state, fire.run_id) == (FireState.FAILED, f"{run_id}.2")
    assert "budget" in fire.reason
    assert models.says["zoe"] == [], "no call was paid for, as none was left to be made"


@pytest.mark.usefixtures("zoe_has_five_cents")
def test_a_run_that_goes_on_tomorrow_has_tomorrows_budget(workbench: Workbench, models: Models) -> None:
    suspend(workbench, models)
    spend_in_another_run(workbench, models)
    workbench.clock.jump_to(EIGHT + timedelta(hours=20))
    end_the_wait(workbench)
    models.says["zoe"] = [say("Nobody answered.")]
    workbench.settle()
    (fire,) = [fire for fire in workbench.fires() if fire.kind is FireKind.CRON]
    assert fire.state is FireState.DELIVERED


def test_doing_a_run_over_that_went_on_begins_at_the_beginning(workbench: Workbench, models: Models) -> None:
    run_id = suspend(workbench, models)
    models.says["zoe"] = [say("")]
    end_the_wait(workbench)
    workbench.settle()
    system = workbench.system
    assert (fire_of_zoe(workbench).state, fire_of_zoe(workbench).run_id) == (FireState.FAILED, f"{run_id}.2")
    workbench.write(
        {"agents/zoe/jobs/report.md": "---\nschedule: daily 08:00\ndeliver: digest\n---\nReport about the cups.\n"}
    )
    system.workspace.reload()
    models.says["zoe"] = [say("Four cups.")]
    again = retry_run(system.database, system.workspace(), f"{run_id}.2", workbench.clock.now())
    workbench.settle()
    assert fire_for(system.database, again).state is FireState.DELIVERED
    messages = models.last_of("zoe").messages
    assert "Report about the cups." in messages[-1]["content"], "the job as it is today"
    assert [message["role"] for message in messages] == ["system", "user"]


def test_a_prompt_that_was_recorded_before_there_was_a_bus_is_gone_on_with(
    workbench: Workbench, models: Models
) -> None:
    models.says = {"zoe": [say("Nothing.")]}
    workbench.tick_at(EIGHT)
    system = workbench.system
    run_id = fire_of_zoe(workbench).run_id or ""
    with peek(system.database.address) as look:
        assert look is not None
        found = read_recording(look, system.state, run_id)
    assert found is not None
    older = [replace(step, value=_without_told(step.value)) for step in found.steps]
    assert older != list(found.steps)
    steps = MemorySteps([
        {"kind": step.kind, "call_id": step.call_id, "args_hash": step.args_hash, "value": step.value}
        for step in older if step.kind != "close"
    ])  # fmt: skip
    with system.database.write() as connection:
        connection.exec_driver_sql("UPDATE run SET state = 'running', ended_at = NULL, owner = NULL")
    draft = asyncio.run(RunWorkflow(system.services).decide(run_id, steps))
    assert draft is not None
    assert draft.outcome.state is FireState.DELIVERED, draft.outcome.reason


def _without_told(value: object) -> object:
    return {key: kept for key, kept in value.items() if key != "told"} if isinstance(value, dict) else value


def test_a_run_that_was_to_go_on_when_its_deadline_passed_was_not_missed(workbench: Workbench, models: Models) -> None:
    front = "schedule: daily 08:00\ndeadline: 1h\ndeliver: digest"
    workbench.write({"agents/zoe/jobs/report.md": f"---\n{front}\n---\nReport about the kettles.\n"})
    run_id = suspend(workbench, models)
    end_the_wait(workbench)
    workbench.clock.jump_to(EIGHT + timedelta(hours=2))
    assert workbench.system.enforce_deadlines() == [f"{run_id}.2"]
    fire = fire_of_zoe(workbench)
    assert (fire.state, fire.reason) == (FireState.FAILED, "it was not finished within its deadline of 1 h")
    assert workbench.system.incidents.open_causes("missed") == []


def test_a_job_that_depends_on_one_that_waits_is_told_for_whom(workbench: Workbench, models: Models) -> None:
    suspend(workbench, models)
    system = workbench.system
    with system.database.read() as connection:
        standing = standing_of(connection, system.workspace(), Dependency("zoe/report"), workbench.clock.now())
    request_id = the_request(workbench).request.id
    assert (standing.verdict, standing.words) == ("coming", f"zoe/report waits for the answer to {request_id}")


def test_work_on_a_request_is_not_done_over_but_asked_for_again(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [call_tools(tool("ask", QUESTION)), say("Three.")], "scout": [say("Three.")]}
    workbench.tick_at(EIGHT)
    system, request_id = workbench.system, the_request(workbench).request.id
    with pytest.raises(OwnerError, match=f"it worked on request {request_id}, which is over; ask again: harness ask"):
        retry_run(system.database, system.workspace(), f"bus:{request_id}:1", workbench.clock.now())


def test_an_answer_is_not_lost_because_others_held_the_rows_as_it_was_given(
    workbench: Workbench, models: Models
) -> None:
    models.says = {
        "zoe": [call_tools(tool("ask", QUESTION)), say("Three.")],
        "scout": [call_tools(tool("finish", FOUND))],
    }
    engine = workbench.system.database.engine
    refused: list[str] = []

    def refuse_once(_connection: object, _cursor: object, statement: str, values: object, *_: object) -> None:
        if not refused and statement.startswith("INSERT INTO event") and "Three kettles." in str(values):
            refused.append(statement)
            raise TransientError("others changed the same rows at the same time")

    event.listen(engine, "before_cursor_execute", refuse_once)
    workbench.tick_at(EIGHT)
    workbench.system.reconcile()
    workbench.settle()
    assert len(refused) == 1
    final = the_request(workbench).final
    assert final is not None
    assert (final.result, final.conclusion) == ("done", "Three kettles.")
    assert fire_of_zoe(workbench).state is FireState.DELIVERED
