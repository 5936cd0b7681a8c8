"""Fires that hang or failed, and deliveries that do not arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from harness.daemon.liveness import Liveness
from harness.domain.run import FireState
from harness.store.records import Delivery
from tests.daemon.health.sample_facts import ARXIV_DUE, DEAD, NOW, WELL, codes, fire, only_finding, open_fire


def test_open_fire_of_a_dead_daemon_is_abandoned() -> None:
    facts = replace(DEAD, open_fires=(open_fire(FireState.RUNNING, "me", timedelta(minutes=2)),))
    assert "nobody is working on it" in only_finding(facts, "abandoned")


def test_open_fire_of_another_executor_than_the_living_one_is_abandoned() -> None:
    facts = replace(WELL, open_fires=(open_fire(FireState.RUNNING, "somebody else", timedelta(minutes=2)),))
    assert codes(facts) == ["abandoned"]


def test_run_in_the_hands_of_another_machine_is_not_abandoned() -> None:
    elsewhere = Liveness("elsewhere", None, frozenset({"box-9.1"}))
    entry = open_fire(FireState.RUNNING, "box-9.1", timedelta(minutes=2))
    assert codes(replace(WELL, liveness=elsewhere, open_fires=(entry,))) == []
    assert codes(replace(WELL, open_fires=(entry,))) == ["abandoned"]


def test_what_waits_for_answers_is_held_by_nobody_and_not_abandoned() -> None:
    entry = open_fire(FireState.SUSPENDED, "me", timedelta(hours=5))
    waits = replace(entry, fire=replace(entry.fire, reason="waits for r-1"))
    assert "abandoned" not in codes(replace(DEAD, open_fires=(waits,)))
    assert "abandoned" in codes(replace(DEAD, open_fires=(entry,))), "its delivery waits for a daemon"


def test_queued_fire_waits_only_while_a_daemon_lives() -> None:
    queued = open_fire(FireState.PLANNED, None, timedelta(minutes=10))
    assert codes(replace(WELL, open_fires=(queued,))) == []
    assert "abandoned" in codes(replace(DEAD, open_fires=(queued,)))


def test_run_is_stuck_only_past_what_its_job_allows() -> None:
    running = open_fire(FireState.RUNNING, "me", timedelta(minutes=25))
    assert codes(replace(WELL, open_fires=(running,))) == ["stuck"]
    assert codes(replace(WELL, open_fires=(running,), timeouts_s={"ainews/arxiv": 3600})) == []


def test_failures_of_a_job_are_one_finding_with_the_last_reason() -> None:
    failures = (
        fire(FireState.FAILED, due_at=ARXIV_DUE - timedelta(hours=5), reason="old"),
        fire(FireState.FAILED, reason="3 items of at least 8"),
    )
    text = only_finding(replace(WELL, recently_closed=failures), "failed")
    assert text == (
        "ainews/arxiv failed 2 times in 24 h, last 07:15 (2 h 3 min ago): 3 items of at least 8; "
        "harness why ainews/arxiv"
    )


def test_job_that_works_again_says_so() -> None:
    closed = (fire(FireState.FAILED, reason="x"), fire(FireState.DELIVERED, due_at=ARXIV_DUE + timedelta(hours=1)))
    assert "(it has worked since)" in only_finding(replace(WELL, recently_closed=closed), "failed")


def test_a_preview_that_failed_is_no_finding() -> None:
    tried = fire(FireState.FAILED, reason="preview: the model refused")
    assert codes(replace(WELL, recently_closed=(tried,))) == []


def test_silent_and_delivered_fires_are_no_findings() -> None:
    closed = (fire(FireState.SILENT, reason="nothing new"), fire(FireState.DELIVERED), fire(FireState.SKIPPED))
    assert codes(replace(WELL, recently_closed=closed)) == []


def delivery(state: str, age: timedelta, *, attempts: int = 1, next_try: timedelta = timedelta(minutes=1)) -> Delivery:
    made, next_try_at = (NOW - age).timestamp(), (NOW + next_try).timestamp()
    error = "no space left" if attempts else None
    return Delivery("d", "r", "digest", state, attempts, made, next_try_at, None, None, error)


def test_delivery_is_a_finding_once_it_failed_and_until_it_is_acknowledged() -> None:
    failed = replace(WELL, deliveries=(delivery("pending", timedelta(seconds=5)),))
    assert only_finding(failed, "delivery").startswith(
        "the delivery of r to digest has waited since 09:17 (5 s ago) (1 try): no space left; "
    )
    given_up = replace(WELL, deliveries=(delivery("dead", timedelta(hours=1), attempts=12),))
    assert "was given up after 12 tries: no space left" in only_finding(given_up, "delivery")


def test_delivery_that_waits_for_its_hour_is_no_finding_until_that_is_long_past() -> None:
    in_quiet_hours = delivery("pending", timedelta(hours=5), attempts=0, next_try=timedelta(hours=2))
    assert codes(replace(WELL, deliveries=(in_quiet_hours,))) == []
    forgotten = delivery("pending", timedelta(hours=5), attempts=0, next_try=timedelta(minutes=-16))
    assert "was never tried" in only_finding(replace(WELL, deliveries=(forgotten,)), "delivery")
