"""Requests as they are made: written once, given at once where there is room, refused by named rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from harness.bus.log import standing_of
from harness.bus.sending import Ask, Sent, send
from harness.bus.team import Team
from harness.domain.errors import HarnessError, Refused
from harness.domain.request import RequestState, request_job
from harness.domain.run import FireKind, RunState
from harness.domain.settings import BusRules
from harness.store.database import Database
from harness.store.fires import fire_of_run
from harness.store.request_log import events_of
from harness.store.runs import run_by_id
from tests.bus.team_of import NOW, ask, team_of

ZOE_AND_SCOUT = team_of("zoe", "scout")


@pytest.fixture
def bus(database: Database) -> Database:
    database.migrate()
    return database


def sent(database: Database, team: Team, *args: str, **fields: Any) -> Sent:
    with database.write(alone=True) as connection:
        return send(connection, ask(*args, **fields), team, NOW)


def test_a_request_to_an_agent_with_room_is_confirmed_with_its_run_queued_in_one_transaction(bus: Database) -> None:
    request = sent(bus, ZOE_AND_SCOUT, "zoe", "scout").standing.request
    with bus.read() as connection:
        standing = standing_of(connection, request.id)
        run = run_by_id(connection, f"bus:{request.id}:1")
        fire = fire_of_run(connection, f"bus:{request.id}:1")
        kinds = [event.body.kind for event in events_of(connection, request.id)]
    assert (standing.state, kinds) == (RequestState.CONFIRMED, ["requested", "delivered", "confirmed"])
    assert run is not None
    assert (run.state, run.agent, run.options["request"]) == (RunState.QUEUED, "scout", request.id)
    assert fire is not None
    assert (fire.kind, fire.job_id) == (FireKind.BUS, request_job("scout", request.id))


def test_asking_again_with_the_same_key_is_the_same_request(bus: Database) -> None:
    first, second = (sent(bus, ZOE_AND_SCOUT, "zoe", "scout") for _ in range(2))
    assert (first.is_new, second.is_new) == (True, False)
    assert first.standing == second.standing


def test_a_key_that_stands_for_another_task_is_refused_and_named(bus: Database) -> None:
    sent(bus, ZOE_AND_SCOUT, "zoe", "scout", "one thing", key="k")
    with pytest.raises(HarnessError, match=r"'k' stands for request r-.* 'one thing'"):
        sent(bus, ZOE_AND_SCOUT, "zoe", "scout", "another thing", key="k")


def test_a_full_receiver_gets_the_request_later_and_the_reason_is_kept(bus: Database) -> None:
    team = team_of("zoe", "scout", rules=BusRules(max_open=1))
    sent(bus, team, "zoe", "scout", "first")
    second = sent(bus, team, "zoe", "scout", "second").standing
    assert second.state is RequestState.REQUESTED


def test_a_full_receiver_refuses_where_the_rules_say_so(bus: Database) -> None:
    team = team_of("zoe", "scout", rules=BusRules(max_open=1, when_full="refuse"))
    sent(bus, team, "zoe", "scout", "first")
    with pytest.raises(Refused, match="receiver-full: scout has 1 open requests, and takes 1"):
        sent(bus, team, "zoe", "scout", "second")


def test_a_chain_that_comes_back_to_one_of_its_parties_is_refused_with_the_way(bus: Database) -> None:
    team = team_of("a", "b", "c")
    first = sent(bus, team, "a", "b").standing.request
    second = sent(bus, team, "b", "c", parent=first.id).standing.request
    with pytest.raises(Refused, match=r"cycle: a stands above this already \(a → b → c → a\)"):
        sent(bus, team, "c", "a", parent=second.id)


def test_the_person_may_be_asked_from_any_depth_of_a_chain_that_they_began(bus: Database) -> None:
    team = team_of("a", "b")
    first = sent(bus, team, "user", "a").standing.request
    assert sent(bus, team, "a", "user", parent=first.id).standing.state is RequestState.CONFIRMED


def test_a_chain_ends_at_the_depth_that_the_rules_allow(bus: Database) -> None:
    team = team_of("a", "b", "c", "d", rules=BusRules(max_depth=2))
    first = sent(bus, team, "a", "b").standing.request
    second = sent(bus, team, "b", "c", parent=first.id).standing.request
    assert second.depth == 1
    with pytest.raises(Refused, match="depth: requests stand 2 deep above this"):
        sent(bus, team, "c", "d", parent=second.id)


def test_work_for_a_request_is_due_no_later_than_the_request(bus: Database) -> None:
    team = team_of("a", "b", "c")
    first = sent(bus, team, "a", "b", due_at=NOW + timedelta(minutes=5)).standing.request
    assert sent(bus, team, "b", "c", parent=first.id).standing.request.due_at == first.due_at
    soon = NOW + timedelta(minutes=1)
    assert sent(bus, team, "b", "c", "sooner", parent=first.id, due_at=soon).standing.request.due_at == soon


def test_a_run_may_ask_as_often_as_the_rules_say(bus: Database) -> None:
    team = team_of("zoe", "scout", rules=BusRules(max_asks=2))
    for task in ("one", "two"):
        sent(bus, team, "zoe", "scout", task, parent_run="cron:zoe/x:1")
    with pytest.raises(Refused, match="fan-out: this run has made 2 requests"):
        sent(bus, team, "zoe", "scout", "three", parent_run="cron:zoe/x:1")


def test_the_rate_of_a_pair_is_held_over_an_hour(bus: Database) -> None:
    team = team_of("zoe", "scout", rules=BusRules(per_hour=1))
    sent(bus, team, "zoe", "scout", "one")
    with pytest.raises(Refused, match="rate: zoe asked scout 1 times in the last hour"):
        sent(bus, team, "zoe", "scout", "two")
    with bus.write(alone=True) as connection:
        assert send(connection, ask("zoe", "scout", "two"), team, NOW + timedelta(hours=1, seconds=1)).is_new


def test_what_was_asked_before_the_clock_was_set_back_does_not_count_for_a_whole_day(bus: Database) -> None:
    team = team_of("zoe", "scout", rules=BusRules(per_hour=1))
    yesterday = NOW - timedelta(days=1)
    with bus.write(alone=True) as connection:
        send(connection, ask("zoe", "scout", "one"), team, NOW)
        assert send(connection, ask("zoe", "scout", "two"), team, yesterday).is_new
        with pytest.raises(Refused, match="rate"):
            send(connection, ask("zoe", "scout", "three"), team, yesterday)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (ask("zoe", "nobody"), "there is nobody called 'nobody' to ask; there are: scout, user"),
        (ask("zoe", "zoe"), "zoe cannot ask zoe"),
        (ask("zoe", "scout", "  "), "a request needs a task"),
        (replace(ask("zoe", "scout"), key=""), "a request needs an idempotency key"),
        (ask("zoe", "scout", due_at=NOW), "would be due at 2026-11-21 16:00 UTC, which has passed"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_in_words(bus: Database, wrong: Ask, words: str) -> None:
    with pytest.raises(HarnessError, match=words), bus.write(alone=True) as connection:
        send(connection, wrong, ZOE_AND_SCOUT, NOW)
