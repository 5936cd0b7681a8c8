from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from harness.domain.message import Usage
from harness.domain.run import FireKind, FireState
from harness.store.expiry import announce_deleted, announce_forgotten
from harness.store.fires import replan_fire
from harness.store.outbox import acknowledge, promise
from harness.store.runs import NewRun, end_run, queue_run
from harness.store.usage import BookedCall, record_usage

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

DUE = datetime(2026, 11, 20, 15, 15, tzinfo=UTC)


def test_latest_runs_come_first_and_as_many_as_wanted(harness: CommandLine, ledger: Ledger) -> None:
    ids = [ledger.fire("scout/morning", DUE + timedelta(days=day), FireState.DELIVERED) for day in range(3)]
    document = json.loads(harness("runs", "--limit", "2", "--json").stdout)
    assert [run["run"] for run in document] == [ids[2], ids[1]]


def test_run_shows_its_fire_its_delivery_and_its_cost(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.DELIVERED, items=9)
    ledger.write(
        lambda connection: acknowledge(
            connection,
            promise(connection, run_id=run_id, channel="digest", digest="{}", now=DUE),
            "digests/2026-11-20/scout-morning.md",
            DUE,
        )
    )
    ledger.write(
        lambda connection: record_usage(
            connection,
            BookedCall(run_id, "1", "scout/morning", "cheap", "small", Usage(1200, 0, 300), 0.0042),
            DUE,
        )
    )
    shown = harness("runs", "show", run_id).stdout
    assert "fire      delivered: 9 items" in shown
    assert "delivery  digest: acknowledged, digests/2026-11-20/scout-morning.md" in shown
    assert "model     small: 1 call, 1,200 tokens in, 300 out, $0.0042" in shown


def test_a_run_that_waited_names_the_run_that_went_on_and_that_one_names_it(
    harness: CommandLine, ledger: Ledger
) -> None:
    first = ledger.fire("scout/morning", DUE, FireState.RUNNING)
    second = f"{first}.2"

    def go_on(connection: Connection) -> None:
        end_run(connection, first, DUE, stop="suspended")
        due = int(DUE.timestamp())
        options = {"continues": first}
        queue_run(connection, NewRun(second, "scout/morning", "scout", FireKind.CRON, due, 1, options=options), DUE)
        replan_fire(connection, first, "me", new_run_id=second, reason="")

    ledger.write(go_on)
    assert f"-> it went on as: harness runs show {second}\n" in harness("runs", "show", first).stdout
    assert f"goes on  from {first}\n" in harness("runs", "show", second).stdout
    assert json.loads(harness("runs", "show", first, "--json").stdout)["continued_as"] == second
    assert json.loads(harness("runs", "show", second, "--json").stdout)["continued_as"] is None
    (line,) = [line for line in harness("runs").stdout.splitlines() if line.endswith(first)]
    assert "went on" in line


def test_unknown_run_is_exit_code_2(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.DELIVERED)
    ended = harness("runs", "show", f"{run_id}9")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"did you mean {run_id}?" in ended.stderr


def test_run_says_what_retention_deleted_and_when(harness: CommandLine, ledger: Ledger) -> None:
    run_id = ledger.fire("scout/morning", DUE, FireState.DELIVERED)
    gone_at = DUE + timedelta(days=180)

    def retain(connection: Connection) -> None:
        connection.execute(text("UPDATE fire SET artifact = 'artifacts/scout/morning/1-cron/digest.json'"))
        announce_forgotten(connection, [run_id], gone_at)
        announce_deleted(connection, [run_id], gone_at)

    ledger.write(retain)
    shown = harness("runs", "show", run_id).stdout
    assert "artifact  deleted by retention on 2027-05-19" in shown
    assert "steps     deleted by retention on 2027-05-19, with the transcript" in shown
    document = json.loads(harness("runs", "show", run_id, "--json").stdout)
    assert (document["forgotten_at"], document["artifacts_deleted_at"]) == ("2027-05-19T15:15:00Z",) * 2
