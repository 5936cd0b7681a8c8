"""The post office: who is given what, when, in which order; and what keeps waiting, and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete

from harness.bus.ending import answer, cancel
from harness.bus.log import append, standing_of
from harness.bus.post_office import AT_ONCE, deliver_waiting, has_deliverable
from harness.bus.sending import send
from harness.bus.team import Team
from harness.domain.agent import Agent
from harness.domain.pause import PauseRow, agent_scope
from harness.domain.request import SYSTEM, USER, Final, HandedOff, RequestState, Situation, Watch
from harness.domain.settings import BusRules
from harness.store import tables
from harness.store.database import Database
from harness.store.pauses import add_pause, remove_pause
from harness.store.request_duties import pending
from harness.store.requests import RequestRow, request_row, requests_in
from harness.store.runs import run_by_id
from tests.bus.team_of import NOW, ask, team_of

ONE_AT_A_TIME = team_of("zoe", "scout", rules=BusRules(max_open=1))
ROOMY = team_of("zoe", "scout")


def sent(database: Database, team: Team, task: str, *, receiver: str = "scout", **fields: Any) -> str:
    with database.write(alone=True) as connection:
        return send(connection, ask("zoe", receiver, task, **fields), team, NOW).standing.request.id


def delivered(database: Database, team: Team, at: datetime = NOW) -> list[str]:
    with database.write(alone=True) as connection:
        return deliver_waiting(connection, team, at)


def finished(database: Database, request_id: str) -> None:
    with database.write(alone=True) as connection:
        cancel(connection, request_id, "", by=SYSTEM, now=NOW)


def row_of(database: Database, request_id: str) -> RequestRow:
    with database.read() as connection:
        row = request_row(connection, request_id)
    assert row is not None
    return row


def pause(database: Database, agent: str) -> None:
    with database.write() as connection:
        add_pause(connection, PauseRow(agent_scope(agent), "Sam", "on holiday", NOW.timestamp()))


def test_room_is_given_to_the_most_urgent_and_of_those_to_the_one_due_first(database: Database) -> None:
    first = sent(database, ONE_AT_A_TIME, "first")
    low = sent(database, ONE_AT_A_TIME, "low", priority="low", due_at=NOW + timedelta(minutes=1))
    late = sent(database, ONE_AT_A_TIME, "late", due_at=NOW + timedelta(hours=3))
    soon = sent(database, ONE_AT_A_TIME, "soon", due_at=NOW + timedelta(minutes=5))
    high = sent(database, ONE_AT_A_TIME, "high", priority="high", due_at=NOW + timedelta(hours=9))
    order = []
    for request_id in (first, high, soon, late):
        assert delivered(database, ONE_AT_A_TIME) == []
        finished(database, request_id)
        order += delivered(database, ONE_AT_A_TIME)
    assert order == [high, soon, late, low]


def test_a_new_request_does_not_pass_those_that_wait(database: Database) -> None:
    first, second = (sent(database, ONE_AT_A_TIME, task) for task in ("first", "second"))
    finished(database, first)
    third = sent(database, ONE_AT_A_TIME, "third")
    assert row_of(database, third).why_waiting == "other requests wait for scout before it"
    assert delivered(database, ONE_AT_A_TIME) == [second]
    assert row_of(database, third).state is RequestState.REQUESTED


def test_what_is_wrong_with_one_that_waits_is_nothing_to_whoever_sends_another(database: Database) -> None:
    first, broken = (sent(database, ONE_AT_A_TIME, task) for task in ("first", "broken"))
    finished(database, first)
    with database.write() as connection:
        connection.execute(delete(tables.event).where(tables.event.c.request_id == broken))
    urgent = sent(database, ONE_AT_A_TIME, "urgent", priority="high")
    assert row_of(database, urgent).state is RequestState.CONFIRMED


def test_a_new_request_that_is_more_urgent_goes_first(database: Database) -> None:
    first, second = (sent(database, ONE_AT_A_TIME, task) for task in ("first", "second"))
    finished(database, first)
    urgent = sent(database, ONE_AT_A_TIME, "urgent", priority="high")
    assert row_of(database, urgent).state is RequestState.CONFIRMED
    assert row_of(database, second).state is RequestState.REQUESTED


def test_a_full_receiver_keeps_what_waits_and_says_why_without_writing_again(database: Database) -> None:
    sent(database, ONE_AT_A_TIME, "first")
    second = sent(database, ONE_AT_A_TIME, "second")
    assert row_of(database, second).why_waiting == "scout has 1 open requests, and takes no more at a time"
    with database.read() as connection:
        assert not has_deliverable(connection, ONE_AT_A_TIME, NOW)


def test_an_agents_own_limit_holds_in_place_of_the_teams(database: Database) -> None:
    scout = Agent("scout", "", "", "", max_open=2)
    team = team_of("zoe", rules=BusRules(max_open=1), agents=[scout])
    states = [row_of(database, sent(database, team, task)).state for task in ("1", "2", "3")]
    assert states == [RequestState.CONFIRMED, RequestState.CONFIRMED, RequestState.REQUESTED]


def test_the_person_is_given_everything_at_once_without_a_run(database: Database) -> None:
    request_id = sent(database, ONE_AT_A_TIME, "which one?", receiver=USER)
    sent(database, ONE_AT_A_TIME, "and now?", receiver=USER)
    row = row_of(database, request_id)
    assert (row.state, row.run_id) == (RequestState.CONFIRMED, None)
    with database.read() as connection:
        assert {row.state for row in requests_in(connection, receiver=USER)} == {RequestState.CONFIRMED}


def test_what_is_watched_is_given_to_nobody(database: Database) -> None:
    request_id = sent(database, ROOMY, "wait", receiver=SYSTEM, watch=Watch(file="notes/a.md"))
    assert delivered(database, ROOMY) == []
    assert row_of(database, request_id).state is RequestState.REQUESTED


def test_a_paused_agent_is_given_nothing_and_all_that_waits_says_why(database: Database) -> None:
    pause(database, "scout")
    first, second = (sent(database, ROOMY, task) for task in ("first", "second"))
    for request_id in (first, second):
        row = row_of(database, request_id)
        assert row.state is RequestState.REQUESTED
        assert row.why_waiting.startswith(
            "scout is paused (all of scout) by Sam since Sat 21 Nov 16:00 UTC: on holiday"
        )
        assert row.deliveries_failed == 0


def test_an_agent_that_is_paused_for_days_loses_no_request(database: Database) -> None:
    pause(database, "scout")
    request_id = sent(database, ROOMY, "first", due_at=NOW + timedelta(days=9))
    for hours in range(1, 100):
        assert delivered(database, ROOMY, NOW + timedelta(hours=hours)) == []
    with database.write() as connection:
        remove_pause(connection, agent_scope("scout"))
    assert delivered(database, ROOMY, NOW + timedelta(hours=101)) == [request_id]
    assert row_of(database, request_id).why_waiting == ""


def test_what_waits_for_a_paused_agent_is_written_once_and_not_in_every_tick(database: Database) -> None:
    pause(database, "scout")
    sent(database, ROOMY, "first")
    with database.read() as connection:
        assert not has_deliverable(connection, ROOMY, NOW + timedelta(seconds=29))
        assert has_deliverable(connection, ROOMY, NOW + timedelta(seconds=31))


def test_an_agent_that_is_gone_is_tried_later_and_later_and_then_it_is_a_dead_letter(database: Database) -> None:
    request_id = sent(database, ONE_AT_A_TIME, "first", fallback="ask Sam", receiver="scout")
    second = sent(database, ONE_AT_A_TIME, "second", fallback="ask Sam")
    finished(database, request_id)
    without = team_of("zoe")
    tried, at = [], NOW
    while row_of(database, second).is_open:
        before = row_of(database, second).deliveries_failed
        assert delivered(database, without, at) == []
        if row_of(database, second).deliveries_failed > before or not row_of(database, second).is_open:
            tried.append((at - NOW).total_seconds())
        at += timedelta(seconds=10)
    assert tried == [0, 30, 90, 210, 450]
    with database.read() as connection:
        standing = standing_of(connection, second)
    assert standing.is_dead_letter
    assert standing.situation is Situation.NEVER_DELIVERED
    assert standing.final == Final(
        "failed",
        "it could not be delivered in 5 tries: there is no agent 'scout'; there are: zoe; for this case it was said: "
        "ask Sam",
    )


def test_an_agent_that_comes_back_is_given_what_waited_for_it(database: Database) -> None:
    sent(database, ONE_AT_A_TIME, "first")
    second = sent(database, ONE_AT_A_TIME, "second")
    assert delivered(database, team_of("zoe")) == []
    assert row_of(database, second).why_waiting == "there is no agent 'scout'; there are: zoe"
    assert delivered(database, ROOMY, NOW + timedelta(seconds=29)) == []
    assert delivered(database, ROOMY, NOW + timedelta(seconds=30)) == [second]


@pytest.mark.parametrize(("back", "gets"), [(timedelta(minutes=50), False), (timedelta(days=1), True)])
def test_a_clock_that_is_set_back_delays_a_delivery_by_the_longest_pause_at_most(
    database: Database, back: timedelta, gets: bool
) -> None:
    sent(database, ONE_AT_A_TIME, "first")
    second = sent(database, ONE_AT_A_TIME, "second")
    delivered(database, team_of("zoe"))
    with database.read() as connection:
        assert pending(connection, NOW - back).waiting is gets
    assert delivered(database, ROOMY, NOW - back) == ([second] if gets else [])
    assert delivered(database, ROOMY, NOW + timedelta(minutes=1)) == ([] if gets else [second])


def test_the_harness_is_asked_to_watch_and_nothing_else(database: Database) -> None:
    request_id = sent(database, team_of("zoe", rules=BusRules(max_deliveries=1)), "make tea", receiver=SYSTEM)
    with database.read() as connection:
        final = standing_of(connection, request_id).final
    assert final is not None
    assert "the harness itself does no work on request" in final.conclusion


def test_a_second_delivery_is_a_run_of_its_own(database: Database) -> None:
    team = team_of("zoe", "scout", "ranger")
    request_id = sent(database, team, "first")
    with database.write(alone=True) as connection:
        standing = standing_of(connection, request_id)
        append(connection, standing, HandedOff(1, "ranger", "it is hers"), by="scout", now=NOW)
    assert delivered(database, team) == [request_id]
    with database.read() as connection:
        run = run_by_id(connection, f"bus:{request_id}:2")
        assert (standing_of(connection, request_id).token, standing_of(connection, request_id).receiver) == (
            2,
            "ranger",
        )
    assert run is not None
    assert run.agent == "ranger"


def test_a_receiver_bound_to_a_node_is_given_its_run_there(database: Database) -> None:
    team = team_of("zoe", agents=[Agent("scout", "", "", "", on="mac")])
    request_id = sent(database, team, "first")
    with database.read() as connection:
        run = run_by_id(connection, f"bus:{request_id}:1")
    assert run is not None
    assert run.node == "mac"


def test_one_transaction_gives_no_more_than_so_many(database: Database) -> None:
    pause(database, "scout")
    team = team_of("zoe", "scout", rules=BusRules(max_open=AT_ONCE + 9, per_hour=1000, max_asks=1000))
    for number in range(AT_ONCE + 5):
        sent(database, team, f"task {number}")
    with database.write() as connection:
        remove_pause(connection, agent_scope("scout"))
    later = NOW + timedelta(minutes=1)
    assert [len(delivered(database, team, later)) for _ in range(3)] == [AT_ONCE, 5, 0]


@pytest.mark.parametrize("receiver", ["scout", USER])
def test_what_is_final_is_not_delivered(database: Database, receiver: str) -> None:
    sent(database, ONE_AT_A_TIME, "first", receiver=receiver)
    second = sent(database, ONE_AT_A_TIME, "second", receiver=receiver)
    if receiver == USER:
        with database.write(alone=True) as connection:
            answer(connection, second, Final("done", "yes"), by=USER, now=NOW)
    else:
        finished(database, second)
    assert delivered(database, ROOMY) == []
