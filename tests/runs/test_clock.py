from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.domain.run import Fire, FireKind, FireState, RunState
from harness.domain.workspace import Workspace
from harness.runs.clock import fire_now, next_slot, sync_jobs, tick
from harness.store.database import Database
from harness.store.fires import fires_between, job_states
from harness.store.incidents import open_incidents
from harness.store.runs import runs_in
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import load

EIGHT = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)
"""08:00 in Los Angeles, when scout/morning is due."""


class Schedule:
    """The tick over a real database and a workspace whose job file a test rewrites."""

    def __init__(self, root: Path, database: Database) -> None:
        self.root = root
        self.database = database

    def job(self, front_matter: str, name: str = "morning") -> None:
        text = f"---\n{front_matter}\ndeliver: digest\n---\nReport.\n"
        write_workspace_files(self.root, {f"agents/scout/jobs/{name}.md": text})

    def workspace(self) -> Workspace:
        loaded = load(self.root, {}, now=EIGHT)
        assert not loaded.findings
        return loaded.workspace

    def sync(self, now: datetime) -> None:
        sync_jobs(self.database, self.workspace(), now, 1)

    def tick(self, now: datetime) -> None:
        tick(self.database, self.workspace(), now, 1)

    def ledger(self) -> list[tuple[str, str]]:
        return [(f"{fire.due_at:%d %H:%M}", str(fire.state)) for fire in self.fires()]

    def fires(self) -> list[Fire]:
        with self.database.read() as connection:
            return fires_between(connection, EIGHT - timedelta(days=30), EIGHT + timedelta(days=30))


@pytest.fixture
def schedule(tmp_path: Path, database: Database) -> Iterator[Schedule]:
    made = Schedule(write_workspace_files(tmp_path / "workspace"), database)
    made.job("schedule: daily 08:00")
    yield made


def test_nothing_before_a_job_was_known_is_expected_of_it(schedule: Schedule) -> None:
    schedule.sync(EIGHT + timedelta(minutes=1))
    schedule.tick(EIGHT + timedelta(hours=1))
    assert schedule.ledger() == []
    assert next_slot(schedule.database) == EIGHT + timedelta(days=1)


def test_a_slot_gets_its_fire_and_its_queued_run_at_its_time_and_not_before(schedule: Schedule) -> None:
    schedule.sync(EIGHT - timedelta(hours=1))
    schedule.tick(EIGHT - timedelta(seconds=1))
    assert schedule.ledger() == []
    schedule.tick(EIGHT)
    assert schedule.ledger() == [("21 16:00", "planned")]
    with schedule.database.read() as connection:
        (run,) = runs_in(connection, RunState.QUEUED)
    assert run.id == f"cron:scout/morning:{int(EIGHT.timestamp())}"


def test_ticking_again_and_a_clock_set_back_fire_nothing_twice(schedule: Schedule) -> None:
    schedule.sync(EIGHT - timedelta(hours=1))
    for now in (EIGHT, EIGHT, EIGHT - timedelta(minutes=30), EIGHT + timedelta(seconds=1)):
        schedule.tick(now)
    assert schedule.ledger() == [("21 16:00", "planned")]


POLICIES: Mapping[str, list[tuple[str, str]]] = {
    "{run: latest, within: 3h}": [("21 13:00", "missed"), ("21 14:00", "missed"), ("21 15:00", "planned")],
    "{run: all, within: 3h}": [("21 13:00", "planned"), ("21 14:00", "planned"), ("21 15:00", "planned")],
    "{run: all, within: 90m}": [("21 13:00", "missed"), ("21 14:00", "planned"), ("21 15:00", "planned")],
    "{run: none}": [("21 13:00", "missed"), ("21 14:00", "missed"), ("21 15:00", "missed")],
}


@pytest.mark.parametrize("policy", POLICIES)
def test_every_slot_that_passed_while_nobody_was_up_gets_its_row_by_policy(schedule: Schedule, policy: str) -> None:
    schedule.job(f"schedule: '0 * * * *'\nif_missed: {policy}")
    schedule.sync(EIGHT - timedelta(hours=3, minutes=30))
    schedule.tick(EIGHT - timedelta(minutes=30))
    assert schedule.ledger() == POLICIES[policy]


def test_a_missed_slot_says_why_and_is_an_incident(schedule: Schedule) -> None:
    schedule.job("schedule: daily 08:00\nif_missed: {run: latest, within: 3h}")
    schedule.sync(EIGHT - timedelta(hours=1))
    schedule.tick(EIGHT + timedelta(hours=5, minutes=10))
    (fire,) = schedule.fires()
    assert fire.reason == "5 h 10 min late; if_missed allows 3 h"
    assert fire.closed_at is not None
    with schedule.database.read() as connection:
        assert [incident.cause for incident in open_incidents(connection)] == ["missed scout/morning"]


def test_a_new_schedule_counts_from_the_edit_and_settles_what_the_old_one_had_due(schedule: Schedule) -> None:
    schedule.sync(EIGHT - timedelta(hours=1))
    schedule.job("schedule: daily 10:00")
    schedule.sync(EIGHT + timedelta(minutes=5))
    assert schedule.ledger() == [("21 16:00", "missed")]
    assert schedule.fires()[0].reason == "the schedule was changed before it was fired"
    schedule.tick(EIGHT + timedelta(hours=2))
    assert schedule.ledger() == [("21 16:00", "missed"), ("21 18:00", "planned")]


def test_a_removed_job_is_expected_no_more_and_keeps_its_fires(schedule: Schedule) -> None:
    schedule.sync(EIGHT - timedelta(hours=1))
    schedule.tick(EIGHT)
    schedule.job("schedule: daily 23:00", name="other")
    write_workspace_files(schedule.root, {"agents/scout/jobs/morning.md": None})
    schedule.sync(EIGHT + timedelta(hours=1))
    schedule.tick(EIGHT + timedelta(days=1))
    assert ("21 16:00", "planned") in schedule.ledger()
    with schedule.database.read() as connection:
        assert list(job_states(connection)) == ["scout/other"]


def test_a_one_shot_that_passed_while_nobody_was_up_runs_within_its_grace(schedule: Schedule) -> None:
    schedule.job("schedule: once 2026-11-21 08:00\nif_missed: {run: latest, within: 2h}")
    schedule.sync(EIGHT + timedelta(hours=1))
    assert schedule.ledger() == [("21 16:00", "planned")]
    schedule.tick(EIGHT + timedelta(days=2))
    assert schedule.ledger() == [("21 16:00", "planned")]


def test_two_daemons_that_tick_the_same_slot_make_one_fire(schedule: Schedule) -> None:
    other = Database.connect(schedule.database.address)
    schedule.sync(EIGHT - timedelta(hours=1))
    workspace = schedule.workspace()
    for _ in range(50):
        tick(schedule.database, workspace, EIGHT, 1)
        tick(other, workspace, EIGHT, 1)
    other.close()
    assert len(schedule.fires()) == 1


def test_two_fires_by_hand_in_one_second_are_two_fires(schedule: Schedule) -> None:
    workspace = schedule.workspace()
    job = workspace.job("scout/morning")
    with schedule.database.write() as connection:
        ids = [fire_now(connection, workspace, job, EIGHT, 1, inputs={}, options={}) for _ in range(3)]
        later = fire_now(connection, workspace, job, EIGHT + timedelta(seconds=9), 1, inputs={}, options={})
        between = fire_now(connection, workspace, job, EIGHT + timedelta(seconds=1), 1, inputs={}, options={})
    seconds = [int(run_id.rpartition(":")[2]) - int(EIGHT.timestamp()) for run_id in (*ids, later, between)]
    assert seconds == [0, 1, 2, 9, 3]
    assert {fire.kind for fire in schedule.fires()} == {FireKind.MANUAL}
    assert {fire.state for fire in schedule.fires()} == {FireState.PLANNED}
