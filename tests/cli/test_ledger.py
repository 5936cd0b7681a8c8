from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from harness.domain.run import FireState
from harness.store.fires import suspend_fire

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

DUE = datetime(2026, 11, 20, 15, 15, tzinfo=UTC)
DAY = "2026-11-20"


def test_ledger_of_a_day_shows_each_fire_and_the_sum(harness: CommandLine, ledger: Ledger) -> None:
    ledger.fire("scout/morning", DUE, FireState.DELIVERED, items=9)
    ledger.fire("scout/evening", DUE + timedelta(hours=8), FireState.MISSED, reason="2 h late; if_missed runs none")
    ended = harness("ledger", "--date", DAY)
    assert ended.stdout.splitlines() == [
        "Fri 20 Nov 2026, America/Los_Angeles",
        "07:15  scout/morning  delivered  9 items",
        "15:15  scout/evening  missed     2 h late; if_missed runs none",
        "",
        "1 delivered, 1 missed",
    ]


def test_fires_of_other_days_and_agents_are_left_out(harness: CommandLine, ledger: Ledger) -> None:
    ledger.fire("scout/morning", DUE, FireState.DELIVERED)
    ledger.fire("scout/morning", DUE + timedelta(days=1), FireState.FAILED)
    ledger.fire("other/morning", DUE, FireState.FAILED)
    document = json.loads(harness("ledger", "--date", DAY, "--agent", "scout", "--json").stdout)
    assert [fire["state"] for fire in document["fires"]] == ["delivered"]
    assert document["counts"] == {"delivered": 1}


def test_job_that_nothing_fires_stands_in_todays_ledger(harness: CommandLine, ledger: Ledger) -> None:
    now = datetime.fromtimestamp(ledger.database.path.stat().st_mtime, UTC)
    ledger.plan("scout/morning", known_since=now - timedelta(days=1), next_due=now - timedelta(hours=2))
    ended = harness("ledger")
    assert "scout/morning  OVERDUE" in ended.stdout
    assert ended.stdout.rstrip().endswith("nothing, 1 OVERDUE")


def test_run_that_nobody_is_at_work_on_is_called_abandoned_and_not_running(
    harness: CommandLine, ledger: Ledger
) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.RUNNING, owner="an executor that is gone")
    ledger.fire("scout/evening", DUE, FireState.DELIVERED)
    lines = harness("ledger", "--date", DAY).stdout.splitlines()
    assert lines[2] == "07:15  scout/morning  abandoned  it is running, and nobody is at work on it"
    assert lines[-1] == "1 delivered, 1 abandoned: harness up goes on with them"
    document = json.loads(harness("ledger", "--date", DAY, "--json").stdout)
    assert (document["abandoned"], document["counts"]["running"]) == ([run_id], 1)


def test_run_that_waits_for_an_answer_is_suspended_and_not_abandoned(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.RUNNING, owner="an executor that is gone")
    ledger.write(
        lambda connection: suspend_fire(connection, run_id, "an executor that is gone", reason="waits for r-1")
    )
    lines = harness("ledger", "--date", DAY).stdout.splitlines()
    assert lines[1] == "07:15  scout/morning  suspended  waits for r-1"
    assert lines[-1] == "1 suspended"


def test_sum_of_a_long_day_fits_into_eighty_columns(harness: CommandLine, ledger: Ledger) -> None:
    ended = [state for state in FireState if not state.is_open]
    for number, state in enumerate([*ended, FireState.SUSPENDED, FireState.RUNNING]):
        ledger.fire("scout/morning", DUE + timedelta(minutes=number), state, reason="why")
    lines = harness("ledger", "--date", DAY).stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[-1].endswith("harness up goes on with them")


def test_day_that_is_no_day_is_a_misuse(harness: CommandLine) -> None:
    ended = harness("ledger", "--date", "20.11.")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "write YYYY-MM-DD, today or yesterday" in ended.stderr


def test_misspelt_agent_names_the_one_that_was_meant(harness: CommandLine) -> None:
    ended = harness("ledger", "--agent", "scuot")
    assert ended.returncode == 2
    assert "did you mean scout?" in ended.stderr
