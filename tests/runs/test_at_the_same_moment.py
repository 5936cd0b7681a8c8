"""What one does between two instructions of another: nothing is lost, and nothing is said that is not so."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from harness.delivery.channels import OutboundDigest, Receipt
from harness.delivery.digest import digest_to_json
from harness.domain.cause import job_cause
from harness.domain.digest import Digest
from harness.domain.run import Fire, FireKind, FireState, Outcome, RunState
from harness.domain.settings import Channel as ChannelSettings
from harness.domain.settings import Settings
from harness.pytest_plugin import NOW, Workbench
from harness.runs.alerts import GATHER_S, deliver_alerts, tell_incidents
from harness.runs.answer import Again
from harness.runs.attempts import begin_again
from harness.runs.by_hand import fire_for
from harness.runs.cancelling import CancelRequest, cancel_run, request_cancel
from harness.runs.closing import close_or_suspend
from harness.runs.deadlines import enforce_deadlines
from harness.runs.deliveries import deliver_run
from harness.runs.nodes import Installation, Membership
from harness.runs.recovery import Reconciler
from harness.store.address import parse_address
from harness.store.database import Database
from harness.store.fires import add_fire, mark_fire
from harness.store.incidents import open_incident
from harness.store.outbox import deliveries_of_run, promise
from harness.store.runs import NewRun, RunRow, claim_runs, hand_over, queue_run, run_by_id, runs_in
from harness.testing.engine import MemoryEngine

LATER = NOW + timedelta(hours=2)
RUN = f"cron:scout/morning:{int(NOW.timestamp())}"
ALERTS = Settings(channels={"digest": ChannelSettings("digest", "file")})
MADE = Outcome(FireState.DELIVERED)


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """Where the workbench lives."""
    return postgres_url


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


def beside(observer: Database, work: Callable[[], object]) -> threading.Thread:
    """Do `work` in another thread, and return as soon as it has ended, or waits for a lock."""
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive() and not _someone_waits(observer):
        thread.join(0.01)
    return thread


def _someone_waits(observer: Database) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with observer.engine.connect() as connection:
        return bool(connection.exec_driver_sql(query).scalar_one())


def queue(database: Database, deadline: datetime | None = None) -> None:
    due = int(NOW.timestamp())
    with database.write() as connection:
        add_fire(
            connection, job_id="scout/morning", due_at=due, kind=FireKind.CRON, state=FireState.PLANNED, reason="",
            run_id=RUN, now=NOW,
        )  # fmt: skip
        deadline_at = None if deadline is None else deadline.timestamp()
        queue_run(
            connection, NewRun(RUN, "scout/morning", "agent", FireKind.CRON, due, 2, deadline_at=deadline_at), NOW
        )


def claim(database: Database, owner: str = "me") -> None:
    with database.write(alone=True) as connection:
        claim_runs(connection, owner, 8, NOW)
        mark_fire(connection, RUN, FireState.RUNNING, owner)


def suspend(database: Database, owner: str = "me") -> None:
    with database.write() as connection:
        promise(connection, run_id=RUN, channel="digest", digest="{}", now=NOW)
        close_or_suspend(
            connection, run_id=RUN, job_id="scout/morning", outcome=MADE, stop="completed", owner=owner, now=NOW
        )


def run_of(database: Database) -> RunRow:
    with database.read() as connection:
        found = run_by_id(connection, RUN)
    assert found is not None
    return found


def fire_of(database: Database) -> Fire:
    return fire_for(database, RUN)


# ── A cancel that was answered ───────────────────────────────────────────────────────────────────


def test_a_cancel_that_comes_while_the_run_is_suspended_is_carried_out(
    workbench: Workbench, on_server: Callable[[], Database]
) -> None:
    theirs, observer = on_server(), on_server()
    workbench.serve_stories(3)
    (workbench.system.state.root / "digests").write_text("in the way")
    answers: list[CancelRequest] = []
    asking: list[threading.Thread] = []

    def cancel() -> None:
        with theirs.write(alone=True) as connection:
            (run,) = runs_in(connection, RunState.RUNNING)
            answers.append(request_cancel(connection, run.id, "cancelled by Sam", NOW))

    def ask_before(_connection: object, _cursor: object, _statement: str, values: object, *_: object) -> None:
        if not asking and isinstance(values, dict) and values.get("state") == "suspended":
            asking.append(beside(observer, cancel))

    event.listen(workbench.system.database.engine, "before_cursor_execute", ask_before)
    workbench.tick_at(NOW + timedelta(minutes=1))
    asking[0].join(30)
    assert answers == [CancelRequest.CLOSED]
    (fire,) = workbench.fires()
    assert fire.state is FireState.CANCELLED


def test_a_run_that_somebody_wants_cancelled_is_not_begun_anew(database: Database) -> None:
    queue(database)
    claim(database)
    as_read = run_of(database)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE run SET cancel_reason = 'cancelled by Sam'")
        assert begin_again(connection, as_read, Again(LATER, "it broke off"), owner="me", now=NOW) is None
    assert cancel_run(database, MemoryEngine(), "me", RUN, "again", NOW) is CancelRequest.CLOSED
    assert fire_of(database).state is FireState.CANCELLED


def test_a_cancel_of_a_run_that_was_begun_anew_just_now_ends_the_new_one(database: Database) -> None:
    queue(database)
    claim(database)
    with database.write() as connection:
        assert begin_again(connection, run_of(database), Again(LATER, "it broke off"), owner="me", now=NOW)
    assert cancel_run(database, MemoryEngine(), "me", RUN, "cancelled by Sam", NOW) is CancelRequest.CLOSED
    assert (fire_of(database).state, fire_of(database).run_id) == (FireState.CANCELLED, f"{RUN}~2")


# ── What is judged, and moves on meanwhile ───────────────────────────────────────────────────────


class MovesOn(MemoryEngine):
    """An engine whose answer comes when something has just happened."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self._happens = happens

    def state(self, run_id: str) -> str | None:
        self._happens()
        self._happens = lambda: None
        return "ended"

    def cancel(self, run_id: str) -> None:
        self._happens()


def test_a_run_that_is_suspended_while_it_is_judged_keeps_its_delivery(database: Database) -> None:
    engine = MovesOn(lambda: suspend(database, "node-1.1"))
    here = Membership(database, engine, Installation("node-1", "here", "host"), workflow_version=2, now=lambda: NOW)
    here.join("daemon")
    queue(database)
    claim(database, here.executor_id)
    assert Reconciler(database, engine, here, workflow_version=2).reconcile(NOW) == []
    assert fire_of(database).state is FireState.SUSPENDED


def test_a_run_that_another_daemon_claims_as_its_deadline_passes_is_not_told_as_missed(database: Database) -> None:
    queue(database, deadline=NOW)

    def claim_elsewhere(_connection: object) -> None:
        other = Database.connect(database.address)
        claim(other, "other")
        other.close()

    event.listen(database.engine, "rollback", claim_elsewhere, once=True)  # it has read, and not written yet
    closed = enforce_deadlines(database, MemoryEngine(), lambda run: run.owner == "me", LATER)
    assert closed == []
    assert (fire_of(database).state, run_of(database).state) == (FireState.RUNNING, RunState.RUNNING)


def test_a_run_that_comes_to_its_delivery_as_its_deadline_passes_is_left_to_it(database: Database) -> None:
    queue(database, deadline=NOW)
    claim(database)
    assert enforce_deadlines(database, MovesOn(lambda: suspend(database)), lambda run: True, LATER) == []
    assert fire_of(database).state is FireState.SUSPENDED


def test_what_a_run_owes_is_not_owed_any_more_when_it_is_closed_for_its_deadline(database: Database) -> None:
    queue(database, deadline=NOW)
    claim(database)
    with database.write() as connection:
        promise(connection, run_id=RUN, channel="digest", digest="{}", now=NOW)
    assert enforce_deadlines(database, MemoryEngine(), lambda run: True, LATER) == [RUN]
    with database.read() as connection:
        assert [row.state for row in deliveries_of_run(connection, RUN)] == ["dropped"]
    channel = Slow()
    sent = deliver_run(database, {"digest": channel}, ALERTS, run_id=RUN, names=["digest"], digest="{}", now=LATER)
    assert (sent, channel.keys) == ([], [])


def test_whoever_stood_still_in_a_delivery_sends_to_no_further_channel(database: Database) -> None:
    queue(database)
    claim(database)

    def stand_still() -> None:
        with database.write() as connection:
            hand_over(connection, RUN, "me", "other")

    first, second = Slow(stand_still), Slow()
    made = Digest("t", "scout/morning", RUN, NOW, "UTC", "extractive, no model", "delivered")
    deliver_run(
        database, {"first": first, "second": second}, ALERTS, run_id=RUN, names=["first", "second"],
        digest=json.dumps(digest_to_json(made)), now=NOW, owner="me",
    )  # fmt: skip
    assert (len(first.keys), second.keys) == (1, [])


# ── Alerts ───────────────────────────────────────────────────────────────────────────────────────


class Slow:
    """A channel that does something else before it has delivered."""

    name = "digest"
    is_interrupting = False

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.before = before
        self.keys: list[str] = []

    def deliver(self, message: OutboundDigest) -> Receipt:
        before, self.before = self.before, lambda: None
        before()
        self.keys.append(message.key)
        return Receipt(message.key, self.name, "phone", "")


def break_down(database: Database, job_id: str) -> None:
    with database.write() as connection:
        open_incident(connection, job_cause(job_id), f"{job_id}: it failed", NOW, job_id=job_id)


def test_what_breaks_while_another_daemon_tells_of_something_is_told(on_server: Callable[[], Database]) -> None:
    ours, theirs, observer = on_server(), on_server(), on_server()
    break_down(ours, "a/first")
    later = NOW + timedelta(seconds=GATHER_S)

    def tell_too() -> None:
        break_down(theirs, "b/second")
        tell_incidents(theirs, ALERTS, later)

    telling: list[threading.Thread] = []
    event.listen(ours.engine, "commit", lambda _: telling.append(beside(observer, tell_too)), once=True)
    first = tell_incidents(ours, ALERTS, later)
    telling[0].join(30)
    last = tell_incidents(ours, ALERTS, later + timedelta(seconds=GATHER_S))
    with ours.read() as connection:
        told = connection.exec_driver_sql("SELECT digest FROM outbox").scalars().all()
    assert first is not None
    assert len(told) == 2, last
    assert sum("a/first" in text for text in told) == sum("b/second" in text for text in told) == 1


def test_an_alert_that_one_daemon_is_sending_is_not_sent_by_another(database: Database) -> None:
    break_down(database, "a/first")
    later = NOW + timedelta(seconds=GATHER_S)
    tell_incidents(database, ALERTS, later)
    other = Slow()
    ours = Slow(lambda: deliver_alerts(database, {"digest": other}, ALERTS, later))
    deliver_alerts(database, {"digest": ours}, ALERTS, later)
    assert (len(ours.keys), other.keys) == (1, [])
