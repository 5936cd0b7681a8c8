"""`harness bus show t-…`: the rounds of a table, also while they are sealed for everybody else."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.bus.finals import finish
from harness.bus.log import standing_of
from harness.bus.roundtables import Call, call_round, read_table, table_id_of
from harness.domain.request import Final
from harness.domain.seating import Roundtable
from harness.testing.workspace import write_workspace_files
from tests.bus.team_of import team_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from tests.cli.conftest import CommandLine, Ledger

NOW = datetime.now(UTC)  # noqa: TID251 - the command looks at the real clock
RULES = Roundtable(("macro", "trading"))
RUN = "cron:zoe/table:1795363200"
TABLE = table_id_of(RUN)
TEAM = team_of("zoe", "macro", "trading")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_workspace_files(tmp_path / "team")


def call(ledger: Ledger, run_id: str = RUN) -> list[str]:
    """Call the next round of the table of a run and return the ids of its requests."""
    made: list[str] = []

    def work(connection: Connection) -> None:
        table = read_table(connection, "zoe", table_id_of(run_id), RULES)
        asked = Call("zoe", table_id_of(run_id), run_id, RULES, "Where do rates go?", "# Snapshot\n")
        held = call_round(connection, asked, table, TEAM, NOW)
        made.extend(voice.request.id for voice in held.voices if voice.request)

    ledger.write(work)
    return made


def end(ledger: Ledger, request_id: str, conclusion: str) -> None:
    def work(connection: Connection) -> None:
        finish(connection, standing_of(connection, request_id), Final("done", conclusion), by="macro", now=NOW)

    ledger.write(work)


def document(harness: CommandLine, name: str) -> Any:
    done = harness("bus", "show", name, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_person_sees_what_was_said_in_a_round_that_is_open(harness: CommandLine, ledger: Ledger) -> None:
    macro, trading = call(ledger)
    end(ledger, macro, "Rates rise.")
    done = harness("bus", "show", TABLE)
    assert done.returncode == 0, done.stderr
    assert "no agent can read this yet" in " ".join(done.stdout.split())
    assert f"  macro ({macro}): done" in done.stdout
    assert "    Rates rise." in done.stdout
    assert f"  trading ({trading}): confirmed, still working" in done.stdout


def test_rounds_are_told_as_data_in_their_order(harness: CommandLine, ledger: Ledger) -> None:
    for request_id in (first := call(ledger)):
        end(ledger, request_id, "Rates rise.")
    second = call(ledger)
    story = document(harness, TABLE[:6])
    assert (story["table"], story["chair"], story["run"]) == (TABLE, "zoe", RUN)
    assert story["snapshot_sha256"] == hashlib.sha256(b"# Snapshot\n").hexdigest()
    asked = [[voice["request"] for voice in one["voices"]] for one in story["rounds"]]
    assert asked == [first, second]
    assert [one["final"] is None for one in story["rounds"][1]["voices"]] == [True, True]
    assert document(harness, second[0])["roundtable"] == {"table": TABLE, "round": 2}
    assert f"round 2: harness bus show {TABLE}" in harness("bus", "show", second[0]).stdout


def test_a_table_that_there_is_not_is_named_and_two_are_told_apart(harness: CommandLine, ledger: Ledger) -> None:
    assert "t-nosuch" in harness("bus", "show", "t-nosuch").stderr
    call(ledger)
    other = "cron:zoe/table:1795363201"
    call(ledger, other)
    done = harness("bus", "show", "t-")
    assert done.returncode == 2
    assert TABLE in done.stderr
    assert table_id_of(other) in done.stderr
