"""A fire whose run breaks off with a fault that may pass: attempted again, as another run of the same fire."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harness.domain.job import Job
from harness.domain.run import Fire, FireKind, FireState, RunState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.attempts import next_attempt
from harness.store.incidents import open_incidents
from harness.store.runs import RunRow, run_by_id
from harness.testing.openai_server import OpenAIServer, fail, say
from tests.runs.test_workflows import item_lines, job, model

EIGHT = NOW + timedelta(minutes=1)
JOB = Job("scout", "morning", "", (), "UTC", attempts=4, backoff_s=60)


def run_row(**fields: object) -> RunRow:
    defaults: dict[str, object] = {
        "id": "r", "job_id": "scout/morning", "agent": "scout", "lane": "agent", "kind": FireKind.CRON, "due_at": 0,
        "state": RunState.RUNNING, "inputs": {}, "options": {}, "workflow_version": 1, "owner": "o", "created_at": 0,
    }  # fmt: skip
    return RunRow(**{**defaults, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(("attempt", "pause_s"), [(1, 60), (2, 120), (3, 240)])
def test_the_pause_between_attempts_doubles(attempt: int, pause_s: int) -> None:
    again = next_attempt(run_row(attempt=attempt), JOB, "it is overloaded", NOW)
    assert again is not None
    assert again.not_before == NOW + timedelta(seconds=pause_s)
    assert again.reason == f"attempt {attempt} of 4 broke off: it is overloaded"


@pytest.mark.parametrize(
    "last",
    [{"attempt": 4}, {"kind": FireKind.MANUAL}, {"kind": FireKind.RETRY}, {"deadline_at": NOW.timestamp() + 60}],
)
def test_there_is_no_further_attempt(last: dict[str, object]) -> None:
    """After the last one, for whoever asked by hand, and where the deadline comes first."""
    assert next_attempt(run_row(**last), JOB, "it is overloaded", NOW) is None


def test_a_fault_that_passes_costs_a_pause_and_no_incident(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    with OpenAIServer([fail(503), say(item_lines(links))]) as server:
        workbench.write({**model(server), **job("read: [feeds/ai]\ndeliver: digest\nbackoff: 2m")})
        workbench.tick_at(EIGHT)
        waiting = the_fire(workbench)
        assert waiting.state is FireState.PLANNED
        assert waiting.reason.startswith("attempt 1 of 3 broke off: ")
        workbench.tick_at(EIGHT + timedelta(seconds=119))
        assert the_fire(workbench).state is FireState.PLANNED
        workbench.tick_at(EIGHT + timedelta(seconds=121))
    fire = the_fire(workbench)
    assert (fire.state, fire.due_at, fire.reason) == (FireState.DELIVERED, EIGHT, "")
    assert fire.run_id == f"cron:scout/morning:{int(EIGHT.timestamp())}~2"
    assert len(workbench.delivered()) == 1
    with workbench.system.database.read() as connection:
        first = run_by_id(connection, str(fire.run_id).removesuffix("~2"))
        assert open_incidents(connection) == []
    assert first is not None
    assert (first.state, first.stop) == (RunState.ENDED, "attempt")


def test_after_the_last_attempt_the_fire_fails_once_with_the_reason(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    with OpenAIServer([fail(503), fail(503)]) as server:
        workbench.write({**model(server), **job("read: [feeds/ai]\ndeliver: digest\nattempts: 2")})
        workbench.tick_at(EIGHT)
        workbench.tick_at(EIGHT + timedelta(minutes=2))
        workbench.tick_at(EIGHT + timedelta(hours=2))
        assert len(server.requests) == 2
    fire = the_fire(workbench)
    assert fire.state is FireState.FAILED
    assert "503" in fire.reason


def test_an_attempt_that_waits_survives_a_restart(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    with OpenAIServer([fail(503), say(item_lines(links))]) as server:
        workbench.write({**model(server), **job("read: [feeds/ai]\ndeliver: digest")})
        workbench.tick_at(EIGHT)
        workbench.restart()
        workbench.tick_at(EIGHT + timedelta(minutes=2))
    assert the_fire(workbench).state is FireState.DELIVERED


def the_fire(workbench: Workbench) -> Fire:
    (fire,) = workbench.fires()
    return fire
