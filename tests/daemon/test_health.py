"""The independent check. Each test is one way in which a team could be broken without anybody noticing."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.daemon.health import (
    DiskFacts,
    HealthFacts,
    Unfired,
    judge_health,
    overdue_line,
    unfired_slots,
)
from harness.daemon.health_facts import gather_facts
from harness.daemon.liveness import Liveness, daemon_liveness, has_process
from harness.daemon.nodes import Waiting
from harness.domain.breaker import Breaker
from harness.domain.errors import Finding
from harness.domain.job import Job
from harness.domain.pause import THE_HARNESS, PauseRow
from harness.domain.run import Fire, FireKind, FireState
from harness.domain.schedule import Cron
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from harness.store.address import file_address
from harness.store.heartbeat import Heartbeat, SilentPart
from harness.store.records import Delivery, FailingSource, OpenFire, OpenIncident, PlannedJob
from harness.store.state_folder import StateFolder

ZONE = "America/Los_Angeles"
NOW = datetime(2026, 11, 20, 17, 18, tzinfo=UTC)
"""09:18 in Los Angeles."""
ARXIV_DUE = datetime(2026, 11, 20, 15, 15, tzinfo=UTC)
"""07:15 in Los Angeles."""
BEAT = Heartbeat(pid=7, executor_id="me", at=NOW.timestamp() - 3, started_at=0, is_ready=True, running=0)
WELL = HealthFacts(now=NOW, zone=ZONE, liveness=Liveness("alive", BEAT), scheduled_jobs=14)
DEAD = replace(WELL, liveness=Liveness("dead", BEAT))
ARXIV = Job("ainews", "arxiv", "agents/ainews/jobs/arxiv.md", (Cron("15 7 * * *"),), ZONE, schedule_text="daily 07:15")


def fire(state: FireState, *, due_at: datetime = ARXIV_DUE, reason: str = "", job_id: str = "ainews/arxiv") -> Fire:
    run_id = f"cron:{job_id}:{int(due_at.timestamp())}"
    return Fire(job_id, due_at, FireKind.CRON, state, run_id=run_id, reason=reason)


def open_fire(state: FireState, owner: str | None, age: timedelta) -> OpenFire:
    return OpenFire(fire(state), owner, (NOW - age).timestamp())


def codes(facts: HealthFacts) -> list[str]:
    return [finding.code for finding in judge_health(facts)]


def only_finding(facts: HealthFacts, code: str) -> str:
    [finding] = [finding for finding in judge_health(facts) if finding.code == code]
    return str(finding)


def fingerprint(job: Job) -> str:
    return job.schedule_text


def planned(since: datetime, schedule: str = "daily 07:15", planned_until: datetime | None = None) -> PlannedJob:
    until = int((planned_until or since).timestamp())
    return PlannedJob("ainews/arxiv", schedule, int(since.timestamp()), until, None)


def test_team_that_is_well_has_no_findings() -> None:
    assert judge_health(WELL) == ()


# What was due and nothing fired


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


def test_overdue_line_names_the_oldest() -> None:
    later = Unfired("zoe/daily-digest", (ARXIV_DUE + timedelta(hours=1),))
    assert overdue_line(WELL) is None
    assert overdue_line(replace(WELL, unfired=(Unfired("ainews/arxiv", (ARXIV_DUE,)),))) == (
        "1 job is overdue: ainews/arxiv since 07:15 (2 h 3 min ago)"
    )
    both = replace(WELL, unfired=(Unfired("ainews/arxiv", (ARXIV_DUE,)), later))
    assert overdue_line(both) == "2 jobs are overdue, the oldest ainews/arxiv since 07:15 (2 h 3 min ago)"


@pytest.mark.parametrize("state", ["dead", "silent"])
def test_overdue_line_tells_of_a_daemon_that_died_before_anything_is_late(state: str) -> None:
    line = overdue_line(replace(DEAD, liveness=Liveness(state, BEAT)))  # type: ignore[arg-type]
    assert line is not None
    assert line.startswith("nothing is overdue yet, but the daemon ")
    assert "\n" not in line


def test_overdue_line_is_quiet_about_a_daemon_that_was_stopped_or_has_nothing_to_do() -> None:
    assert overdue_line(replace(WELL, liveness=Liveness("absent"))) is None
    assert overdue_line(replace(DEAD, scheduled_jobs=0)) is None
    assert overdue_line(replace(WELL, liveness=Liveness("elsewhere", BEAT))) is None


def test_jobs_that_wait_for_a_node_that_is_gone_are_a_finding_while_others_work() -> None:
    waiting = replace(WELL, waiting=(Waiting("mac", ("macro/morning",), None),))
    assert only_finding(waiting, "waiting").startswith("macro/morning is bound to mac, which has never been there; ")
    assert codes(replace(waiting, liveness=DEAD.liveness)) == ["no-daemon"]


def test_run_in_the_hands_of_another_machine_is_not_abandoned() -> None:
    elsewhere = Liveness("elsewhere", None, frozenset({"box-9.1"}))
    entry = open_fire(FireState.RUNNING, "box-9.1", timedelta(minutes=2))
    assert codes(replace(WELL, liveness=elsewhere, open_fires=(entry,))) == []
    assert codes(replace(WELL, open_fires=(entry,))) == ["abandoned"]


def test_job_that_a_running_daemon_never_planned_is_a_finding() -> None:
    assert "never planned" in only_finding(replace(WELL, unknown_jobs=("ainews/arxiv",)), "unknown-job")


# The daemon


@pytest.mark.parametrize(
    ("state", "code"), [("dead", "no-daemon"), ("absent", "no-daemon"), ("silent", "silent-daemon")]
)
def test_daemon_that_does_not_beat_is_a_finding(state: str, code: str) -> None:
    liveness = Liveness(state, None if state == "absent" else BEAT)  # type: ignore[arg-type]
    assert codes(replace(WELL, liveness=liveness)) == [code]


def test_no_daemon_is_no_finding_while_nothing_is_scheduled() -> None:
    assert codes(replace(DEAD, scheduled_jobs=0)) == []


def test_heartbeat_counts_for_thirty_seconds_and_only_with_its_process() -> None:
    def liveness(age_s: float, *, exists: bool) -> str:
        beat = replace(BEAT, at=NOW.timestamp() - age_s)
        return daemon_liveness(beat, NOW, has_process=lambda pid: exists and pid == 7).state

    assert liveness(29, exists=True) == "alive"
    assert liveness(31, exists=True) == "silent"
    assert liveness(1, exists=False) == "dead"
    assert daemon_liveness(None, NOW).state == "absent"
    assert daemon_liveness(replace(BEAT, is_ready=False), NOW, has_process=lambda _: True).state == "starting"


def test_daemon_that_drains_is_alive_and_one_that_has_stalled_is_not_however_it_beats() -> None:
    draining = daemon_liveness(replace(BEAT, is_draining=True), NOW, has_process=lambda _: True)
    assert (draining.state, draining.is_alive) == ("draining", True)
    hung = replace(BEAT, silent_parts=(SilentPart("the tick", NOW.timestamp() - 40),))
    stalled = daemon_liveness(hung, NOW, has_process=lambda _: True)
    assert (stalled.state, stalled.is_alive) == ("stalled", False)
    assert daemon_liveness(hung, NOW, has_process=lambda _: False).state == "dead"


def test_daemon_whose_process_lives_and_whose_loop_hangs_is_named_with_what_hangs() -> None:
    hung = replace(BEAT, silent_parts=(SilentPart("the daemon's event loop", NOW.timestamp() - 40),))
    finding = only_finding(replace(WELL, liveness=Liveness("stalled", hung)), "stalled-daemon")
    assert finding.startswith("the daemon's event loop has not answered since 09:17 (40 s ago) (pid 7); ")
    assert "kill -9 7" in finding


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="without /proc the heartbeat alone decides")
def test_process_that_has_ended_and_was_not_noticed_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()  # it has closed its output: it is over, or about to be
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not has_process(child.pid)
    assert has_process(os.getpid())


# Open fires


def test_open_fire_of_a_dead_daemon_is_abandoned() -> None:
    facts = replace(DEAD, open_fires=(open_fire(FireState.RUNNING, "me", timedelta(minutes=2)),))
    assert "nobody is working on it" in only_finding(facts, "abandoned")


def test_open_fire_of_another_executor_than_the_living_one_is_abandoned() -> None:
    facts = replace(WELL, open_fires=(open_fire(FireState.RUNNING, "somebody else", timedelta(minutes=2)),))
    assert codes(facts) == ["abandoned"]


def test_queued_fire_waits_only_while_a_daemon_lives() -> None:
    queued = open_fire(FireState.PLANNED, None, timedelta(minutes=10))
    assert codes(replace(WELL, open_fires=(queued,))) == []
    assert "abandoned" in codes(replace(DEAD, open_fires=(queued,)))


def test_run_is_stuck_only_past_what_its_job_allows() -> None:
    running = open_fire(FireState.RUNNING, "me", timedelta(minutes=25))
    assert codes(replace(WELL, open_fires=(running,))) == ["stuck"]
    assert codes(replace(WELL, open_fires=(running,), timeouts_s={"ainews/arxiv": 3600})) == []


# What is paused and what is left alone


def test_job_that_the_harness_paused_is_a_finding_until_it_is_resumed() -> None:
    pause = PauseRow("job:ainews/arxiv", THE_HARNESS, "failed 10 times in a row, the last: x", NOW.timestamp(), True)
    incident = OpenIncident("disabled ainews/arxiv", "paused", NOW.timestamp(), NOW.timestamp(), 1, None)
    facts = replace(WELL, pauses=(pause,), incidents=(incident,))
    (finding,) = judge_health(facts)
    assert (finding.code, finding.severity) == ("paused", "error")
    assert finding.message.startswith("ainews/arxiv is paused by the harness since ")
    assert finding.fix == "when its cause is gone: harness jobs resume ainews/arxiv"


def test_pause_of_the_person_is_a_note_from_the_eighth_day_on() -> None:
    def findings(days: float) -> list[str]:
        pause = PauseRow("all", "Sam", "on holiday", (NOW - timedelta(days=days)).timestamp())
        return [finding.severity for finding in judge_health(replace(WELL, pauses=(pause,)))]

    assert findings(6.9) == []
    assert findings(7.1) == ["note"]


def test_endpoint_that_is_left_alone_is_told_once_with_its_next_try() -> None:
    endpoint = "api.example.org:443"
    breaker = Breaker(endpoint, "open", 7, NOW - timedelta(minutes=4), NOW + timedelta(minutes=2), "HTTP 503")
    incident = OpenIncident(f"endpoint {endpoint}", "down", NOW.timestamp(), NOW.timestamp(), 7, None)
    text = only_finding(replace(WELL, open_breakers=(breaker,), incidents=(incident,)), "breaker")
    assert text.startswith("api.example.org:443 is left alone since 09:14 (4 min ago), as it has not answered 7 times")
    assert "HTTP 503; it is tried again 09:20 (in 2 min)" in text
    probing = replace(breaker, state="half-open")
    assert "with the next call" in only_finding(replace(WELL, open_breakers=(probing,)), "breaker")


def test_incident_that_several_jobs_share_names_them() -> None:
    jobs = tuple(f"agent/job-{number}" for number in range(8))
    shared = OpenIncident("network", "nobody answers", NOW.timestamp(), NOW.timestamp(), 9, None, jobs)
    text = only_finding(replace(WELL, incidents=(shared,)), "incident")
    assert "9 times; agent/job-0, agent/job-1" in text
    assert "agent/job-5 and 2 more" in text
    own = OpenIncident("job a/x", "a/x: no", NOW.timestamp(), NOW.timestamp(), 1, None, ("a/x",))
    assert "a/x" not in only_finding(replace(WELL, incidents=(own,)), "incident").replace("a/x: no", "", 1)


# What went wrong lately


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


def test_silent_and_delivered_fires_are_no_findings() -> None:
    closed = (fire(FireState.SILENT, reason="nothing new"), fire(FireState.DELIVERED), fire(FireState.SKIPPED))
    assert codes(replace(WELL, recently_closed=closed)) == []


def test_failure_is_not_told_a_second_time_as_its_incident() -> None:
    incident = OpenIncident("job ainews/arxiv", "it failed", NOW.timestamp() - 60, NOW.timestamp(), 1, None)
    facts = replace(WELL, recently_closed=(fire(FireState.FAILED, reason="x"),), incidents=(incident,))
    assert codes(facts) == ["failed"]
    assert codes(replace(WELL, incidents=(incident,))) == ["incident"]


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


def test_sources_files_disk_and_audit_are_judged() -> None:
    facts = replace(
        WELL,
        failing_sources=(FailingSource("https://a.example/feed", 4, None, "HTTP 404"),),
        file_findings=(
            Finding("agents/a/jobs/b.md", 3, "hour 25 is out of range", "use 0-23"),
            Finding("agents/a/jobs/c.md", None, "is long", "shorten it", severity="warning"),
        ),
        held_back=("agents/a/jobs/b.md", "USER.md"),
        disk=DiskFacts("/state", 5_000_000, is_writable=False),
        audit_problem="line 7 does not continue line 6",
    )
    assert codes(facts) == ["source", "file", "file", "file", "disk", "disk", "audit"]
    notes = [finding.message for finding in judge_health(facts) if finding.severity == "note"]
    assert notes == ["agents/a/jobs/c.md: is long"]
    assert "agents/a/jobs/b.md:3: hour 25 is out of range; use 0-23" in [str(f) for f in judge_health(facts)]


def test_every_finding_says_what_to_do() -> None:
    facts = replace(
        DEAD,
        unfired=(Unfired("ainews/arxiv", (ARXIV_DUE,)),),
        open_fires=(open_fire(FireState.RUNNING, "me", timedelta(hours=2)),),
        recently_closed=(fire(FireState.MISSED, reason="late"),),
        deliveries=(delivery("dead", timedelta(hours=1)),),
    )
    assert len(judge_health(facts)) == 5
    assert all(finding.fix for finding in judge_health(facts))


# Gathering


def test_state_that_never_was_is_gathered_without_an_error(tmp_path: Path) -> None:
    facts = gather_facts(
        StateFolder(tmp_path / "not" / "there"),
        file_address(tmp_path / "not" / "there" / "harness.db"),
        Workspace(tmp_path, Settings()),
        zone=ZONE,
        file_findings=(),
        fingerprint=fingerprint,
        audit_problem=lambda _: None,
        now=NOW,
    )
    assert judge_health(facts) == ()
    assert facts.liveness.state == "absent"
