"""A run that begins to wait for an answer at the moment at which another daemon gives it: it goes on at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from harness.bus.continuations import wait_for
from harness.bus.sending import send
from harness.domain.request import request_run
from harness.domain.run import FireState, Outcome, RunState, Suspended
from harness.runs.cancelling import carry_out_cancels
from harness.runs.deadlines import enforce_deadlines
from harness.runs.nodes import Installation, Membership
from harness.runs.recovery import Reconciler
from harness.store.address import parse_address
from harness.store.database import Database
from harness.store.fires import mark_fire, suspend_fire
from harness.store.json_codec import to_json
from harness.store.runs import claim_runs, run_by_id, suspend_run, want_cancelled
from harness.store.suspensions import Awaited
from harness.testing.engine import MemoryEngine
from tests.bus.team_of import NOW, ask, team_of
from tests.runs.requests.test_ends import queue_zoe
from tests.runs.test_at_the_same_moment import beside

TEAM = team_of("zoe", "scout")
LATER = NOW + timedelta(hours=2)
Close = Callable[[Database, Membership, str], object]


@pytest.fixture
def on_server(postgres_url: str, tmp_path: Path) -> Iterator[Callable[[], Database]]:
    """Daemons of one server's database, where transactions run beside each other."""
    opened: list[Database] = []

    def daemon() -> Database:
        database = Database.connect(parse_address(postgres_url, tmp_path))
        database.migrate()
        opened.append(database)
        return database

    yield daemon
    for database in opened:
        database.close()


class Failed(MemoryEngine):
    """An engine in which every run broke off."""

    def state(self, run_id: str) -> str | None:
        return "failed"


def cancel(database: Database, here: Membership, run_id: str) -> object:
    with database.write() as connection:
        want_cancelled(connection, run_id, "cancelled by Sam")
    return carry_out_cancels(database, MemoryEngine(), here.executor_id, NOW)


def end_by_its_deadline(database: Database, here: Membership, run_id: str) -> object:
    return enforce_deadlines(database, MemoryEngine(), lambda run: run.id == run_id, LATER)


def end_as_broken_off(database: Database, here: Membership, run_id: str) -> object:
    return Reconciler(database, Failed(), here, workflow_version=1).reconcile(NOW)


def suspend_in(connection: Connection, run_id: str, request_id: str) -> None:
    assert suspend_fire(connection, run_id, "ours")
    outcome = to_json(Outcome, Outcome(FireState.SUSPENDED, "waits"))
    suspend_run(connection, run_id, stop=Suspended.reason, outcome=outcome)
    run = run_by_id(connection, run_id)
    assert run is not None
    wait_for(connection, run, [Awaited(request_id, "call_0")], "{}", NOW)


@pytest.mark.parametrize("end", [cancel, end_by_its_deadline, end_as_broken_off])
def test_whoever_ends_the_receiver_while_the_sender_begins_to_wait_lets_it_go_on(
    on_server: Callable[[], Database], end: Close
) -> None:
    ours, theirs, observer = on_server(), on_server(), on_server()
    with ours.write(alone=True) as connection:
        request_id = send(connection, ask("zoe", "scout"), TEAM, NOW).standing.request.id
    here = Membership(
        theirs, MemoryEngine(), Installation("theirs", "there", "host"), workflow_version=1, now=lambda: NOW
    )
    here.join("daemon")
    working, waiting = request_run(request_id, 1), queue_zoe(ours)
    with ours.write(alone=True) as connection:
        for run_id, owner in ((waiting, "ours"), (working, here.executor_id)):
            assert claim_runs(connection, owner, 8, NOW, only=run_id)
            mark_fire(connection, run_id, FireState.RUNNING, owner)
        connection.exec_driver_sql(f"UPDATE run SET deadline_at = {NOW.timestamp()} WHERE id = '{working}'")
    with ours.write(alone=True) as connection:
        suspend_in(connection, waiting, request_id)
        other = beside(observer, lambda: end(theirs, here, working))
    other.join(30)
    with ours.read() as connection:
        ended, goes_on = run_by_id(connection, working), run_by_id(connection, f"{waiting}.2")
    assert ended is not None
    assert ended.state is RunState.ENDED
    assert goes_on is not None, "nobody went on with the run that waited"
