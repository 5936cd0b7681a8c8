from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from harness.domain.run import FireKind, FireState
from harness.runs.nodes import BEAT_EVERY_S, LOST_AFTER_S, Installation, Membership
from harness.store.database import Database
from harness.store.fires import add_fire, close_fire, mark_fire
from harness.store.nodes import all_nodes, beat, close_node
from harness.store.runs import NewRun, claim_runs, queue_run, run_by_id
from harness.store.tables import node
from harness.testing.engine import MemoryEngine

NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
RUN = "cron:scout/morning:1"


class Team:
    """Daemons on one database, with one clock and an engine that remembers what was taken over."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self.engine = TakesOver()

    def daemon(self, name: str, *, workflow_version: int = 1) -> Membership:
        joined = Membership(
            self.database,
            self.engine,
            Installation(f"id-{name}", name, "host"),
            workflow_version=workflow_version,
            now=lambda: self.now,
        )
        joined.join("daemon")
        return joined

    def run_held_by(self, member: Membership, *, bound_to: str | None = None) -> None:
        with self.database.write() as connection:
            add_fire(
                connection, job_id="scout/morning", due_at=1, kind=FireKind.CRON, state=FireState.PLANNED, reason="",
                run_id=RUN, now=NOW,
            )  # fmt: skip
            queue_run(connection, NewRun(RUN, "scout/morning", "agent", FireKind.CRON, 1, 1, node=bound_to), NOW)
            claim_runs(connection, member.executor_id, 8, NOW, node=bound_to)
            mark_fire(connection, RUN, FireState.RUNNING, member.executor_id)

    def owner(self) -> str | None:
        with self.database.read() as connection:
            run = run_by_id(connection, RUN)
        assert run is not None
        return run.owner

    def closes(self, owner: str) -> bool:
        with self.database.write() as connection:
            return close_fire(connection, RUN, state=FireState.DELIVERED, reason="", now=NOW, owner=owner)

    def pass_s(self, seconds: float, *alive: Membership) -> list[bool]:
        """Let time pass; those that are alive beat meanwhile."""
        while seconds > BEAT_EVERY_S:
            self.sleep_s(BEAT_EVERY_S, *alive)
            seconds -= BEAT_EVERY_S
        return self.sleep_s(seconds, *alive)

    def sleep_s(self, seconds: float, *alive: Membership) -> list[bool]:
        """Let time pass in which nobody beats."""
        self.now += timedelta(seconds=seconds)
        if self.database.is_server:
            # Its own clock counts there, and that one cannot be set: what was written becomes older instead.
            with self.database.write() as connection:
                connection.execute(update(node).values(heartbeat_at=node.c.heartbeat_at - seconds))
        return [member.beat() for member in alive]


class TakesOver(MemoryEngine):
    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    def take_over(self, run_id: str) -> bool:
        self.taken.append(run_id)
        return True


@pytest.fixture
def team(database: Database) -> Iterator[Team]:
    yield Team(database)


def test_a_daemon_that_stops_beating_loses_its_runs_to_one_that_lives(team: Team) -> None:
    mac, server = team.daemon("mac"), team.daemon("server")
    team.run_held_by(mac)
    team.pass_s(LOST_AFTER_S - 1, server)
    assert server.take_over() == []
    team.pass_s(2, server)
    assert server.take_over() == [RUN] == team.engine.taken
    assert team.owner() == server.executor_id
    assert server.take_over() == []


def test_whoever_was_declared_lost_learns_it_and_can_close_nothing_any_more(team: Team) -> None:
    mac, server = team.daemon("mac"), team.daemon("server")
    team.run_held_by(mac)
    team.pass_s(LOST_AFTER_S + 1, server)
    server.take_over()
    assert mac.beat() is False
    assert team.closes(mac.executor_id) is False
    assert team.closes(server.executor_id) is True


@pytest.fixture
def on_one_machine(tmp_path: Path) -> Iterator[Team]:
    """Daemons whose clock is that of their machine."""
    database = Database(tmp_path / "harness.db")
    database.migrate()
    yield Team(database)
    database.close()


@pytest.mark.parametrize("jump_s", [8 * 3600, 3600, -2, -86_400])
def test_whoever_slept_or_had_its_clock_set_declares_nobody_lost_that_lives(on_one_machine: Team, jump_s: int) -> None:
    team = on_one_machine
    mac, server = team.daemon("mac"), team.daemon("server")
    team.run_held_by(mac)
    team.sleep_s(jump_s)
    assert server.take_over() == []  # it has not even beaten yet
    server.beat()
    assert server.take_over() == []
    mac.beat()
    team.pass_s(LOST_AFTER_S + 1, server, mac)
    assert server.take_over() == []
    assert team.owner() == mac.executor_id


@pytest.mark.parametrize("jump_s", [8 * 3600, -86_400])
def test_a_daemon_that_died_while_the_clock_was_set_is_still_found(on_one_machine: Team, jump_s: int) -> None:
    team = on_one_machine
    mac, server = team.daemon("mac"), team.daemon("server")
    team.run_held_by(mac)
    team.sleep_s(jump_s, server)
    team.pass_s(LOST_AFTER_S + 1, server)
    assert server.take_over() == [RUN]


def test_a_node_that_beats_while_it_is_judged_is_not_lost(database: Database) -> None:
    team = Team(database)
    mac = team.daemon("mac")
    with database.write() as connection:
        (as_read,) = all_nodes(connection)
        beat(connection, mac.executor_id, as_read.heartbeat_at + 1)
        was_closed = close_node(connection, mac.executor_id, "lost", "", 0.0, last_beat_at=as_read.heartbeat_at)
    assert not was_closed
    assert mac.beat()


def test_a_daemon_that_leaves_hands_its_runs_over_at_once(team: Team) -> None:
    mac, server = team.daemon("mac"), team.daemon("server")
    team.run_held_by(mac)
    mac.leave()
    assert server.take_over() == [RUN]


def test_a_restart_is_a_new_life_that_goes_on_with_what_the_old_one_held(team: Team) -> None:
    before = team.daemon("mac")
    team.run_held_by(before)
    after = team.daemon("mac")
    assert (before.executor_id, after.executor_id) == ("id-mac.1", "id-mac.2")
    assert after.take_over(only_own=True) == [RUN]
    assert team.owner() == "id-mac.2"


def test_a_command_that_does_one_run_takes_over_nothing_of_other_installations(team: Team) -> None:
    mac, command = team.daemon("mac"), team.daemon("laptop")
    team.run_held_by(mac)
    team.pass_s(LOST_AFTER_S + 1, command)
    assert command.take_over(only_own=True) == []


def test_a_run_that_is_bound_to_a_node_waits_for_it(team: Team) -> None:
    mac, server = team.daemon("mac"), team.daemon("server")
    team.run_held_by(mac, bound_to="mac")
    team.pass_s(LOST_AFTER_S + 1, server)
    assert server.take_over() == []
    assert team.daemon("mac").take_over(only_own=True) == [RUN]


def test_a_run_of_another_version_of_the_workflow_is_not_taken_over(team: Team) -> None:
    mac, newer = team.daemon("mac"), team.daemon("server", workflow_version=2)
    team.run_held_by(mac)
    team.pass_s(LOST_AFTER_S + 1, newer)
    assert newer.take_over() == []
    assert team.owner() == mac.executor_id


def test_lives_that_are_long_over_are_forgotten_and_those_that_hold_a_run_are_not(team: Team) -> None:
    first = team.daemon("mac")
    team.run_held_by(first)
    for _ in range(10):
        team.pass_s(1)
        team.daemon("mac")
    with team.database.read() as connection:
        lives = [row.executor_id for row in all_nodes(connection)]
    assert len(lives) == 6
    assert first.executor_id in lives


def test_every_life_has_an_id_that_no_other_one_had(team: Team) -> None:
    ids = []
    for _ in range(12):
        team.pass_s(1)
        ids.append(team.daemon("mac").executor_id)
    assert len(set(ids)) == 12
