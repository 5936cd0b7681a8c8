"""Ending a request together with the run that works on it: all of it or nothing, whoever dies in between."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from harness.bus.continuations import wait_for
from harness.bus.dead_letters import resend
from harness.bus.log import append, standing_of
from harness.bus.sending import send
from harness.domain.errors import Refused
from harness.domain.request import USER, Final, Finished, IllegalTransition, Situation, Standing
from harness.domain.run import FireKind, FireState, Outcome, RunState, Suspended
from harness.runs.requests.ends import cancel_request, time_out_request
from harness.store.database import Database
from harness.store.fires import add_fire, fire_of_run, mark_fire, suspend_fire
from harness.store.json_codec import to_json
from harness.store.request_log import events_of
from harness.store.requests import overdue_requests
from harness.store.runs import NewRun, RunRow, claim_runs, queue_run, run_by_id, suspend_run
from harness.store.suspensions import Awaited
from tests.bus.crashes import Crash, broken_off
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout")
LATE = NOW + timedelta(hours=1)


def sent(database: Database, task: str = "count", **fields: Any) -> Standing:
    with database.write(alone=True) as connection:
        return send(connection, ask("zoe", "scout", task, **fields), TEAM, NOW).standing


def begin(database: Database, run_id: str) -> None:
    with database.write() as connection:
        assert [run.id for run in claim_runs(connection, "me", 8, NOW, only=run_id)] == [run_id]
        mark_fire(connection, run_id, FireState.RUNNING, "me")


def suspend(database: Database, run_id: str, *awaited: str) -> None:
    begin(database, run_id)
    with database.write(alone=True) as connection:
        assert suspend_fire(connection, run_id, "me")
        outcome = Outcome(FireState.SUSPENDED, "waits")
        suspend_run(connection, run_id, stop=Suspended.reason, outcome=to_json(Outcome, outcome))
        run = run_by_id(connection, run_id)
        assert run is not None
        wait_for(connection, run, [Awaited(one, one) for one in awaited], "{}", NOW)


def queue_zoe(database: Database) -> str:
    """Queue a run of zoe's own, and return its id."""
    run_id = "cron:zoe/plan:1"
    with database.write() as connection:
        queue_run(connection, NewRun(run_id, "zoe/plan", "agent", FireKind.CRON, 1, 1), NOW)
        add_fire(
            connection,
            job_id="zoe/plan",
            due_at=1,
            kind=FireKind.CRON,
            state=FireState.PLANNED,
            reason="",
            run_id=run_id,
            now=NOW,
        )
    return run_id


def run_of(database: Database, run_id: str) -> RunRow:
    with database.read() as connection:
        run = run_by_id(connection, run_id)
    assert run is not None
    return run


def standing_in(database: Database, standing: Standing) -> Standing:
    with database.read() as connection:
        return standing_of(connection, standing.request.id)


def test_before_the_due_time_and_after_the_final_nothing_times_out(database: Database) -> None:
    request = sent(database).request
    assert not time_out_request(database, request.id, LATE - timedelta(seconds=1))
    assert time_out_request(database, request.id, LATE)
    assert not time_out_request(database, request.id, LATE + timedelta(days=300))
    with database.read() as connection:
        assert [event.body.kind for event in events_of(connection, request.id)] == [
            "requested",
            "delivered",
            "confirmed",
            "final",
            "dead",
        ]


def test_a_queued_run_is_closed_with_its_request_and_names_it(database: Database) -> None:
    request = sent(database).request
    assert time_out_request(database, request.id, LATE)
    run_id = f"bus:{request.id}:1"
    assert run_of(database, run_id).state is RunState.ENDED
    with database.read() as connection:
        fire = fire_of_run(connection, run_id)
    assert fire is not None
    assert fire.state is FireState.CANCELLED
    assert fire.reason.startswith(f"request {request.id} of zoe is over: no final came by")


def test_a_run_at_work_is_asked_to_stop_and_what_it_says_later_is_refused(database: Database) -> None:
    standing = sent(database)
    run_id = f"bus:{standing.request.id}:1"
    begin(database, run_id)
    assert time_out_request(database, standing.request.id, LATE)
    run = run_of(database, run_id)
    assert run.state is RunState.RUNNING
    assert run.cancel_reason is not None
    assert standing.request.id in run.cancel_reason
    after = standing_in(database, standing)
    assert after.situation is Situation.WORKING
    with database.write() as connection, pytest.raises(IllegalTransition):
        append(connection, after, Finished(Final("done", "late"), token=1), by="scout", now=LATE)


def test_a_run_that_waits_itself_is_closed_as_well(database: Database) -> None:
    standing = sent(database)
    with database.write(alone=True) as connection:
        below = send(connection, ask("scout", USER, "which?", parent=standing.request.id), TEAM, NOW).standing
    suspend(database, f"bus:{standing.request.id}:1", below.request.id)
    assert time_out_request(database, standing.request.id, LATE)
    assert run_of(database, f"bus:{standing.request.id}:1").state is RunState.ENDED
    final = standing_in(database, standing).final
    assert final is not None
    assert final.result == "timed_out"


def test_whoever_waits_for_it_goes_on_in_the_same_transaction(database: Database) -> None:
    waiting, standing = queue_zoe(database), sent(database)
    suspend(database, waiting, standing.request.id)
    assert time_out_request(database, standing.request.id, LATE)
    assert run_of(database, f"{waiting}.2").state is RunState.QUEUED
    assert standing_in(database, standing).noticed_at == LATE


def test_cancelling_stops_the_run_as_well(database: Database) -> None:
    standing = sent(database)
    begin(database, f"bus:{standing.request.id}:1")
    with database.write(alone=True) as connection:
        after = cancel_request(connection, standing.request.id, "enough", by=USER, now=NOW)
    assert after == standing_in(database, standing)
    assert after.final == Final("cancelled", "cancelled by user: enough")
    assert "cancelled by user: enough" in str(run_of(database, f"bus:{standing.request.id}:1").cancel_reason)


def test_a_cancel_that_is_refused_leaves_the_run_alone(database: Database) -> None:
    standing = sent(database)
    with pytest.raises(Refused), database.write(alone=True) as connection:
        cancel_request(connection, standing.request.id, "", by="ranger", now=NOW)
    assert run_of(database, f"bus:{standing.request.id}:1").cancel_reason is None


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_process_that_dies_while_it_times_out_leaves_all_or_nothing(database: Database, is_begun: bool) -> None:
    waiting, standing = queue_zoe(database), sent(database)
    suspend(database, waiting, standing.request.id)
    run_id = f"bus:{standing.request.id}:1"
    if is_begun:
        begin(database, run_id)
    before = (standing_in(database, standing), run_of(database, run_id), run_of(database, waiting))
    # More than it has statements: then it dies at the commit.
    for statement in range(1, 60):
        with pytest.raises(Crash), broken_off(database.engine, statement):
            time_out_request(database, standing.request.id, LATE)
        assert (standing_in(database, standing), run_of(database, run_id), run_of(database, waiting)) == before
    assert time_out_request(database, standing.request.id, LATE)
    assert standing_in(database, standing).is_dead_letter
    assert run_of(database, f"{waiting}.2").state is RunState.QUEUED
    with database.read() as connection:
        assert [event.body.kind for event in events_of(connection, standing.request.id)].count("final") == 1


def test_a_process_that_dies_while_it_sends_again_leaves_all_or_nothing(database: Database) -> None:
    standing = sent(database)
    assert time_out_request(database, standing.request.id, LATE)
    before = standing_in(database, standing)
    for statement in range(1, 40):
        with pytest.raises(Crash), broken_off(database.engine, statement), database.write(alone=True) as connection:
            resend(connection, standing.request.id, TEAM, LATE, by=USER)
        assert standing_in(database, standing) == before
        with database.read() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM request").scalar_one() == 1
            assert connection.exec_driver_sql("SELECT count(*) FROM run").scalar_one() == 1
    with database.write(alone=True) as connection:
        again = resend(connection, standing.request.id, TEAM, LATE, by=USER)
    with database.read() as connection:
        assert run_by_id(connection, f"bus:{again.standing.request.id}:1") is not None


def test_of_several_daemons_at_the_same_moment_one_writes_the_final(database: Database) -> None:
    request_ids = [sent(database, f"task {number}").request.id for number in range(5)]

    async def at_once() -> list[bool]:
        tries = [
            asyncio.to_thread(time_out_request, database, request_id, LATE)
            for request_id in request_ids
            for _ in range(3)
        ]
        return list(await asyncio.gather(*tries))

    assert sum(asyncio.run(at_once())) == len(request_ids)
    with database.read() as connection:
        for request_id in request_ids:
            kinds = [event.body.kind for event in events_of(connection, request_id)]
            assert (kinds.count("final"), kinds.count("dead")) == (1, 1)


@pytest.mark.parametrize("end", ["cancelled", "timed_out"])
def test_what_was_asked_for_the_sake_of_a_request_ends_with_it(database: Database, end: str) -> None:
    above = sent(database).request.id
    team = team_of("zoe", "scout", "cook", "waiter")
    with database.write(alone=True) as connection:
        below = send(connection, ask("scout", "cook", parent=above), team, NOW).standing.request.id
        deepest = send(connection, ask("cook", "waiter", parent=below), team, NOW).standing.request.id
        beside = send(connection, ask("zoe", "cook", "beside it"), team, NOW).standing.request.id
    if end == "cancelled":
        with database.write(alone=True) as connection:
            cancel_request(connection, above, "not needed", by=USER, now=NOW)
    else:
        assert time_out_request(database, above, LATE)
    with database.read() as connection:
        standings = {one: standing_of(connection, one) for one in (above, below, deepest, beside)}
        runs = {one: run_by_id(connection, f"bus:{one}:1") for one in (below, deepest, beside)}
    results = {one: standing.final and standing.final.result for one, standing in standings.items()}
    assert results == {above: end, below: "cancelled", deepest: "cancelled", beside: None}
    assert not standings[below].is_dead_letter, "the person decides once, about what stands above"
    assert {one: run is not None and run.state for one, run in runs.items()} == {
        below: RunState.ENDED,
        deepest: RunState.ENDED,
        beside: RunState.QUEUED,
    }


def test_of_requests_due_together_the_ones_above_time_out_first(database: Database) -> None:
    above = sent(database, "z: later in the alphabet").request.id
    with database.write(alone=True) as connection:
        team = team_of("zoe", "scout", "cook")
        for number in range(5):
            send(connection, ask("scout", "cook", f"part {number}", parent=above), team, NOW)
    with database.read() as connection:
        assert overdue_requests(connection, LATE, 10)[0].id == above
