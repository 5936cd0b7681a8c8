from __future__ import annotations

from datetime import UTC, datetime

import pytest

from harness.domain.run import FireKind
from harness.runs.dispatcher import Dispatcher
from harness.runs.nodes import Installation, Membership
from harness.store.database import Database
from harness.store.runs import NewRun, end_run, queue_run
from harness.testing.engine import MemoryEngine

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


class Recorder(MemoryEngine):
    """Starts nothing, and remembers what it was to start."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[str] = []

    def start(self, run_id: str) -> None:
        self.started.append(run_id)


def queue(database: Database, *job_ids: str, lane: str = "agent") -> None:
    for number, job_id in enumerate(job_ids):
        with database.write() as connection:
            queue_run(connection, NewRun(f"run:{job_id}", job_id, lane, FireKind.CRON, number, 1), NOW)


def dispatcher(
    database: Database, engine: Recorder, *, max_running: int = 8, installation: str = "node-1"
) -> Dispatcher:
    membership = Membership(
        database, engine, Installation(installation, installation, "host"), workflow_version=1, now=lambda: NOW
    )
    membership.join("daemon")
    membership.take_over(only_own=True)
    return Dispatcher(
        database, engine, membership, now=lambda: NOW, max_running=lambda: max_running, workflow_version=1
    )


def test_agents_run_side_by_side_and_each_does_one_thing_at_a_time(database: Database) -> None:
    queue(database, "scout/one", "scout/two", "zoe/one")
    made = dispatcher(database, Recorder())
    assert made.dispatch() == ["run:scout/one", "run:zoe/one"]
    assert made.dispatch() == []
    with database.write() as connection:
        end_run(connection, "run:scout/one", NOW)
    assert made.dispatch() == ["run:scout/two"]


def test_a_job_without_a_model_never_waits_for_its_agent_nor_for_the_cap(database: Database) -> None:
    queue(database, "zoe/digest", "scout/one")
    queue(database, "zoe/self-check", lane="system")
    assert set(dispatcher(database, Recorder(), max_running=1).dispatch()) == {"run:zoe/digest", "run:zoe/self-check"}


def test_the_cap_holds_over_all_agents(database: Database) -> None:
    queue(database, "a/x", "b/x", "c/x")
    assert dispatcher(database, Recorder(), max_running=2).dispatch() == ["run:a/x", "run:b/x"]


def test_the_database_itself_refuses_a_second_running_run_of_an_agent(database: Database) -> None:
    queue(database, "scout/one", "scout/two")
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE run SET state = 'running' WHERE id = 'run:scout/one'")
    with pytest.raises(Exception, match=r"(?i)unique.*run"), database.write() as connection:
        connection.exec_driver_sql("UPDATE run SET state = 'running' WHERE id = 'run:scout/two'")


def test_a_run_that_was_claimed_before_a_crash_and_never_started_is_started(database: Database) -> None:
    queue(database, "scout/one")

    class DiesBeforeStarting(Recorder):
        def start(self, run_id: str) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dispatcher(database, DiesBeforeStarting()).dispatch()
    engine = Recorder()
    assert dispatcher(database, engine).restart_claimed() == ["run:scout/one"]
    assert engine.started == ["run:scout/one"]


def test_what_another_executor_claimed_is_not_started_here(database: Database) -> None:
    queue(database, "scout/one")
    dispatcher(database, Recorder(), installation="node-2").dispatch()
    engine = Recorder()
    assert dispatcher(database, engine, installation="node-1").restart_claimed() == []
    assert engine.started == []


def test_one_run_can_be_claimed_while_the_others_stay_queued(database: Database) -> None:
    queue(database, "a/x", "b/x")
    assert dispatcher(database, Recorder()).dispatch(only="run:b/x") == ["run:b/x"]


def test_a_run_of_ours_that_an_executor_began_after_it_had_lost_it_is_taken_from_that_one(database: Database) -> None:
    engine = TakesOver()
    queue(database, "scout/one")
    made = dispatcher(database, engine)
    assert made.dispatch() == ["run:scout/one"]
    engine.set_state("run:scout/one", "running")
    assert made.restart_claimed() == []
    engine.others["run:scout/one"] = "node-9.1"
    assert made.restart_claimed() == engine.taken == ["run:scout/one"]


class TakesOver(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    def take_over(self, run_id: str) -> bool:
        self.taken.append(run_id)
        return True
