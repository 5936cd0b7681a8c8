from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from harness.domain.cause import disabled_cause
from harness.domain.pause import THE_HARNESS, PauseRow
from harness.store.incidents import open_incident, open_incidents
from harness.store.pauses import add_pause, all_pauses

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine, Ledger

LONG_AGO = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def test_what_is_paused_says_so_wherever_it_is_listed(harness: CommandLine, ledger: Ledger) -> None:
    done = harness("jobs", "pause", "scout", "--reason", "on holiday", USER="sam")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "all of scout is paused; it goes on with: harness jobs resume scout\n"
    (job,) = json.loads(harness("jobs", "list", "--json").stdout)
    assert job["paused"].startswith("paused (all of scout) by sam since ")
    assert job["paused"].endswith(": on holiday")
    assert "paused (all of scout) by sam" in " ".join(harness("jobs").stdout.split())
    assert json.loads(harness("jobs", "next", "--json").stdout)[0]["paused"] is True
    (paused,) = json.loads(harness("status", "--json").stdout)["paused"]
    assert (paused["scope"], paused["by"], paused["reason"]) == ("agent:scout", "sam", "on holiday")
    assert "all of scout" in harness("status").stdout
    assert "on holiday" in harness("why", "scout/morning").stdout


def test_pausing_again_names_who_was_first_and_resuming_ends_it(harness: CommandLine, ledger: Ledger) -> None:
    harness("jobs", "pause", "scout/morning", "--reason", "first", USER="sam")
    again = harness("jobs", "pause", "scout/morning", "--reason", "second", "--json", USER="alex")
    row = json.loads(again.stdout)
    assert (row["by"], row["reason"], row["changed"]) == ("sam", "first", False)
    resumed = json.loads(harness("jobs", "resume", "scout/morning", "--json").stdout)
    assert (resumed["resumed"]["scope"], resumed["still_paused"]) == ("job:scout/morning", [])
    twice = harness("jobs", "resume", "scout/morning")
    assert (twice.returncode, twice.stdout, twice.stderr) == (0, "nothing to do: scout/morning is not paused\n", "")
    assert json.loads(harness("jobs", "resume", "scout/morning", "--json").stdout)["resumed"] is None


def test_what_a_wider_pause_covers_is_not_resumed_and_says_what_would(harness: CommandLine, ledger: Ledger) -> None:
    harness("jobs", "pause", "--all")
    harness("jobs", "pause", "scout/morning")
    resumed = harness("jobs", "resume", "scout/morning")
    assert resumed.returncode == 1
    assert "end that with: harness jobs resume --all" in resumed.stderr
    again = harness("jobs", "resume", "scout/morning")
    assert (again.returncode, again.stdout) == (1, "nothing to do: scout/morning is not paused itself\n")
    assert harness("jobs", "resume", "--all").returncode == 0


def test_a_job_that_the_harness_paused_gets_its_chances_again(harness: CommandLine, ledger: Ledger) -> None:
    ledger.plan("scout/morning", known_since=LONG_AGO, next_due=None)
    reason = "failed 10 times in a row, the last: no"
    row = PauseRow("job:scout/morning", THE_HARNESS, reason, LONG_AGO.timestamp(), True)
    ledger.write(lambda connection: add_pause(connection, row))
    ledger.write(lambda connection: open_incident(connection, disabled_cause("scout/morning"), "paused", LONG_AGO))
    ledger.write(lambda connection: connection.exec_driver_sql("UPDATE job_state SET failures_in_a_row = 10"))
    doctor = json.loads(harness("doctor", "--json").stdout)
    (finding,) = [finding for finding in doctor["findings"] if finding["code"] == "paused"]
    assert finding["fix"] == "when its cause is gone: harness jobs resume scout/morning"
    assert harness("jobs", "resume", "scout/morning").returncode == 0
    with ledger.database.read() as connection:
        assert all_pauses(connection) == {}
        assert open_incidents(connection) == []
        assert connection.exec_driver_sql("SELECT failures_in_a_row FROM job_state").scalar() == 0


def test_a_paused_job_runs_by_hand_and_says_that_it_is_paused(harness: CommandLine, ledger: Ledger) -> None:
    harness("jobs", "pause", "scout/morning", USER="sam")
    ran = harness("run", "scout/morning")
    assert "scout/morning is paused by sam since" in ran.stderr
    assert "scout/morning failed" in ran.stdout  # its feed does not exist; what counts is that it ran


def test_a_pause_that_was_forgotten_is_a_note_and_no_fault(harness: CommandLine, ledger: Ledger) -> None:
    ledger.write(lambda connection: add_pause(connection, PauseRow("all", "sam", "on holiday", LONG_AGO.timestamp())))
    yesterday = datetime.now(UTC) - timedelta(days=1)  # noqa: TID251 - the command looks at the real clock
    ledger.write(lambda connection: add_pause(connection, PauseRow("agent:scout", "sam", "", yesterday.timestamp())))
    (finding,) = [
        finding for finding in json.loads(harness("doctor", "--json").stdout)["findings"] if finding["code"] == "paused"
    ]
    assert (finding["subject"], finding["severity"]) == ("all", "note")


def test_a_name_that_does_not_exist_is_told_with_what_is_near(harness: CommandLine, ledger: Ledger) -> None:
    for wrong in ("scut", "scout/mornin"):
        done = harness("jobs", "pause", wrong)
        assert done.returncode == 2
        assert "did you mean" in done.stderr
    assert harness("jobs", "pause").returncode == 2
    assert harness("jobs", "pause", "scout", "--all").returncode == 2


def test_what_is_gone_from_the_workspace_can_still_be_resumed(harness: CommandLine, ledger: Ledger) -> None:
    row = PauseRow("job:scout/removed", "sam", "", LONG_AGO.timestamp())
    ledger.write(lambda connection: add_pause(connection, row))
    assert harness("jobs", "resume", "scout/removed").returncode == 0


def test_resuming_everything_tells_of_what_stays_paused_on_its_own(harness: CommandLine, ledger: Ledger) -> None:
    harness("jobs", "pause", "scout/morning", "--reason", "first", USER="sam")
    harness("jobs", "pause", "--all", USER="sam")
    resumed = harness("jobs", "resume", "--all")
    assert resumed.returncode == 0
    assert "everything is resumed; it was paused by sam" in resumed.stdout
    assert "scout/morning stays paused by sam since" in resumed.stderr
    assert "harness jobs resume scout/morning" in resumed.stderr
    harness("jobs", "pause", "scout")
    parts = json.loads(harness("jobs", "resume", "scout", "--json").stdout)["narrower"]
    assert [part["scope"] for part in parts] == ["job:scout/morning"]
