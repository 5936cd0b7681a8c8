"""What the ledger knows of the work on a request, in a sentence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from harness.bus.log import standing_of
from harness.bus.sending import send
from harness.domain.agent import Agent
from harness.domain.message import Usage
from harness.domain.request import USER, Standing
from harness.domain.run import FireKind, FireState, Outcome
from harness.ports import RecordedStep
from harness.runs.requests.notes import what_is_known
from harness.store.database import Database
from harness.store.fires import close_fire, mark_fire
from harness.store.json_codec import to_json
from harness.store.runs import NewRun, claim_runs, queue_run, suspend_run
from harness.store.suspensions import Awaited, suspend_for
from harness.store.usage import BookedCall, record_usage
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout")


def sent(database: Database, task: str = "count", **fields: Any) -> Standing:
    team = team_of("zoe", agents=[Agent("scout", "", "", "", on=fields.pop("node", None))])
    with database.write(alone=True) as connection:
        return send(connection, ask("zoe", "scout", task, **fields), team, NOW).standing


def known(database: Database, standing: Standing, *steps: RecordedStep) -> str:
    with database.read() as connection:
        current = standing_of(connection, standing.request.id)
        return what_is_known(connection, current, lambda run_id: steps if run_id == current.run_id else ())


def begin(database: Database, run_id: str) -> None:
    with database.write() as connection:
        at = NOW + timedelta(minutes=10)
        assert [run.id for run in claim_runs(connection, "me", 8, at, only=run_id)] == [run_id]
        mark_fire(connection, run_id, FireState.RUNNING, "me")


def queue(database: Database, run_id: str, job_id: str, due_at: int) -> None:
    with database.write() as connection:
        queue_run(connection, NewRun(run_id, job_id, "agent", FireKind.CRON, due_at, 1), NOW)


def test_work_that_is_queued_says_behind_what(database: Database) -> None:
    queue(database, "cron:scout/scan:1", "scout/scan", 1)
    begin(database, "cron:scout/scan:1")
    queue(database, "cron:scout/next:2", "scout/next", 2)
    queue(database, "cron:scout/later:9", "scout/later", int(NOW.timestamp()) + 999)
    assert known(database, sent(database)) == (
        "queued since 16:00 UTC behind scout/scan, at work since 16:10 UTC and 1 more of scout in the queue"
    )


def test_work_that_waits_for_its_node_names_it(database: Database) -> None:
    assert known(database, sent(database, node="mac")) == "queued since 16:00 UTC, for the node mac"


def test_work_that_is_going_on_says_since_when_and_how_far_it_is(database: Database) -> None:
    standing = sent(database)
    run_id = f"bus:{standing.request.id}:1"
    begin(database, run_id)
    with database.write() as connection:
        for call in ("1", "2"):
            record_usage(connection, BookedCall(run_id, call, "scout/x", "cheap", "m", Usage(1, 0, 1), 0.0), NOW)
    steps = (RecordedStep(1, "begin", "begin", "x"), RecordedStep(2, "model", "model-2", "y"))
    assert known(database, standing, *steps) == (
        "at work since 16:10 UTC, 2 model calls, 2 steps, the last: model model-2"
    )
    assert known(database, standing) == "at work since 16:10 UTC, 2 model calls"


def test_work_that_waits_for_requests_names_them(database: Database) -> None:
    standing = sent(database)
    run_id = f"bus:{standing.request.id}:1"
    begin(database, run_id)
    with database.write(alone=True) as connection:
        below = send(connection, ask("scout", USER, "which?"), TEAM, NOW).standing.request
        suspend_run(connection, run_id, stop="suspended", outcome=to_json(Outcome, Outcome(FireState.SUSPENDED)))
        suspend_for(connection, run_id, [Awaited(below.id, "call")], "{}", NOW)
    assert known(database, standing) == f"{run_id} waits for {below.id}"


def test_work_whose_run_is_gone_says_so(database: Database) -> None:
    standing = sent(database)
    with database.write() as connection:
        close_fire(connection, f"bus:{standing.request.id}:1", state=FireState.FAILED, reason="x", now=NOW)
    assert known(database, standing) == "no run of scout works on it"
