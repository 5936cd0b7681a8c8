"""Receivers that never finish: whole runs over a model that does not answer, until the due time has passed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from harness.bus.dead_letters import resend
from harness.bus.log import standing_of
from harness.domain.errors import Refused
from harness.domain.request import RequestState, Standing
from harness.domain.run import Fire, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.clock import tick
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.requests import requests_in
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, say
from tests.runs.model_workspace import with_model
from tests.runs.test_asking import QUESTION, Models, agent, job, tool

EIGHT = NOW + timedelta(minutes=1)
PATIENCE_S = 60.0


class Hanging(Models):
    """Models of which scout's never answers."""

    def answer(self, request: ChatRequest) -> ChatAnswer:
        if "You are scout." in request.messages[0]["content"]:
            self.heard.append(("scout", request))
            return replace(say("too late"), delay_s=None)
        return super().answer(request)


@pytest.fixture
def models(workbench: Workbench) -> Iterator[Hanging]:
    models = Hanging()
    with OpenAIServer(models.answer) as server:
        files = {**with_model(server), **agent("zoe", "scout", "user"), **agent("scout", "zoe"), **job("zoe")}
        workbench.write({**files, "agents/scout/jobs/morning.md": None})
        yield models


def go_on_until(workbench: Workbench, is_so: Callable[[], bool]) -> None:
    """Do what the daemon does in each tick, until it is so."""
    system, deadline = workbench.system, time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        system.serve_bus()
        system.carry_out_cancels()
        system.dispatch()
        system.dispatcher.wait_for_change(0.05)


def the_request(workbench: Workbench) -> Standing | None:
    with workbench.system.database.read() as connection:
        rows = requests_in(connection)
        return standing_of(connection, rows[0].id) if rows else None


def fire_of(workbench: Workbench, job_id: str) -> Fire:
    return next(fire for fire in workbench.fires() if fire.job_id == job_id)


def begin(workbench: Workbench, models: Hanging) -> Standing:
    """Let zoe ask scout and wait, and scout begin to work on it."""
    models.says = {"zoe": [call_tools(tool("ask", QUESTION)), say("Scout did not say.")]}
    system = workbench.system
    workbench.clock.jump_to(EIGHT)
    tick(system.database, system.workspace(), EIGHT, WORKFLOW_VERSION)
    go_on_until(workbench, lambda: any(name == "scout" for name, _ in models.heard))
    standing = the_request(workbench)
    assert standing is not None
    return standing


def test_a_receiver_that_never_finishes_is_stopped_and_its_sender_goes_on_with_what_is_known(
    workbench: Workbench, models: Hanging
) -> None:
    request = begin(workbench, models).request
    workbench.clock.jump_to(request.due_at)
    go_on_until(workbench, lambda: not fire_of(workbench, "zoe/report").state.is_open)
    go_on_until(workbench, lambda: not fire_of(workbench, f"scout/request:{request.id}").state.is_open)
    worked = fire_of(workbench, f"scout/request:{request.id}")
    assert worked.state is FireState.CANCELLED
    assert request.id in worked.reason
    assert fire_of(workbench, "zoe/report").state is FireState.DELIVERED
    assert "scout had it since" in json.dumps(models.last_of("zoe").messages)
    after = the_request(workbench)
    assert after is not None
    assert after.is_dead_letter
    assert after.state is RequestState.FINAL
    assert after.noticed_at is not None


def test_before_that_the_harness_says_how_far_the_work_is(workbench: Workbench, models: Hanging) -> None:
    request = begin(workbench, models).request
    workbench.clock.jump_to(request.made_at + (request.due_at - request.made_at) * 0.8)

    def note() -> str:
        standing = the_request(workbench)
        return "" if standing is None else standing.note

    go_on_until(workbench, lambda: note() != "")
    assert note().startswith("at work since 16:00 UTC, 0 model calls, ")
    assert "steps, the last: " in note()


def test_what_was_worked_on_is_not_sent_again_without_force(workbench: Workbench, models: Hanging) -> None:
    request = begin(workbench, models).request
    workbench.clock.jump_to(request.due_at)
    go_on_until(workbench, lambda: not fire_of(workbench, f"scout/request:{request.id}").state.is_open)
    system = workbench.system
    with (
        system.database.write(alone=True) as connection,
        pytest.raises(Refused, match=f"run bus:{request.id}:1 of scout began 2026-11-21 16:00 UTC"),
    ):
        resend(connection, request.id, system.team(), workbench.clock.now(), by="user")
