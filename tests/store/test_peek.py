"""Reading beside the daemon: the same answers as the store's own queries, and never a write."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from harness.domain.breaker import Breaker
from harness.domain.errors import OwnerError, TransientError
from harness.domain.message import Usage
from harness.domain.pause import PauseRow
from harness.domain.run import FireKind, FireState, RunState
from harness.store import breakers, fires, incidents, nodes, outbox, pauses, runs, sources, usage
from harness.store.address import file_address, parse_address
from harness.store.database import Database
from harness.store.heartbeat import read_heartbeat
from harness.store.peek import peek

NOW = datetime(2026, 11, 20, 17, 18, tzinfo=UTC)
RUN = f"cron:scout/morning:{int(NOW.timestamp())}"


def fill(database: Database) -> None:
    """One delivered fire with its run, and one that is still running, with all that hangs on them."""
    with database.write() as connection:
        for job_id, due_at in (("scout/morning", NOW), ("scout/evening", NOW + timedelta(hours=8))):
            due = int(due_at.timestamp())
            run_id = f"cron:{job_id}:{due}"
            fires.save_job_state(connection, fires.JobState(job_id, "daily", due - 100, due, due + 86_400))
            fires.add_fire(
                connection,
                job_id=job_id,
                due_at=due,
                kind=FireKind.CRON,
                state=FireState.PLANNED,
                reason="",
                run_id=run_id,
                now=due_at,
            )
            new = runs.NewRun(run_id, job_id, "agent", FireKind.CRON, due, 1, inputs={"feeds": "ü"})
            runs.queue_run(connection, new, due_at)
            fires.mark_fire(connection, run_id, FireState.RUNNING, "me")
        fires.close_fire(
            connection,
            RUN,
            state=FireState.DEGRADED,
            reason="a gap",
            now=NOW,
            owner="me",
            artifact="artifacts/x/digest.json",
            items=9,
            gaps=1,
        )
        runs.end_run(connection, RUN, NOW, stop="completed", outcome={"state": "degraded"})
        delivery_id = outbox.promise(connection, run_id=RUN, channel="digest", digest="{}", now=NOW)
        outbox.postpone(connection, delivery_id, "no space", NOW + timedelta(minutes=1))
        incidents.open_incident(connection, "job scout/morning", "it failed", NOW, RUN)
        incidents.open_incident(connection, "network", "nobody answers", NOW, job_id="scout/morning")
        pauses.add_pause(connection, PauseRow("all", "Sam", "on holiday", NOW.timestamp()))
        pauses.add_pause(connection, PauseRow("job:a/x", "the harness", "failed", NOW.timestamp(), True))
        breakers.save_breaker(connection, Breaker("works:1", "closed", 2, problem="slow"))
        breakers.save_breaker(connection, Breaker("down:1", "open", 5, NOW, NOW + timedelta(seconds=30), "no answer"))
        incidents.open_incident(connection, "over", "it is over", NOW)
        incidents.resolve_incident(connection, "over", NOW)
        for call in ("1", "2"):
            booked = usage.BookedCall(RUN, call, "scout/morning", "cheap", "small", Usage(100, 10, 20), 0.5)
            usage.record_usage(connection, booked, NOW)
        for _ in range(3):
            sources.record_source(connection, "https://a.example/feed", ok=False, problem="HTTP 404", at=NOW)
        at = NOW.timestamp()
        nodes.add_node(connection, nodes.NodeRow("me.1", 1, "h", 1, at, at, "me", "mac", "up", None, "", "daemon"))
        nodes.add_node(connection, nodes.NodeRow("me.2", 1, "h", 1, at + 9, at, "me", "mac", "up", None, "", "once"))


def test_fires_are_those_of_the_store(database: Database) -> None:
    fill(database)
    with database.read() as connection, peek(database.address) as look:
        assert look is not None
        day = (NOW - timedelta(hours=1), NOW + timedelta(hours=12))
        assert list(look.fires_between(*day)) == fires.fires_between(connection, *day)
        assert list(look.fires_between(NOW, NOW + timedelta(seconds=1))) == fires.last_fires(
            connection, "scout/morning", 5
        )
        assert list(look.last_fires("scout/morning", 5)) == fires.last_fires(connection, "scout/morning", 5)
        assert [entry.fire for entry in look.open_fires()] == fires.open_fires(connection)
        assert [entry.owner for entry in look.open_fires()] == ["me"]
        assert look.fire_of_run(RUN) == fires.fire_of_run(connection, RUN)
        assert look.fire_of_run("none") is None


def test_a_part_of_a_second_is_not_rounded_to_a_slot(database: Database) -> None:
    fill(database)
    later, earlier = NOW + timedelta(milliseconds=400), NOW - timedelta(milliseconds=400)
    with database.read() as connection, peek(database.address) as look:
        assert look is not None
        for start, end, due in ((later, NOW + timedelta(hours=1), 0), (earlier, later, 1), (earlier, NOW, 0)):
            assert len(fires.fires_between(connection, start, end)) == len(look.fires_between(start, end)) == due


def test_schedule_incidents_and_sources_are_those_of_the_store(database: Database) -> None:
    fill(database)
    with database.read() as connection, peek(database.address) as look:
        assert look is not None
        planned = {job_id: asdict(place) for job_id, place in look.planned_jobs().items()}
        stored = {job_id: asdict(place) for job_id, place in fires.job_states(connection).items()}
        assert planned == {job_id: {key: place[key] for key in planned[job_id]} for job_id, place in stored.items()}
        assert [(row.cause, row.jobs) for row in look.open_incidents()] == [
            ("job scout/morning", ("scout/morning",)),
            ("network", ("scout/morning",)),
        ]
        assert look.pauses() == pauses.all_pauses(connection)
        assert look.open_breakers() == (breakers.load_breaker(connection, "down:1"),)
        [failing] = look.failing_sources(3)
        assert (failing.source, failing.failures_in_a_row, failing.problem) == ("https://a.example/feed", 3, "HTTP 404")
        assert look.failing_sources(4) == ()
        assert look.last_daemon_start() == NOW.timestamp()


def test_runs_deliveries_and_spending_are_those_of_the_store(database: Database) -> None:
    fill(database)
    with database.read() as connection, peek(database.address) as look:
        assert look is not None
        assert {run.id for run in look.runs(9)} == {run.id for run in runs.runs_in(connection, *RunState)}
        assert look.runs(9, agent="nobody") == ()
        assert look.runs_beginning(RUN[:-1], 9) == (RUN,)
        assert look.runs_beginning(RUN.replace(":", "_"), 9) == ()
        run = look.run(RUN)
        assert run is not None
        assert (run.inputs, run.outcome, run.stop) == ({"feeds": "ü"}, {"state": "degraded"}, "completed")
        [delivery] = look.deliveries_of_run(RUN)
        assert look.unacknowledged_deliveries() == (delivery,)
        assert (delivery.state, delivery.attempts, delivery.last_error) == ("pending", 1, "no space")
        spent = look.spending_of_run(RUN)
        assert (spent.calls, spent.input_tokens, spent.cost_usd, spent.models) == (2, 200, 1.0, ("small",))


def test_states_are_counted_and_slots_known(database: Database) -> None:
    fill(database)
    with peek(database.address) as look:
        assert look is not None
        assert look.counts_since(NOW) == {FireState.RUNNING: 1, FireState.DEGRADED: 1}
        assert ("scout/morning", int(NOW.timestamp())) in look.slots_with_a_row(NOW)
        assert [fire.state for fire in look.closed_since(NOW)] == [FireState.DEGRADED]


@pytest.mark.parametrize("content", [None, b""])
def test_database_in_which_nothing_was_planned_is_no_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "harness.db"
    if content is not None:
        path.write_bytes(content)
    with peek(file_address(path)) as look:
        assert look is None


def test_looking_creates_no_database(tmp_path: Path) -> None:
    with peek(file_address(tmp_path / "no" / "harness.db")):
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_seen_is_one_moment(database: Database) -> None:
    fill(database)
    with peek(database.address) as look:
        assert look is not None
        before = look.open_fires()
        with database.write() as connection:
            fires.close_fire(connection, before[0].fire.run_id or "", state=FireState.FAILED, reason="x", now=NOW)
        assert look.open_fires() == before


def test_looking_cannot_write(database: Database) -> None:
    fill(database)
    with pytest.raises(OwnerError, match=r"cannot be|only lets it be read"), peek(database.address) as look:
        assert look is not None
        look._rows("DELETE FROM fire")
    with database.read() as connection:
        assert len(fires.last_fires(connection, "scout/morning", 5)) == 1


def test_a_server_on_which_nothing_was_planned_is_no_error(postgres_url: str) -> None:
    with peek(parse_address(postgres_url, Path())) as look:
        assert look is None


def test_a_server_that_cannot_be_looked_at_is_named_without_its_password() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = parse_address(f"postgresql://sam:secret@127.0.0.1:{nobody.getsockname()[1]}/team", Path())
        with pytest.raises(TransientError, match="cannot be reached") as caught, peek(address):
            pass
    assert str(address) in str(caught.value)
    assert "secret" not in str(caught.value)


def test_damaged_database_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "harness.db").write_bytes(b"not a database" * 100)
    with pytest.raises(OwnerError, match="damaged"), peek(file_address(tmp_path / "harness.db")):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not write")
def test_folder_that_cannot_be_written_can_be_looked_at() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "harness.db"
        database = Database(path)
        database.migrate()
        database.close()
        assert not Path(f"{path}-wal").exists()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        probe = (
            "import os\n"
            "from pathlib import Path\n"
            "from harness.store.address import file_address\n"
            "from harness.store.peek import peek\n"
            "Path('/').as_uri()  # what this imports, nobody could read\n"
            "os.setuid(65534)\n"
            f"with peek(file_address(Path({str(path)!r}))) as look:\n"
            "    print(look.open_fires())\n"
        )
        ended = subprocess.run(
            [sys.executable, "-c", probe],
            env={"PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=False,
        )
    assert ended.stdout.strip() == "()", ended.stderr


BEAT = {"pid": 1, "executor_id": "e", "at": 1.5, "started_at": 1.0, "ready": True, "running": 2}


def test_heartbeat_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "heartbeat"
    path.write_text(json.dumps({**BEAT, "held_back": ["USER.md"]}))
    beat = read_heartbeat(path)
    assert beat is not None
    assert (beat.pid, beat.at, beat.is_ready, beat.held_back) == (1, 1.5, True, ("USER.md",))


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", json.dumps({**BEAT, "pid": None})])
def test_heartbeat_that_says_nothing_vouches_for_nobody(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "heartbeat"
    if text is not None:
        path.write_text(text)
    assert read_heartbeat(path) is None
