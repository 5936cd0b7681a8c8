from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection

from harness.cli.why import Story, advise
from harness.daemon.heartbeat import HeartbeatWriter
from harness.daemon.liveness import Liveness
from harness.domain.run import BudgetSpent, Fire, FireKind, FireState
from harness.runs.wall_clock import WallClock
from harness.store.heartbeat import Heartbeat
from harness.store.incidents import open_incident
from harness.store.outbox import postpone, promise
from harness.store.records import PlannedJob
from harness.store.runs import NewRun, queue_run
from harness.store.state_folder import StateFolder

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

NOW = datetime(2026, 11, 20, 17, 18, tzinfo=UTC)
DUE = NOW - timedelta(hours=2)
ALIVE = Liveness("alive", Heartbeat(1, "me", NOW.timestamp(), NOW.timestamp(), is_ready=True, running=0))


def story(state: FireState | None, liveness: Liveness = ALIVE, next_due: datetime | None = None) -> Story:
    fires = () if state is None else (Fire("scout/morning", DUE, FireKind.CRON, state, run_id="r"),)
    due = None if next_due is None else int(next_due.timestamp())
    return Story("scout/morning", NOW, "UTC", liveness, PlannedJob("scout/morning", "daily", 0, 0, due), fires, ())


@pytest.mark.parametrize("state", [None, *FireState])
@pytest.mark.parametrize("liveness", [ALIVE, Liveness("absent")])
def test_there_is_always_something_to_read_about_what_to_do(state: FireState | None, liveness: Liveness) -> None:
    assert all(advise(story(state, liveness)))


def test_failure_is_sent_to_its_run_and_to_a_retry() -> None:
    assert advise(story(FireState.FAILED)) == (
        "see the whole run: harness runs show r",
        "when the cause is gone, do it again: harness run scout/morning",
    )


def test_overdue_job_asks_for_the_daemon_only_where_there_is_none() -> None:
    late = NOW - timedelta(hours=1)
    assert advise(story(FireState.DELIVERED, Liveness("dead"), late)) == (
        "nobody was there to fire it; start the daemon: harness up",
    )
    assert advise(story(FireState.DELIVERED, ALIVE, late))[0].endswith("harness doctor")


def test_open_fire_without_a_daemon_is_said_to_be_nobodys() -> None:
    assert "nobody is working on it" in advise(story(FireState.RUNNING, Liveness("dead")))[0]


def test_job_tells_its_last_fires_and_what_is_broken(harness: CommandLine, ledger: Ledger) -> None:
    ledger.plan("scout/morning", known_since=DUE, next_due=None, schedule="'daily 08:00' in America/Los_Angeles")
    ledger.fire("scout/morning", DUE, FireState.FAILED, reason="3 items of at least 8")
    ledger.write(lambda connection: open_incident(connection, "job scout/morning", "the feeds are down", NOW))
    text = harness("why", "scout/morning").stdout
    assert "scout/morning: daily 08:00 in America/Los_Angeles" in text
    assert "failed  3 items of at least 8" in text
    assert "the feeds are down" in text


def test_job_without_money_leads_to_what_was_spent(harness: CommandLine, ledger: Ledger) -> None:
    ledger.fire("scout/morning", DUE, FireState.DEGRADED, reason="today's budget of the team is spent")
    ledger.write(lambda connection: open_incident(connection, "budget the team", "spent", NOW, job_id="scout/morning"))
    assert "see what was spent, and on what: harness cost" in harness("why", "scout/morning").stdout


def test_a_run_that_used_all_of_its_own_budget_leads_to_where_that_stands(harness: CommandLine, ledger: Ledger) -> None:
    reason = str(BudgetSpent("usd", 0.012, 0.02))
    ledger.fire("scout/morning", DUE, FireState.FAILED, reason=reason)
    document = json.loads(harness("why", "scout/morning", "--json").stdout)
    assert document["fires"][0]["reason"] == "stopped at $0.012 of $0.02 that the run may use (budget)"
    assert any("a larger budget in agents/scout/jobs/morning.md" in advice for advice in document["advice"])


def test_run_tells_its_end_as_well(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.DELIVERED, items=9)
    document = json.loads(harness("why", run_id, "--json").stdout)
    assert document["run"]["fire"]["items"] == 9
    assert document["job"] == "scout/morning"


def test_job_that_never_fired_is_no_error(harness: CommandLine) -> None:
    ended = harness("why", "scout/morning")
    assert ended.returncode == 0
    assert "it has never fired; try it: harness run scout/morning" in ended.stdout


def test_misspelt_job_names_the_one_that_was_meant(harness: CommandLine) -> None:
    ended = harness("why", "scout/mornign")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "did you mean scout/morning?" in ended.stderr


def test_delivery_that_fails_and_a_broken_file_are_told_where_the_job_is_asked_for(
    harness: CommandLine, ledger: Ledger
) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.SUSPENDED)

    def fail(connection: Connection) -> None:
        delivery_id = promise(connection, run_id=run_id, channel="digest", digest="{}", now=DUE)
        postpone(connection, delivery_id, "digests is on a full disk", NOW)

    ledger.write(fail)
    broken = "agents/scout/jobs/morning.md:3: minute 61 is out of range; use 0-59"
    ledger.write(lambda connection: open_incident(connection, "file agents/scout/jobs/morning.md", broken, NOW))
    ledger.write(lambda connection: open_incident(connection, "file agents/other/agent.toml", "not this one", NOW))
    HeartbeatWriter(StateFolder(harness.root / ".harness"), lambda: "me", 0).write(
        WallClock().now().timestamp(), is_ready=True, running=0, held_back=()
    )
    text = " ".join(harness("why", "scout/morning").stdout.split())
    assert "suspended made; its delivery waits" in text
    assert "-> its delivery to digest failed: digests is on a full disk" in text
    assert "tried again now" in text
    assert broken in text
    assert "not this one" not in text


def test_what_is_bound_to_a_node_that_is_not_there_says_so(harness: CommandLine, ledger: Ledger) -> None:
    run = ledger.fire("scout/morning", DUE, FireState.PLANNED)
    ledger.write(lambda connection: connection.exec_driver_sql("UPDATE run SET node = 'mac' WHERE id = ?", (run,)))
    alive = replace(story(FireState.PLANNED), absent_node="scout/morning is bound to mac, which has never been there")
    assert advise(alive)[0].startswith("scout/morning is bound to mac, which has never been there: start the daemon")
    told = " ".join(harness("status").stdout.split())
    assert "scout/morning, planned, due" in told
    assert "bound to mac" in told
    assert "harness up" in harness("why", "scout/morning").stdout  # without any daemon that comes first


def test_the_beginning_of_a_run_is_enough_where_it_is_the_only_one(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.DELIVERED, items=9)
    ledger.fire("scout/evening", DUE, FireState.DELIVERED)
    for command in (("why",), ("runs", "show")):
        assert run_id in harness(*command, "cron:scout/m").stdout
        several = harness(*command, "cron:scout/")
        assert several.returncode == 2
        assert "begins the ids of several runs" in several.stderr
        assert run_id in several.stderr


def test_what_only_looks_at_runs_takes_their_beginnings(harness: CommandLine, ledger: Ledger) -> None:
    first = ledger.fire("scout/morning", DUE, FireState.DELIVERED)
    second = ledger.fire("scout/evening", DUE, FireState.DELIVERED)
    document = json.loads(harness("runs", "diff", "cron:scout/m", "cron:scout/e", "--json").stdout)
    assert (document["a"], document["b"]) == (first, second)


def test_a_run_is_told_from_one_that_went_on_with_it(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.RUNNING)
    due = int(DUE.timestamp())
    ledger.write(
        lambda connection: queue_run(
            connection, NewRun(f"{run_id}.2", "scout/morning", "agent", FireKind.CRON, due, 1), DUE
        )
    )
    assert json.loads(harness("why", run_id, "--json").stdout)["run"]["run"] == run_id


def test_no_wildcard_stands_for_what_was_not_written(harness: CommandLine, ledger: Ledger) -> None:
    ledger.fire("scout/morning", DUE, FireState.DELIVERED)
    assert "there is no run 'cron:%'" in harness("why", "cron:%").stderr
