from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from harness.domain.errors import HarnessError
from harness.domain.run import FireKind, FireState, Outcome, RunState, run_id_for
from harness.ports import Json, Steps
from harness.runs.closing import close, close_or_suspend
from harness.runs.nodes import Installation, Membership
from harness.runs.recovery import STALLED_AFTER, Reconciler
from harness.store.database import Database
from harness.store.fires import add_fire, fire_of_run, mark_fire
from harness.store.incidents import open_incidents
from harness.store.outbox import give_up, promise
from harness.store.runs import NewRun, claim_runs, queue_run, run_by_id
from harness.store.sources import seen_urls
from harness.testing.engine import MemoryEngine

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
RUN = run_id_for(FireKind.CRON, "scout/morning", int(NOW.timestamp()))
DELIVERED = Outcome(FireState.DELIVERED, delivered_urls=("https://a.example/1",))


class Ledger:
    def __init__(self, database: Database) -> None:
        self.database = database
        self.engine = MemoryEngine()
        here = Installation("node-1", "here", "host")
        self.membership = Membership(database, self.engine, here, workflow_version=2, now=lambda: NOW)
        assert self.membership.join("daemon") == "node-1.1"
        self.reconciler = Reconciler(database, self.engine, self.membership, workflow_version=2)
        due_at = int(NOW.timestamp())
        with database.write() as connection:
            add_fire(
                connection, job_id="scout/morning", due_at=due_at, kind=FireKind.CRON, state=FireState.PLANNED,
                reason="", run_id=RUN, now=NOW,
            )  # fmt: skip
            queue_run(connection, NewRun(RUN, "scout/morning", "agent", FireKind.CRON, due_at, 2), NOW)

    def claim(self, owner: str = "node-1.1") -> None:
        with self.database.write() as connection:
            claim_runs(connection, owner, 8, NOW)
            mark_fire(connection, RUN, FireState.RUNNING, owner)

    def version_of_run(self, number: int) -> None:
        with self.database.write() as connection:
            connection.exec_driver_sql(f"UPDATE run SET workflow_version = {number}")

    def reconcile(self, now: datetime = NOW) -> list[str]:
        return self.reconciler.reconcile(now)

    def state(self) -> tuple[FireState, RunState]:
        with self.database.read() as connection:
            fire, run = fire_of_run(connection, RUN), run_by_id(connection, RUN)
        assert fire is not None
        assert run is not None
        return fire.state, run.state

    def causes(self) -> list[str]:
        with self.database.read() as connection:
            return [incident.cause for incident in open_incidents(connection)]


@pytest.fixture
def ledger(database: Database) -> Iterator[Ledger]:
    yield Ledger(database)


def test_a_queued_run_and_one_that_is_running_are_left_alone(ledger: Ledger) -> None:
    assert ledger.reconcile() == []
    ledger.claim()
    assert ledger.reconcile() == []
    ledger.engine.set_state(RUN, "running")
    assert ledger.reconcile() == []
    assert ledger.state() == (FireState.RUNNING, RunState.RUNNING)


@pytest.mark.parametrize("engine_state", ["ended", "failed", "stranded"])
def test_a_run_that_can_no_longer_finish_is_closed_as_failed_and_told(ledger: Ledger, engine_state: str) -> None:
    ledger.claim()
    ledger.engine.set_state(RUN, engine_state)
    assert ledger.reconcile() == [RUN]
    assert ledger.state() == (FireState.FAILED, RunState.ENDED)
    assert ledger.causes() == ["job scout/morning"]
    assert ledger.reconcile() == []


def test_a_run_that_nothing_works_on_is_given_time_and_then_closed_for_good(ledger: Ledger) -> None:
    ledger.claim()
    ledger.engine.set_state(RUN, "running")
    assert ledger.reconcile(NOW) == []
    assert ledger.reconcile(NOW + STALLED_AFTER / 2) == []
    assert ledger.reconcile(NOW + STALLED_AFTER) == [RUN]
    assert ledger.engine.state(RUN) == "cancelled"


def test_a_run_that_was_cancelled_is_closed_as_such_and_is_no_incident(ledger: Ledger) -> None:
    ledger.claim()
    ledger.engine.set_state(RUN, "cancelled")
    ledger.reconcile()
    assert (ledger.state()[0], ledger.causes()) == (FireState.CANCELLED, [])


def test_a_fire_whose_run_is_gone_is_closed_as_failed(ledger: Ledger) -> None:
    with ledger.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM run")
    assert ledger.reconcile() == [RUN]
    with ledger.database.read() as connection:
        fire = fire_of_run(connection, RUN)
    assert fire is not None
    assert (fire.state, fire.reason) == (FireState.FAILED, "its run is gone")


def test_what_another_daemon_holds_is_left_to_it_and_to_whoever_takes_over_from_it(ledger: Ledger) -> None:
    there = Installation("node-2", "there", "host")
    other = Membership(ledger.database, ledger.engine, there, workflow_version=2, now=lambda: NOW)
    ledger.claim(other.join("daemon"))
    ledger.engine.set_state(RUN, "running")
    assert ledger.reconcile(NOW + STALLED_AFTER * 2) == []
    other.leave()
    assert ledger.reconcile(NOW + STALLED_AFTER * 3) == []
    assert ledger.state() == (FireState.RUNNING, RunState.RUNNING)


def test_a_run_of_a_version_that_runs_nowhere_is_begun_anew_if_it_had_no_effect_yet(ledger: Ledger) -> None:
    ledger.claim("node-0.1")
    ledger.version_of_run(1)
    ledger.engine.set_state(RUN, "stranded")
    ledger.engine.records[RUN] = [{"kind": "collect", "call_id": "collect", "args_hash": "", "value": 1}]
    assert ledger.reconcile() == []
    with ledger.database.read() as connection:
        fire, again = fire_of_run(connection, f"{RUN}~2"), run_by_id(connection, f"{RUN}~2")
    assert fire is not None
    assert again is not None
    assert (fire.state, again.state, again.attempt) == (FireState.PLANNED, RunState.QUEUED, 1)
    assert ledger.causes() == []


def test_a_run_of_a_version_that_runs_nowhere_is_closed_if_it_may_have_had_an_effect(ledger: Ledger) -> None:
    ledger.claim("node-0.1")
    ledger.version_of_run(1)
    ledger.engine.set_state(RUN, "stranded")
    ledger.engine.records[RUN] = [{"kind": "tool", "call_id": "model-1.1", "args_hash": "", "value": 1}]
    assert ledger.reconcile() == [RUN]
    assert ledger.state() == (FireState.FAILED, RunState.ENDED)
    assert ledger.causes() == ["job scout/morning"]


def test_a_run_of_an_older_version_is_left_to_a_daemon_that_still_has_that_version(ledger: Ledger) -> None:
    there = Installation("node-2", "there", "host")
    Membership(ledger.database, ledger.engine, there, workflow_version=1, now=lambda: NOW).join("daemon")
    ledger.claim("node-0.1")
    ledger.version_of_run(1)
    ledger.engine.set_state(RUN, "stranded")
    assert ledger.reconcile() == []
    assert ledger.state() == (FireState.RUNNING, RunState.RUNNING)


def test_a_suspended_run_waits_as_long_as_its_delivery_lives(ledger: Ledger) -> None:
    ledger.claim()
    with ledger.database.write() as connection:
        delivery = promise(connection, run_id=RUN, channel="digest", digest="{}", now=NOW)
        suspended = close_or_suspend(
            connection,
            run_id=RUN,
            job_id="scout/morning",
            outcome=DELIVERED,
            stop="completed",
            owner="node-1.1",
            now=NOW,
        )
    assert suspended is FireState.SUSPENDED
    assert ledger.reconcile() == []
    with ledger.database.write() as connection:
        give_up(connection, delivery, "the disk is gone")
    assert ledger.reconcile() == [RUN]
    assert ledger.state() == (FireState.FAILED, RunState.ENDED)


def test_whoever_lost_a_run_cannot_make_its_fire_wait_either(ledger: Ledger) -> None:
    ledger.claim("node-2.1")
    with ledger.database.write() as connection:
        promise(connection, run_id=RUN, channel="digest", digest="{}", now=NOW)
        late = close_or_suspend(
            connection, run_id=RUN, job_id="scout/morning", outcome=DELIVERED, stop="completed", owner="node-1.1",
            now=NOW,
        )  # fmt: skip
    assert late is None
    assert ledger.state() == (FireState.RUNNING, RunState.RUNNING)


def test_a_fire_is_closed_once_and_only_by_its_owner(ledger: Ledger) -> None:
    ledger.claim("node-1.1")

    def close_as(owner: str) -> FireState | None:
        with ledger.database.write() as connection:
            return close(
                connection, run_id=RUN, job_id="scout/morning", outcome=DELIVERED, stop="completed", owner=owner,
                now=NOW,
            )  # fmt: skip

    assert close_as("node-2.1") is None
    assert ledger.state() == (FireState.RUNNING, RunState.RUNNING)
    assert close_as("node-1.1") is FireState.DELIVERED
    assert close_as("node-1.1") is None
    with ledger.database.read() as connection:
        assert seen_urls(connection, "scout/morning", ["https://a.example/1", "https://b.example/"], NOW) == {
            "https://a.example/1"
        }


def test_what_a_kill_left_between_the_close_of_a_fire_and_the_end_of_its_run_is_ended(ledger: Ledger) -> None:
    ledger.claim("node-9.1")
    with ledger.database.write() as connection:
        close(connection, run_id=RUN, job_id="scout/morning", outcome=DELIVERED, stop=None, owner="node-9.1", now=NOW)
    ledger.engine.set_state(RUN, "running")
    ledger.engine.launch(ended_before, "node-1.1")
    assert ledger.reconcile() == []
    assert ledger.engine.state(RUN) == "running", "nobody says that another executor had it"
    ledger.engine.others[RUN] = "node-9.1"
    assert ledger.reconcile() == []
    assert ledger.engine.state(RUN) == "ended"
    assert ledger.state() == (FireState.DELIVERED, RunState.ENDED)


async def ended_before(run_id: str, steps: Steps) -> Json:
    return None


def test_what_another_daemon_is_about_to_end_is_left_to_it(ledger: Ledger) -> None:
    there = Membership(
        ledger.database, ledger.engine, Installation("node-9", "there", "host"), workflow_version=2, now=lambda: NOW
    )
    ledger.claim(there.join("daemon"))
    with ledger.database.write() as connection:
        close(connection, run_id=RUN, job_id="scout/morning", outcome=DELIVERED, stop=None, owner=None, now=NOW)
    ledger.engine.set_state(RUN, "running")
    ledger.engine.others[RUN] = there.executor_id
    ledger.reconcile()
    assert ledger.engine.state(RUN) == "running"


def test_a_run_that_cannot_be_closed_holds_up_no_other_and_is_no_secret(ledger: Ledger) -> None:
    # Its fire is due before the other's, and the request that it worked on has no log.
    poison = "bus:r-lost:1"
    earlier = int(NOW.timestamp()) - 60
    with ledger.database.write() as connection:
        add_fire(
            connection, job_id="zoe/request:r-lost", due_at=earlier, kind=FireKind.BUS, state=FireState.PLANNED,
            reason="", run_id=poison, now=NOW,
        )  # fmt: skip
        queue_run(connection, NewRun(poison, "zoe/request:r-lost", "agent", FireKind.BUS, earlier, 2), NOW)
    ledger.claim()
    with ledger.database.write() as connection:
        mark_fire(connection, poison, FireState.RUNNING, "node-1.1")
    for run_id in (RUN, poison):
        ledger.engine.set_state(run_id, "failed")
    with pytest.raises(HarnessError, match="there is no request r-lost"):
        ledger.reconcile()
    assert ledger.state() == (FireState.FAILED, RunState.ENDED)
