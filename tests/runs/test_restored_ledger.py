"""A restored team does nothing twice that it may have done after the backup, and nothing is lost without a word."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harness.bus.continuations import wait_for
from harness.bus.log import standing_of
from harness.bus.post_office import deliver_waiting
from harness.bus.prompt_news import news_for
from harness.bus.sending import send
from harness.domain.request import USER, RequestState, Situation, Standing, Watch
from harness.domain.run import FireKind, FireState, Outcome, RunState, Suspended
from harness.domain.settings import BusRules
from harness.runs.closing import close
from harness.runs.restored_ledger import restore_ledger
from harness.store.database import Database
from harness.store.fires import add_fire, fire_of_run, mark_fire, suspend_fire
from harness.store.incidents import open_incidents
from harness.store.json_codec import to_json
from harness.store.runs import NewRun, claim_runs, queue_run, run_by_id, suspend_run
from harness.store.suspensions import Awaited
from tests.bus.team_of import NOW, ask, team_of

TEAM = team_of("zoe", "scout", rules=BusRules(max_open=1))
LATER = NOW + timedelta(hours=5)
WAITING = "cron:zoe/plan:1"
REASON = "restored from a backup of 2026-11-21 16:00 UTC; it is not known whether this was done"


def sent(database: Database, receiver: str, task: str, watch: Watch | None = None) -> str:
    with database.write(alone=True) as connection:
        return send(connection, ask("zoe", receiver, task, watch=watch), TEAM, NOW).standing.request.id


def standing_in(database: Database, request_id: str) -> Standing:
    with database.read() as connection:
        return standing_of(connection, request_id)


def suspend_zoe(database: Database, request_id: str) -> None:
    """Let a run of zoe's own wait for the request."""
    with database.write(alone=True) as connection:
        queue_run(connection, NewRun(WAITING, "zoe/plan", "agent", FireKind.CRON, 1, 1), NOW)
        add_fire(
            connection, job_id="zoe/plan", due_at=1, kind=FireKind.CRON, state=FireState.PLANNED, reason="",
            run_id=WAITING, now=NOW,
        )  # fmt: skip
        assert claim_runs(connection, "me", 8, NOW, only=WAITING)
        mark_fire(connection, WAITING, FireState.RUNNING, "me")
        assert suspend_fire(connection, WAITING, "me")
        suspend_run(
            connection, WAITING, stop=Suspended.reason, outcome=to_json(Outcome, Outcome(FireState.SUSPENDED, "waits"))
        )
        run = run_by_id(connection, WAITING)
        assert run is not None
        wait_for(connection, run, [Awaited(request_id, "call_0")], "{}", NOW)


def restore(database: Database) -> int:
    with database.write(alone=True) as connection:
        return restore_ledger(connection, NOW, LATER)


@pytest.mark.parametrize(("task", "situation"), [("first", Situation.WORKING), ("second", Situation.NEVER_DELIVERED)])
def test_what_an_agent_had_not_finished_is_a_dead_letter_and_is_not_begun_again(
    database: Database, task: str, situation: Situation
) -> None:
    requests = {each: sent(database, "scout", each) for each in ("first", "second")}
    assert standing_in(database, requests["second"]).state is RequestState.REQUESTED, "scout takes one at a time"
    restore(database)
    standing = standing_in(database, requests[task])
    assert standing.final is not None
    assert (standing.final.result, standing.final.conclusion) == ("failed", REASON)
    assert standing.is_dead_letter
    assert standing.dead is not None
    assert standing.dead.situation is situation
    with database.write(alone=True) as connection:
        assert deliver_waiting(connection, TEAM, LATER) == []


def test_whoever_had_waited_for_it_is_not_gone_on_with_and_hears_of_it_in_the_next_prompt(database: Database) -> None:
    request_id = sent(database, "scout", "count")
    suspend_zoe(database, request_id)
    assert restore(database) == 2
    with database.read() as connection:
        run = run_by_id(connection, WAITING)
        assert run is not None
        assert run.state is RunState.ENDED
        assert run_by_id(connection, f"{WAITING}.2") is None
        (news,) = news_for(connection, TEAM.workspace.agents["zoe"])
    assert (news.request_id, news.is_final) == (request_id, True)
    assert REASON in news.text


def test_what_the_person_was_asked_and_what_only_waits_for_something_stay_open(database: Database) -> None:
    to_person = sent(database, USER, "which one?")
    watching = sent(database, "scout", "wait", Watch(at=LATER + timedelta(hours=1)))
    restore(database)
    assert standing_in(database, to_person).state is RequestState.CONFIRMED
    assert standing_in(database, watching).state is RequestState.REQUESTED


def test_its_incident_is_over_as_soon_as_the_agent_answers_another_request(database: Database) -> None:
    sent(database, "scout", "count")
    restore(database)
    with database.read() as connection:
        assert [row.cause for row in open_incidents(connection) if "scout" in row.cause] == ["job scout/(requests)"]
    again = sent(database, "scout", "count again")
    run_id = f"bus:{again}:1"
    with database.write(alone=True) as connection:
        fire = fire_of_run(connection, run_id)
        assert fire is not None
        outcome = Outcome(FireState.DELIVERED)
        close(connection, run_id=run_id, job_id=fire.job_id, outcome=outcome, stop="completed", owner=None, now=LATER)
        assert open_incidents(connection) == []
    assert standing_in(database, again).final is not None
