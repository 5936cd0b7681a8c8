"""What was due and nothing fired."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from harness.daemon.health.facts import Unfired
from harness.daemon.health.slots import unfired_slots
from harness.store.records import PlannedJob
from tests.daemon.health.sample_facts import ARXIV, ARXIV_DUE, DEAD, NOW, WELL, fingerprint, only_finding


def planned(since: datetime, schedule: str = "daily 07:15", planned_until: datetime | None = None) -> PlannedJob:
    until = int((planned_until or since).timestamp())
    return PlannedJob("ainews/arxiv", schedule, int(since.timestamp()), until, None)


def test_slot_without_a_row_says_since_when_and_what_to_do() -> None:
    facts = replace(WELL, unfired=(Unfired("ainews/arxiv", (ARXIV_DUE,)),))
    assert only_finding(facts, "overdue") == (
        "ainews/arxiv was due 07:15 (2 h 3 min ago): nothing fired it; harness why ainews/arxiv"
    )


def test_slot_without_a_row_and_without_a_daemon_asks_for_the_daemon() -> None:
    facts = replace(DEAD, unfired=(Unfired("ainews/arxiv", (ARXIV_DUE - timedelta(days=1), ARXIV_DUE)),))
    assert "Thu 19 Nov 07:15 (1 d 2 h ago) and once more since" in only_finding(facts, "overdue")
    assert only_finding(facts, "overdue").endswith("start the daemon: harness up")


def test_slots_are_recomputed_and_compared_without_trusting_what_was_planned() -> None:
    lying = planned(NOW - timedelta(days=30), planned_until=NOW)  # the daemon claims that all is settled
    yesterday = ARXIV_DUE - timedelta(days=1)
    recorded = frozenset({("ainews/arxiv", int(yesterday.timestamp()))})
    assert unfired_slots([ARXIV], {"ainews/arxiv": lying}, recorded, NOW, fingerprint, grace_s=60) == (
        Unfired("ainews/arxiv", (ARXIV_DUE,)),
    )


def test_nothing_is_expected_from_before_the_job_was_known() -> None:
    known = {"ainews/arxiv": planned(ARXIV_DUE + timedelta(seconds=1))}
    assert unfired_slots([ARXIV], known, frozenset(), NOW, fingerprint, grace_s=60) == ()


def test_slot_within_the_grace_is_not_overdue_yet() -> None:
    known = {"ainews/arxiv": planned(ARXIV_DUE - timedelta(hours=1))}
    soon, later = ARXIV_DUE + timedelta(seconds=59), ARXIV_DUE + timedelta(seconds=60)
    assert unfired_slots([ARXIV], known, frozenset(), soon, fingerprint, grace_s=60) == ()
    assert unfired_slots([ARXIV], known, frozenset(), later, fingerprint, grace_s=60) == (
        Unfired("ainews/arxiv", (ARXIV_DUE,)),
    )


def test_edited_schedule_does_not_invent_slots_of_the_time_before_the_edit() -> None:
    known = {"ainews/arxiv": planned(NOW - timedelta(days=5), schedule="daily 22:00", planned_until=NOW)}
    assert unfired_slots([ARXIV], known, frozenset(), NOW, fingerprint, grace_s=60) == ()


def test_job_that_a_running_daemon_never_planned_is_a_finding() -> None:
    assert "never planned" in only_finding(replace(WELL, unknown_jobs=("ainews/arxiv",)), "unknown-job")
