"""Runs that nobody wants any more: closed at once where they wait, and interrupted where they are at work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from harness.delivery.channels import OutboundDigest, Receipt
from harness.domain.errors import TransientError
from harness.domain.run import Fire, FireKind, FireState, RunState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.cancelling import CancelRequest, cancel_reason, carry_out_cancels, request_cancel
from harness.runs.deliveries import deliver_run, settle_deliveries
from harness.store.database import Database
from harness.store.fires import add_fire, mark_fire
from harness.store.nodes import NodeRow, add_node
from harness.store.outbox import acknowledge, deliveries_of_run, promise
from harness.store.runs import NewRun, RunRow, claim_runs, queue_run, run_by_id, suspend_run
from harness.store.sources import seen_urls
from harness.testing.engine import MemoryEngine
from harness.testing.openai_server import ChatAnswer, ChatRequest, OpenAIServer, say
from tests.runs.model_workspace import item_lines, with_job, with_model

RUN = f"cron:scout/morning:{int(NOW.timestamp())}"
WISH = cancel_reason("Sam", "it reads the wrong feeds")


def write(database: Database, *works: Callable[[Connection], object]) -> None:
    with database.write() as connection:
        for work in works:
            work(connection)


def queue(connection: Connection) -> None:
    due = int(NOW.timestamp())
    common: dict[str, Any] = {"job_id": "scout/morning", "due_at": due, "kind": FireKind.CRON, "now": NOW}
    add_fire(connection, **common, run_id=RUN, state=FireState.PLANNED, reason="")
    queue_run(connection, NewRun(RUN, "scout/morning", "agent", FireKind.CRON, due, 1), NOW)


def claim(owner: str) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        assert [run.id for run in claim_runs(connection, owner, 8, NOW)] == [RUN]
        mark_fire(connection, RUN, FireState.RUNNING, owner)

    return work


def suspend(connection: Connection) -> None:
    outcome = {"state": "delivered", "artifact": "artifacts/x/digest.json", "delivered_urls": ["https://a.example/1"]}
    mark_fire(connection, RUN, FireState.SUSPENDED, "me")
    suspend_run(connection, RUN, stop="completed", outcome=outcome)


def node(executor_id: str, *, is_here: bool) -> Callable[[Connection], None]:
    life = NodeRow(
        executor_id, 1, "host", 1, 0.0, 0.0, executor_id, executor_id, "up" if is_here else "lost", None, "", "daemon"
    )
    return lambda connection: add_node(connection, life)


def ask(database: Database, reason: str = WISH) -> CancelRequest:
    with database.write() as connection:
        return request_cancel(connection, RUN, reason, NOW)


def fire(database: Database) -> Fire:
    return fire_for(database, RUN)


def run(database: Database) -> RunRow:
    with database.read() as connection:
        found = run_by_id(connection, RUN)
    assert found is not None
    return found


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────


def test_a_run_that_has_not_begun_is_closed_at_once_and_never_claimed(database: Database) -> None:
    write(database, queue)
    assert ask(database) is CancelRequest.CLOSED
    assert (fire(database).state, fire(database).reason) == (
        FireState.CANCELLED,
        "cancelled by Sam: it reads the wrong feeds",
    )
    assert (run(database).state, run(database).stop) == (RunState.ENDED, "cancelled")
    with database.write() as connection:
        assert claim_runs(connection, "me", 8, NOW) == []


def test_a_run_that_waits_for_its_channel_is_closed_and_nothing_is_sent_later(database: Database) -> None:
    write(database, queue, claim("me"), suspend)
    write(database, lambda c: promise(c, run_id=RUN, channel="digest", digest="{}", now=NOW))
    assert ask(database) is CancelRequest.CLOSED
    with database.read() as connection:
        (delivery,) = deliveries_of_run(connection, RUN)
    assert (delivery.state, delivery.last_error, delivery.attempts) == ("dropped", WISH, 0)
    assert fire(database).state is FireState.CANCELLED
    assert fire(database).artifact == "artifacts/x/digest.json"


def test_what_was_delivered_before_the_cancel_is_named_and_counts_as_seen(database: Database) -> None:
    write(database, queue, claim("me"), suspend)
    for channel in ("digest", "mail"):
        write(database, lambda c, to=channel: promise(c, run_id=RUN, channel=to, digest="{}", now=NOW))  # type: ignore[misc]
    write(database, lambda c: acknowledge(c, f"{RUN}>digest", "file", NOW))
    ask(database)
    assert fire(database).reason == f"{WISH}; delivered before that to digest"
    with database.read() as connection:
        assert seen_urls(connection, "scout/morning", ["https://a.example/1"], NOW - timedelta(days=1))


def test_a_run_that_has_ended_stays_as_it_ended(database: Database) -> None:
    write(database, queue)
    ask(database)
    assert ask(database, "cancelled by somebody else") is CancelRequest.ENDED
    assert fire(database).reason == WISH


def test_a_run_that_nobody_knows_is_unknown(database: Database) -> None:
    assert ask(database) is CancelRequest.UNKNOWN


def test_the_first_reason_stays_when_two_ask(database: Database) -> None:
    write(database, queue, claim("me"))
    assert ask(database) is ask(database, "cancelled by somebody else") is CancelRequest.ASKED
    carry_out_cancels(database, MemoryEngine(), "me", NOW)
    assert fire(database).reason == WISH


# ── Carrying out ─────────────────────────────────────────────────────────────────────────────────


def test_a_run_at_work_is_interrupted_by_the_executor_that_has_it(database: Database) -> None:
    engine = MemoryEngine()
    engine.set_state(RUN, "running")
    write(database, queue, claim("me"))
    assert ask(database) is CancelRequest.ASKED
    assert fire(database).state is FireState.RUNNING
    assert carry_out_cancels(database, engine, "me", NOW) == [RUN]
    assert (fire(database).state, engine.state(RUN), run(database).stop) == (
        FireState.CANCELLED,
        "cancelled",
        "cancelled",
    )
    assert carry_out_cancels(database, engine, "me", NOW) == []


@pytest.mark.parametrize("is_here", [True, False])
def test_a_run_of_another_executor_is_left_to_it_unless_it_is_gone(database: Database, is_here: bool) -> None:
    write(database, node("other", is_here=is_here), queue, claim("other"))
    ask(database)
    closed = carry_out_cancels(database, MemoryEngine(), "me", NOW)
    assert (closed == [], fire(database).state is FireState.RUNNING) == (is_here, is_here)


def test_a_run_that_is_to_be_cancelled_promises_no_delivery(workbench: Workbench) -> None:
    database = workbench.system.database
    settings = workbench.system.workspace().settings
    write(database, queue, claim("me"))
    ask(database)
    attempts = deliver_run(database, {}, settings, run_id=RUN, names=["digest"], digest="{}", now=NOW)
    with database.read() as connection:
        assert (attempts, deliveries_of_run(connection, RUN)) == ([], [])


def test_a_run_that_comes_to_its_end_before_it_is_interrupted_ends_cancelled(workbench: Workbench) -> None:
    """The wish arrives while the model answers, and nobody carries it out before the run's last step."""
    links = workbench.serve_stories(2)
    asked: list[CancelRequest] = []

    def answer(_request: ChatRequest) -> ChatAnswer:
        (run_id,) = [found.run_id or "" for found in workbench.fires()]
        with workbench.system.database.write() as connection:
            asked.append(request_cancel(connection, run_id, WISH, NOW))
        return say(item_lines(links))

    with OpenAIServer(answer) as server:
        workbench.write({**with_model(server), **with_job()})
        found = workbench.run()
    assert (asked, found.state, found.reason) == ([CancelRequest.ASKED], FireState.CANCELLED, WISH)
    assert workbench.delivered() == []


def test_a_run_that_was_asked_to_be_cancelled_does_not_begin(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    system = workbench.system
    run_id = start_by_hand(system.database, system.workspace(), "scout/morning", NOW, inputs={})
    with system.database.write() as connection:
        claim_runs(connection, system.membership.executor_id, 8, NOW)
        mark_fire(connection, run_id, FireState.RUNNING, system.membership.executor_id)
        assert request_cancel(connection, run_id, WISH, NOW) is CancelRequest.ASKED
    system.dispatcher.restart_claimed()
    workbench.settle()
    assert fire_for(system.database, run_id).state is FireState.CANCELLED
    assert (workbench.web.count("/feed.xml"), system.engine.recorded(run_id)) == (0, ())


class Refusing:
    """A channel that is down, and remembers who tried."""

    name = "digest"
    is_interrupting = False

    def __init__(self) -> None:
        self.tries = 0

    def deliver(self, message: OutboundDigest) -> Receipt:
        self.tries += 1
        raise TransientError("down")


def test_the_outbox_does_not_try_what_was_cancelled(workbench: Workbench) -> None:
    system, channel = workbench.system, Refusing()
    settings = system.workspace().settings
    write(system.database, queue, claim("me"), suspend)
    write(system.database, lambda c: promise(c, run_id=RUN, channel="digest", digest="{}", now=NOW))
    ask(system.database)
    settle_deliveries(system.database, {"digest": channel}, settings, NOW + timedelta(hours=1))
    assert channel.tries == 0
    assert fire(system.database).state is FireState.CANCELLED


class CancellingChannel:
    """A channel that works, and while it does somebody cancels the run."""

    is_interrupting = False

    def __init__(self, name: str, database: Database) -> None:
        self.name = name
        self.delivered: list[str] = []
        self._database = database

    def deliver(self, message: OutboundDigest) -> Receipt:
        self.delivered.append(message.key)
        assert ask(self._database) is CancelRequest.ASKED
        assert carry_out_cancels(self._database, MemoryEngine(), "me", NOW) == [RUN]
        return Receipt(message.key, self.name, "somewhere", "0" * 64)


def test_a_cancel_between_two_channels_keeps_the_second_from_being_tried(workbench: Workbench) -> None:
    workbench.serve_stories(1)
    workbench.clock.jump_to(NOW + timedelta(hours=1))
    made = workbench.run(preview=True)
    system = workbench.system
    digest = (system.state.root / (made.artifact or "")).read_text()
    first, second = (CancellingChannel(name, system.database) for name in ("a", "b"))
    write(system.database, queue, claim("me"))
    deliver_run(
        system.database,
        {"a": first, "b": second},
        system.workspace().settings,
        run_id=RUN,
        names=["a", "b"],
        digest=digest,
        now=NOW,
    )
    assert (first.delivered, second.delivered) == ([f"{RUN}>a"], [])
    assert (fire(system.database).state, fire(system.database).reason) == (FireState.CANCELLED, WISH)
    with system.database.read() as connection:
        # What the channel had in hand is told as it is, what it had not is never sent.
        assert [row.state for row in deliveries_of_run(connection, RUN)] == ["acknowledged", "dropped"]
