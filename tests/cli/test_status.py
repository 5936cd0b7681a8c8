"""The one screen. What it must never do is look peaceful when something is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.cli.doctor import examine
from harness.cli.place import Place
from harness.cli.status import look, status_json, status_lines
from harness.daemon.health.judgement import judge_health, overdue_line
from harness.domain.run import FireState
from harness.store.address import file_address
from harness.store.fires import suspend_fire
from harness.store.incidents import open_incident
from harness.store.outbox import deliveries_of_run, give_up, promise
from harness.store.peek import peek
from harness.store.state_folder import StateFolder

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

ZONE = "America/Los_Angeles"
NOW = datetime(2026, 11, 20, 17, 18, tzinfo=UTC)


def write_heartbeat(
    state: StateFolder, *, pid: int, age_s: float = 3, held_back: tuple[str, ...] = (), **more: object
) -> None:
    beat = {
        "pid": pid,
        "executor_id": "me",
        "at": NOW.timestamp() - age_s,
        "started_at": NOW.timestamp() - 3600,
        "ready": True,
        "running": 0,
        "held_back": list(held_back),
        **more,
    }
    state.heartbeat.write_text(json.dumps(beat))


@pytest.fixture
def screen(root: Path, state: StateFolder) -> Callable[[], str]:
    def draw() -> str:
        lines = status_lines(look(Place(root, state, {}, NOW, ZONE)), 80)
        assert all(len(line) <= 80 or " " not in line.split(maxsplit=1)[1] for line in lines)
        return "\n".join(lines)

    return draw


def test_workspace_in_which_nothing_ever_ran_says_so(screen: Callable[[], str]) -> None:
    assert "not running; start it with: harness up" in screen()
    assert "no run yet" in screen()


def test_team_that_is_well(screen: Callable[[], str], state: StateFolder, ledger: Ledger) -> None:
    write_heartbeat(state, pid=os.getpid())
    ledger.plan("scout/morning", known_since=NOW - timedelta(days=3), next_due=NOW + timedelta(hours=1))
    ledger.fire("scout/morning", NOW - timedelta(hours=2), FireState.DELIVERED)
    text = screen()
    assert f"alive, pid {os.getpid()}, since 08:18 (1 h ago)" in text
    assert "overdue    nothing" in text
    assert "next       scout/morning at 10:18 (in 1 h)" in text
    assert "last 24 h  1 delivered" in text
    assert "incidents  none open" in text


def test_job_that_nothing_fired_is_overdue_since_its_time(
    screen: Callable[[], str], state: StateFolder, ledger: Ledger
) -> None:
    ledger.plan("scout/morning", known_since=NOW - timedelta(days=3), next_due=NOW - timedelta(hours=2, minutes=3))
    assert "overdue    scout/morning since 07:15 (2 h 3 min ago)" in screen()


def test_slot_is_overdue_a_minute_late_and_at_once_where_nobody_is_there_to_fire_it(
    screen: Callable[[], str], state: StateFolder, ledger: Ledger
) -> None:
    ledger.plan("scout/morning", known_since=NOW - timedelta(days=3), next_due=NOW - timedelta(seconds=50))
    assert "overdue    scout/morning since 09:17 (50 s ago)" in screen()
    write_heartbeat(state, pid=os.getpid())
    assert "overdue    nothing" in screen()
    ledger.plan("scout/morning", known_since=NOW - timedelta(days=3), next_due=NOW - timedelta(seconds=61))
    assert "overdue    scout/morning since 09:16 (1 min 1 s ago)" in screen()


def test_dead_and_silent_daemons_are_told_apart(screen: Callable[[], str], state: StateFolder) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as gone:
        gone.wait()
    write_heartbeat(state, pid=gone.pid)
    assert "DEAD: pid" in screen()
    write_heartbeat(state, pid=os.getpid(), age_s=40)
    assert "SILENT: pid" in screen()


def test_daemon_whose_loop_hangs_is_not_alive_and_says_since_when(
    screen: Callable[[], str], state: StateFolder
) -> None:
    silent = [{"part": "the daemon's event loop", "since": NOW.timestamp() - 40}]
    write_heartbeat(state, pid=os.getpid(), silent_parts=silent)
    text = " ".join(screen().split())
    assert f"daemon STALLED: pid {os.getpid()} is there, the daemon's event loop has not answered since 09:17" in text
    assert "(40 s ago); harness logs says what it hangs in" in text


def test_daemon_that_stops_says_how_many_runs_it_waits_for(screen: Callable[[], str], state: StateFolder) -> None:
    write_heartbeat(state, pid=os.getpid(), draining=True, in_flight=2)
    assert f"stopping, pid {os.getpid()}: 2 runs in flight are given their time to end" in screen()
    write_heartbeat(state, pid=os.getpid(), draining=True, in_flight=0)
    assert f"stopping, pid {os.getpid()}\n" in screen()


def test_open_fire_of_a_dead_daemon_is_abandoned_not_running(
    screen: Callable[[], str], state: StateFolder, ledger: Ledger
) -> None:
    ledger.fire("scout/morning", NOW - timedelta(minutes=5), FireState.RUNNING, owner="me")
    assert "abandoned  scout/morning, running, due 09:13 (5 min ago)" in screen()
    write_heartbeat(state, pid=os.getpid())
    assert "running    scout/morning, running, due 09:13 (5 min ago)" in screen()


def test_what_waits_for_an_answer_is_abandoned_by_nobody_though_no_daemon_is_there(
    screen: Callable[[], str], ledger: Ledger
) -> None:
    run_id = ledger.fire("scout/morning", NOW - timedelta(minutes=5), FireState.RUNNING)
    ledger.write(lambda connection: suspend_fire(connection, run_id, "me", reason="waits for r-1"))
    assert "waiting    scout/morning, waits for r-1, due 09:13 (5 min ago)\n" in screen()
    assert "abandoned" not in screen()


def test_incidents_outbox_and_bad_edits_are_on_the_screen(
    screen: Callable[[], str], state: StateFolder, ledger: Ledger
) -> None:
    write_heartbeat(state, pid=os.getpid(), held_back=("agents/scout/jobs/morning.md",))
    run_id = ledger.fire("scout/morning", NOW - timedelta(minutes=5), FireState.SUSPENDED)
    ledger.write(lambda connection: open_incident(connection, "job scout/morning", "the disk is full", NOW))
    ledger.write(lambda connection: promise(connection, run_id=run_id, channel="digest", digest="{}", now=NOW))
    text = " ".join(screen().split())
    assert "incidents the disk is full (since 09:18 (0 s ago))" in text
    assert f"outbox {run_id} to digest: pending after 0 tries" in text
    assert "waiting scout/morning, suspended, due 09:13" in text
    assert "running nothing" in text
    assert "held back agents/scout/jobs/morning.md: the version before your last edit is in force" in text


def test_delivery_that_was_given_up_is_on_the_screen_also_behind_many_that_wait(
    screen: Callable[[], str], ledger: Ledger
) -> None:
    ledger.fire("scout/morning", NOW - timedelta(minutes=5), FireState.SUSPENDED)
    waiting = [f"cron:scout/morning:{number}" for number in range(6)]
    for run_id in (*waiting, "alert:job scout/morning:1.000:1"):
        ledger.write(partial(promise, run_id=run_id, channel="digest", digest="{}", now=NOW))
    dead = "alert:job scout/morning:1.000:1"
    ledger.write(lambda connection: give_up(connection, deliveries_of_run(connection, dead)[0].id, "no such folder"))
    text = " ".join(screen().split())
    assert (
        f"given up 1 delivery, the last: {dead} to digest: dead after 1 try, since 09:18 (0 s ago): no such folder; "
        "see: harness doctor"
    ) in text
    assert "and 2 more: harness doctor" in text, "what was given up is not among those that wait"


def test_screen_stays_one_screen_when_everything_is_broken(
    screen: Callable[[], str], ledger: Ledger, state: StateFolder
) -> None:
    for number in range(30):
        ledger.plan(f"scout/job-{number}", known_since=NOW - timedelta(days=1), next_due=NOW - timedelta(hours=2))
        ledger.write(partial(open_incident, cause=f"cause {number}", message="is broken", now=NOW))
    assert len(screen().splitlines()) <= 24
    assert "and 26 more: harness doctor" in screen()


def test_text_from_outside_cannot_command_the_terminal(harness: CommandLine, ledger: Ledger) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J"
    ledger.write(lambda connection: open_incident(connection, "x", f"title {evil}", NOW))
    ended = harness("status")
    assert "\x1b" not in ended.stdout
    assert "title" in ended.stdout


def test_broken_settings_do_not_keep_the_status_from_being_shown(harness: CommandLine, ledger: Ledger) -> None:
    (harness.root / "harness.toml").write_text("home = [broken\n")
    ended = harness("status", "--json")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["zone"] == "UTC"


def test_json_keeps_its_keys(root: Path, state: StateFolder, ledger: Ledger) -> None:
    document = status_json(look(Place(root, state, {}, NOW, ZONE)))
    assert list(document) == [
        "workspace", "state_folder", "zone", "now", "daemon", "has_ledger", "running", "overdue", "next", "last_24h",
        "incidents", "paused", "outbox", "requests", "held_back",
    ]  # fmt: skip
    assert list(document["daemon"]) == ["state", "pid", "started_at", "last_heartbeat_at"]


def test_killed_daemon_is_noticed_and_what_it_no_longer_fires_is_overdue(
    harness: CommandLine, root: Path, state: StateFolder
) -> None:
    (root / "agents/scout/jobs/morning.md").write_text(
        "---\nschedule: every 30m\nread: [feeds/ai]\ndeliver: digest\n---\nRank what changed.\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-m", "harness", "up"], cwd=root, env=environ, stderr=subprocess.PIPE, text=True
    ) as daemon:
        assert daemon.stderr is not None
        assert any("ready" in line for line in daemon.stderr)
        assert json.loads(harness("status", "--json").stdout)["daemon"]["state"] == "alive"
        daemon.send_signal(signal.SIGKILL)
    assert json.loads(harness("status", "--json").stdout)["daemon"]["state"] == "dead"
    with peek(file_address(state.database)) as ledger:
        assert ledger is not None
        due = ledger.planned_jobs()["scout/morning"].next_due
    assert due is not None
    moments_late = datetime.fromtimestamp(due + 20, UTC)
    place = Place(root, state, {}, moments_late, ZONE)
    assert look(place).overdue == (("scout/morning", datetime.fromtimestamp(due, UTC)),)
    facts = examine(place)
    assert {finding.code for finding in judge_health(facts)} >= {"no-daemon", "overdue"}
    assert "scout/morning since" in (overdue_line(facts) or "")
