"""What systems of agents that hand work to each other are known to fail at, each tried here."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from chaos.node import Node
from harness.bus.dead_letters import resend
from harness.bus.ending import cancel
from harness.bus.handoffs import pass_on
from harness.bus.log import append, standing_of
from harness.bus.post_office import deliver_waiting
from harness.bus.sending import send
from harness.domain.errors import Refused
from harness.domain.message import ToolCall
from harness.domain.request import (
    Final,
    Finished,
    IllegalTransition,
    Progressed,
    RequestState,
    Situation,
    Standing,
    Superseded,
)
from harness.domain.run import FireState, Outcome
from harness.domain.settings import BusRules
from harness.domain.tool import PassOn
from harness.pytest_plugin import NOW, Workbench
from harness.runs.answer import Draft, Suspension
from harness.runs.closing import close
from harness.runs.requests.duties import BusDuties
from harness.runs.suspending import suspend
from harness.store.address import file_address
from harness.store.database import Database
from harness.store.fires import mark_fire
from harness.store.request_log import events_of
from harness.store.requests import count_at_work, requests_in
from harness.store.runs import RunRow, claim_runs, run_by_id
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, call_tools, delay, say
from harness.testing.workspace import write_workspace_files
from harness.wiring.bus import open_bus
from tests.bus.team_of import NOW as BUS_NOW
from tests.bus.team_of import ask, team_of
from tests.runs.model_workspace import SETTINGS, with_model

EIGHT = NOW + timedelta(minutes=1)
PATH = "shared-context/intel/kettles.md"
FOUND = {"conclusion": "Three kettles.", "verdict": "PASS"}
PATIENCE_S = 120.0


def tool(name: str, arguments: Mapping[str, Any], number: int = 0) -> ToolCall:
    return ToolCall(f"call_{number}", name, json.dumps(arguments))


def asking(receiver: str, *, wait: bool = True) -> ChatAnswer:
    return call_tools(tool("ask", {"to": receiver, "task": f"{receiver}, count the kettles.", "wait": wait}))


def agent_files(name: str, *may_ask: str) -> dict[str, str | None]:
    return {
        f"agents/{name}/SOUL.md": f"You are {name}.\n",
        f"agents/{name}/AGENTS.md": "Be brief.\n",
        f"agents/{name}/agent.toml": (
            f'description = "the {name}"\nprofile = "cheap"\nmay_ask = {json.dumps(may_ask)}\n'
            'tools = ["files.write"]\nread_paths = ["shared-context"]\nwrite_paths = ["shared-context/intel"]\n'
        ),
    }


class Models:
    """What each agent's model says, in order; and what it was shown."""

    def __init__(self) -> None:
        self.says: dict[str, list[ChatAnswer]] = {}
        self.heard: list[tuple[str, str]] = []

    def answer(self, request: ChatRequest) -> ChatAnswer:
        name = next(name for name in self.says if f"You are {name}." in request.messages[0]["content"])
        self.heard.append((name, str(request.messages[-1]["content"])))
        return self.says[name].pop(0)

    def shown(self, name: str) -> list[str]:
        """Return the last message of each call of the agent's model."""
        return [content for heard, content in self.heard if heard == name]


@pytest.fixture
def models(workbench: Workbench) -> Iterator[Models]:
    models = Models()
    with OpenAIServer(models.answer) as server:
        job = "---\nschedule: daily 08:00\ndeliver: digest\n---\nReport about the kettles.\n"
        zoe = {**agent_files("zoe", "scout", "cook"), "agents/zoe/jobs/report.md": job}
        others = {**agent_files("scout", "cook", "zoe"), **agent_files("cook", "zoe", "scout")}
        workbench.write({**with_model(server), **zoe, **others, "agents/scout/jobs/morning.md": None})
        yield models


def standings(database: Database) -> dict[str, Standing]:
    """Return what the requests have come to, by their receivers."""
    with database.read() as connection:
        rows = requests_in(connection)
        return {row.receiver: standing_of(connection, row.id) for row in rows}


# ── Whole runs ───────────────────────────────────────────────────────────────────────────────────


def test_a_loop_of_three_is_refused_where_it_would_close_and_everybody_comes_to_an_end(
    workbench: Workbench, models: Models
) -> None:
    models.says = {
        "zoe": [asking("scout"), say("Three, says scout.")],
        "scout": [asking("cook"), call_tools(tool("finish", FOUND))],
        "cook": [asking("zoe"), call_tools(tool("finish", FOUND))],
    }
    workbench.tick_at(EIGHT)
    assert "(cycle): zoe stands above this already" in models.shown("cook")[1]
    assert "zoe → scout → cook → zoe" in models.shown("cook")[1]
    found = standings(workbench.system.database)
    assert {name: standing.final and standing.final.result for name, standing in found.items()} == {
        "scout": "done",
        "cook": "done",
    }
    assert {fire.state for fire in workbench.fires()} == {FireState.DELIVERED}


@pytest.mark.parametrize(
    ("text", "modified_at", "words"),
    [
        ("", None, "empty"),
        ("   \n", None, "white space"),
        ("one, two, three\n", 1_500_000_000, "last written before the request"),
    ],
    ids=["empty", "blank", "older than the request"],
)
def test_a_final_does_not_count_with_an_artifact_that_shows_nothing(
    workbench: Workbench, models: Models, text: str, modified_at: int | None, words: str
) -> None:
    workbench.write({PATH: text})
    if modified_at is not None:
        os.utime(workbench.root / PATH, (modified_at, modified_at))
    found = {**FOUND, "evidence": [PATH]}
    models.says = {
        "zoe": [asking("scout"), say("Nothing to show, says scout.")],
        "scout": [call_tools(tool("finish", found)), call_tools(tool("reject", {"reason": "I made nothing."}, 1))],
    }
    workbench.tick_at(EIGHT)
    assert words in models.shown("scout")[1]
    assert PATH in models.shown("scout")[1]
    final = standings(workbench.system.database)["scout"].final
    assert final is not None
    assert (final.result, final.evidence) == ("rejected", ())


def test_two_finals_in_one_breath_are_one(workbench: Workbench, models: Models) -> None:
    models.says = {
        "zoe": [asking("scout"), say("Five, says scout.")],
        "scout": [call_tools(tool("finish", FOUND), tool("finish", {**FOUND, "conclusion": "Five kettles."}, 1))],
    }
    workbench.tick_at(EIGHT)
    (request,) = standings(workbench.system.database).values()
    with workbench.system.database.read() as connection:
        kinds = [event.body.kind for event in events_of(connection, request.request.id)]
    assert kinds.count("final") == 1
    assert len(models.shown("zoe")) == 2


def test_a_receiver_that_finishes_what_was_cancelled_meanwhile_changes_nothing(
    workbench: Workbench, models: Models
) -> None:
    told: list[str] = []

    def cancelled_while_it_thinks(request: ChatRequest) -> ChatAnswer:
        if "You are scout." not in request.messages[0]["content"]:
            return asking("scout") if len(request.messages) == 2 else say("It was cancelled.")
        if request.messages[-1]["role"] == "tool":
            told.append(request.messages[-1]["content"])
            return say("Then not.")
        with workbench.system.database.write(alone=True) as connection:
            (row,) = requests_in(connection)
            cancel(connection, row.id, "we have enough", by="user", now=workbench.clock.now())
        return call_tools(tool("finish", FOUND))

    with OpenAIServer(cancelled_while_it_thinks) as server:
        workbench.write(with_model(server))
        workbench.tick_at(EIGHT)
    (standing,) = standings(workbench.system.database).values()
    assert ["is final, and not yours any more" in words for words in told] == [True]
    assert standing.final is not None
    assert (standing.final.result, standing.final.conclusion) == ("cancelled", "cancelled by user: we have enough")
    assert [fire.state for fire in workbench.fires() if fire.agent == "zoe"] == [FireState.DELIVERED]


# ── Workers ──────────────────────────────────────────────────────────────────────────────────────

TEAM = team_of("zoe", "scout", "cook")


def at_work(database: Database, task: str = "count") -> tuple[str, RunRow]:
    """Ask scout, and let scout begin; return the request's id and the run."""
    with database.write(alone=True) as connection:
        request_id = send(connection, ask("zoe", "scout", task), TEAM, BUS_NOW).standing.request.id
        (run,) = claim_runs(connection, "node-1", 4, BUS_NOW)
        mark_fire(connection, run.id, FireState.RUNNING, "node-1")
    return request_id, run


def close_run(connection: Connection, run: RunRow, final: Final | None = None) -> FireState | None:
    return close(
        connection, run_id=run.id, job_id=run.job_id, outcome=Outcome(FireState.DELIVERED), stop="completed",
        owner="node-1", now=BUS_NOW, final=final,
    )  # fmt: skip


def test_a_receiver_that_never_finishes_is_timed_out_and_nothing_is_done_twice_by_itself(
    database: Database, tmp_path: Path
) -> None:
    request_id, run = at_work(database)
    duties = BusDuties(database, tmp_path, lambda run_id: ())
    late = BUS_NOW + timedelta(hours=2)
    assert duties.serve(TEAM, late).timed_out == (request_id,)
    assert duties.serve(TEAM, late).timed_out == ()
    with database.read() as connection:
        standing = standing_of(connection, request_id)
        cancelled = run_by_id(connection, run.id)
    assert standing.final is not None
    assert (standing.final.result, standing.situation) == ("timed_out", Situation.WORKING)
    assert standing.is_dead_letter
    assert cancelled is not None
    assert cancelled.cancel_reason is not None
    with pytest.raises(Refused, match="may-do-twice"), database.write(alone=True) as connection:
        resend(connection, request_id, TEAM, late, by="user")
    with database.read() as connection:
        assert len(requests_in(connection)) == 1


def test_what_was_never_delivered_is_told_from_what_was_worked_on(database: Database, tmp_path: Path) -> None:
    team = team_of("zoe", "scout", rules=BusRules(max_open=1))
    with database.write(alone=True) as connection:
        _, waiting = (
            send(connection, ask("zoe", "scout", task), team, BUS_NOW).standing.request.id for task in ("one", "two")
        )
    late = BUS_NOW + timedelta(hours=2)
    BusDuties(database, tmp_path, lambda run_id: ()).serve(team, late)
    with database.write(alone=True) as connection:
        assert standing_of(connection, waiting).situation is Situation.NEVER_DELIVERED
        assert resend(connection, waiting, team, late, by="user").is_new


def test_a_second_final_is_refused_with_both_states_named(database: Database) -> None:
    request_id, run = at_work(database)
    with database.write(alone=True) as connection:
        assert close_run(connection, run, Final("done", "three")) is FireState.DELIVERED
    with (
        pytest.raises(IllegalTransition, match="it is final, and cannot become final"),
        database.write(alone=True) as connection,
    ):
        append(
            connection, standing_of(connection, request_id), Finished(Final("done", "four"), 1), by="scout", now=BUS_NOW
        )
    with database.write(alone=True) as connection:
        assert close_run(connection, run, Final("done", "four")) is None
        final = standing_of(connection, request_id).final
    assert final is not None
    assert final.conclusion == "three"


@pytest.mark.parametrize("is_delivered", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("body", [Progressed(1, "nearly"), Finished(Final("done", "three"), 1)], ids=["note", "final"])
def test_a_superseded_worker_that_writes_late_is_refused_before_and_after_the_next_one_has_it(
    database: Database, body: Progressed | Finished, is_delivered: bool
) -> None:
    request_id, run = at_work(database)
    with database.write(alone=True) as connection:
        pass_on(connection, run, PassOn("cook", "it is her kitchen"), BUS_NOW)
        close_run(connection, run)
        if is_delivered:
            deliver_waiting(connection, TEAM, BUS_NOW)
        before = events_of(connection, request_id)
    with pytest.raises((Superseded, IllegalTransition)), database.write(alone=True) as connection:
        append(connection, standing_of(connection, request_id), body, by="scout", now=BUS_NOW)
    with database.write(alone=True) as connection:
        assert close_run(connection, run, Final("done", "three")) is None
        assert events_of(connection, request_id) == before
        assert standing_of(connection, request_id).state is (
            RequestState.CONFIRMED if is_delivered else RequestState.REQUESTED
        )


def wait_for_answer(database: Database, run: RunRow, request_id: str) -> None:
    draft = Draft(
        Outcome(FireState.SUSPENDED, "it waits"), "suspended", suspension=Suspension({"call": request_id}, {})
    )
    with database.write(alone=True) as connection:
        assert suspend(connection, run, draft, "node-1", BUS_NOW) is FireState.SUSPENDED


def test_agents_that_are_full_and_wait_for_one_another_are_given_what_the_others_wait_for(
    database: Database, tmp_path: Path
) -> None:
    team = team_of("zoe", "scout", "cook", rules=BusRules(max_open=1))
    with database.write(alone=True) as connection:
        for receiver in ("scout", "cook"):
            send(connection, ask("zoe", receiver, "first"), team, BUS_NOW)
        runs = claim_runs(connection, "node-1", 4, BUS_NOW)
        for run in runs:
            mark_fire(connection, run.id, FireState.RUNNING, "node-1")
        others = {"scout": "cook", "cook": "scout"}
        asked = [
            send(connection, ask(run.agent, others[run.agent], "then", parent=run.options["request"]), team, BUS_NOW)
            for run in runs
        ]
    assert {sent.standing.state for sent in asked} == {RequestState.REQUESTED}, "both are full"
    for run, sent in zip(runs, asked, strict=True):
        wait_for_answer(database, run, sent.standing.request.id)
    served = BusDuties(database, tmp_path, lambda run_id: ()).serve(team, BUS_NOW)
    assert set(served.delivered) == {sent.standing.request.id for sent in asked}


# ── Very many ────────────────────────────────────────────────────────────────────────────────────

MANY = 1_000
INSTRUCTIONS_TO_COUNT_ONE = 25


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    opened = Database.connect(file_address(tmp_path / "harness.db"))
    opened.migrate()
    yield opened
    opened.close()


def instructions(connection: Connection, work: Callable[[], object]) -> int:
    """Return how many hundreds of instructions SQLite's own machine executes for the work: no clock is asked."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    driver = connection.connection.dbapi_connection
    assert driver is not None
    driver.set_progress_handler(count, 100)
    try:
        work()
    finally:
        driver.set_progress_handler(None, 0)
    return counted


def test_what_a_thousand_requests_to_one_agent_cost_grows_far_less_than_their_number(file: Database) -> None:
    team = team_of("zoe", "scout", rules=BusRules(max_open=5, per_hour=100_000))
    later = BUS_NOW + timedelta(minutes=1)

    def ask_once(connection: Connection, number: int) -> None:
        assert send(connection, ask("zoe", "scout", f"{number}"), team, BUS_NOW + timedelta(milliseconds=number)).is_new

    def work_one_off(connection: Connection) -> None:
        (run,) = claim_runs(connection, "node-1", 4, later)
        mark_fire(connection, run.id, FireState.RUNNING, "node-1")
        assert close_run(connection, run) is FireState.DELIVERED
        deliver_waiting(connection, team, later)

    with file.write(alone=True) as connection:
        asked = [instructions(connection, partial(ask_once, connection, number)) for number in range(MANY)]
        assert count_at_work(connection, "scout") == 5
        assert len(requests_in(connection, states=[RequestState.REQUESTED])) == MANY - 5
        worked_off = [instructions(connection, partial(work_one_off, connection)) for _ in range(MANY)]
        assert requests_in(connection, states=[RequestState.REQUESTED, RequestState.CONFIRMED]) == []
        assert {row.result for row in requests_in(connection)} == {"done"}
    # What waits is counted in an index for each new one, a few instructions each; to read the rows would be many more.
    assert asked[-1] - asked[10] <= MANY * INSTRUCTIONS_TO_COUNT_ONE / 100
    assert worked_off[10] - worked_off[-10] <= MANY * INSTRUCTIONS_TO_COUNT_ONE / 100


# ── A daemon that is killed ──────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_request_whose_daemon_is_killed_while_the_receiver_works_ends_once_by_the_next_daemon(tmp_path: Path) -> None:
    asked = threading.Event()
    calls: list[str] = []

    def answer(request: ChatRequest) -> ChatAnswer:
        calls.append(request.headers["idempotency-key"])
        asked.set()
        return delay(say("never"), None) if len(calls) == 1 else call_tools(tool("finish", FOUND))

    with OpenAIServer(answer) as server:
        settings = {"harness.toml": SETTINGS.format(base_url=server.base_url, name="test-model")}
        root = write_workspace_files(tmp_path / "workspace", {**settings, **agent_files("scout")})
        address = file_address(tmp_path / "harness.db")
        node = Node("node-1", root, tmp_path / "state", address)
        environ = {"HARNESS_HOME": str(tmp_path / "state"), "HARNESS_DATABASE_URL": address.url}
        try:
            node.start()
            with open_bus(root, environ) as bus:
                request_id = bus.send("scout", "Count the kettles.").standing.request.id
                assert asked.wait(PATIENCE_S), "the receiver never began"
                node.kill()
                assert bus.show(request_id).state is RequestState.CONFIRMED, "nothing of it is lost or final"
                node.start()
                final = bus.wait(request_id, PATIENCE_S)
                kinds = [event.body.kind for event in bus.log(request_id)]
        finally:
            node.remove()
    assert (final.result, final.conclusion) == ("done", "Three kettles.")
    assert [kind for kind in kinds if kind != "progress"] == ["requested", "delivered", "confirmed", "final", "noticed"]
    assert calls == [calls[0]] * 2, "the call that was in flight is made once more, with the same key, and no other is"
