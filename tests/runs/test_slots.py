"""What becomes of slots where a job overlaps itself, has a deadline, a priority, or is paused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from harness.domain.job import Job, Overlap, Priority
from harness.domain.pause import PauseRow, job_scope
from harness.domain.run import FireState, RunState
from harness.domain.schedule import Cron
from harness.domain.settings import Here
from harness.domain.workspace import Workspace
from harness.runs.clock import sync_jobs, tick
from harness.runs.deadlines import enforce_deadlines
from harness.store.database import Database
from harness.store.fires import fires_between
from harness.store.incidents import open_incidents
from harness.store.pauses import add_pause
from harness.store.runs import claim_runs, runs_in
from harness.testing.engine import MemoryEngine
from tests.runs.test_clock import EIGHT, Schedule, schedule

__all__ = ["schedule"]  # the fixture
HOUR = timedelta(hours=1)


class Team:
    """Ticks over a workspace whose one hourly job is changed by hand."""

    def __init__(self, schedule: Schedule) -> None:
        schedule.job("schedule: every 1h")
        self.database: Database = schedule.database
        self.root = schedule
        self.workspace: Workspace = schedule.workspace()

    def change(self, **fields: object) -> None:
        job: Job = replace(self.workspace.job("scout/morning"), **fields)  # type: ignore[arg-type]
        agent = replace(self.workspace.agents["scout"], jobs={"morning": job})
        self.workspace = replace(self.workspace, agents={"scout": agent})

    def expect(self) -> None:
        sync_jobs(self.database, self.workspace, EIGHT - HOUR / 2, 1)

    def tick(self, hours: float) -> None:
        tick(self.database, self.workspace, EIGHT + hours * HOUR, 1)

    def claim(self) -> list[str]:
        with self.database.write() as connection:
            return [run.id for run in claim_runs(connection, "node-1.1", 8, EIGHT)]

    def ledger(self) -> list[tuple[str, str]]:
        with self.database.read() as connection:
            fires = fires_between(connection, EIGHT - HOUR, EIGHT + 24 * HOUR)
        return [(str(fire.state), fire.reason) for fire in fires]


@pytest.fixture
def team(schedule: Schedule) -> Team:
    return Team(schedule)


@pytest.mark.parametrize(
    ("overlap", "first", "second"),
    [("queue", "planned", "planned"), ("skip", "planned", "skipped"), ("cancel_running", "cancelled", "planned")],
)
def test_a_slot_that_comes_while_the_job_is_at_work_follows_its_policy(
    team: Team, overlap: Overlap, first: str, second: str
) -> None:
    team.change(overlap=overlap)
    team.expect()
    team.tick(0)
    team.tick(1)
    assert [state for state, _ in team.ledger()] == [first, second]
    if "skipped" in second:
        assert team.ledger()[1][1] == f"the job is still at work (cron:scout/morning:{EIGHT:%s}); overlap: skip"


def test_a_running_run_that_the_next_one_replaces_is_marked_for_its_holder(team: Team) -> None:
    team.change(overlap="cancel_running")
    team.expect()
    team.tick(0)
    team.claim()
    team.tick(1)
    with team.database.read() as connection:
        (running,) = runs_in(connection, RunState.RUNNING)
    assert running.cancel_reason == "the next run of scout/morning is due; overlap: cancel_running"


def test_a_paused_job_skips_what_comes_and_still_misses_what_came_before(team: Team) -> None:
    team.change(if_missed=replace(team.workspace.job("scout/morning").if_missed, run="none"))
    team.expect()
    with team.database.write() as connection:
        paused_at = (EIGHT + HOUR / 2).timestamp()
        add_pause(connection, PauseRow(job_scope("scout/morning"), "Sam", "on holiday", paused_at))
    team.tick(2.5)
    assert [state for state, _ in team.ledger()] == ["missed", "skipped", "skipped"]
    assert "paused by Sam" in team.ledger()[1][1]
    assert "on holiday" in team.ledger()[1][1]


@pytest.mark.parametrize(("priority", "first"), [("high", "scout/urgent"), ("low", "scout/morning")])
def test_the_more_urgent_job_of_an_agent_goes_first(team: Team, priority: Priority, first: str) -> None:
    team.root.job("schedule: every 1h", "urgent")
    workspace = team.root.workspace()
    agent = workspace.agents["scout"]
    jobs = {**agent.jobs, "urgent": replace(agent.jobs["urgent"], priority=priority)}
    team.workspace = replace(workspace, agents={"scout": replace(agent, jobs=jobs)})
    team.expect()
    team.tick(0)
    (claimed,) = team.claim()
    assert first in claimed


def test_a_queued_run_over_its_deadline_is_missed_and_a_running_one_is_broken_off(team: Team) -> None:
    team.change(deadline_s=1800)
    team.expect()
    team.tick(0)
    team.claim()
    team.tick(1)
    engine = MemoryEngine()
    engine.set_state(f"cron:scout/morning:{EIGHT:%s}", "running")
    late = EIGHT + 1.75 * HOUR
    assert enforce_deadlines(team.database, engine, lambda run: True, EIGHT + HOUR / 4) == []
    assert len(enforce_deadlines(team.database, engine, lambda run: True, late)) == 2
    assert team.ledger() == [
        ("failed", "it was not finished within its deadline of 30 min"),
        ("missed", "its deadline of 30 min passed before it could begin"),
    ]
    assert engine.state(f"cron:scout/morning:{EIGHT:%s}") == "cancelled"
    with team.database.read() as connection:
        assert {incident.cause for incident in open_incidents(connection)} >= {"missed scout/morning"}
    assert enforce_deadlines(team.database, engine, lambda run: True, late + HOUR) == []


def test_what_another_daemon_is_at_work_on_is_its_own_to_break_off(team: Team) -> None:
    team.change(deadline_s=1800)
    team.expect()
    team.tick(0)
    team.claim()
    assert enforce_deadlines(team.database, MemoryEngine(), lambda run: False, EIGHT + HOUR) == []
    assert team.ledger() == [("running", "")] or team.ledger() == [("planned", "")]


def test_a_run_that_is_bound_to_a_node_is_claimed_there_only(team: Team) -> None:
    team.change(on="mac")
    team.expect()
    team.tick(0)
    with team.database.write() as connection:
        assert claim_runs(connection, "server.1", 8, EIGHT, node="server") == []
        assert len(claim_runs(connection, "mac.1", 8, EIGHT, node="mac")) == 1


def test_a_new_job_with_a_one_shot_that_has_passed_fires_it_and_nothing_that_recurs(team: Team) -> None:
    team.root.job("schedule: [daily 07:00, once 2026-11-21 06:30]")
    workspace = team.root.workspace()
    sync_jobs(team.database, workspace, EIGHT, 1)
    with team.database.read() as connection:
        fires = fires_between(connection, EIGHT - 24 * HOUR, EIGHT + HOUR)
    assert [(fire.due_at, fire.state) for fire in fires] == [(EIGHT - 1.5 * HOUR, FireState.PLANNED)]


def test_what_was_due_at_home_after_a_stay_that_ended_while_nobody_was_up_is_made_up_for(team: Team) -> None:
    """Berlin until the 21st; the laptop slept from the 21st to the 22nd, 09:00 in Los Angeles."""
    settings = replace(team.workspace.settings, here=Here("Europe/Berlin", date(2026, 11, 21)))
    team.workspace = replace(team.workspace, settings=settings)
    daily = {"schedules": (Cron("0 8 * * *"),), "schedule_text": "daily 08:00", "follows_person": True}
    team.change(**daily, zone="Europe/Berlin")
    before_sleep = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    sync_jobs(team.database, team.workspace, before_sleep, 1)
    team.change(**daily, zone="America/Los_Angeles")
    sync_jobs(team.database, team.workspace, datetime(2026, 11, 22, 17, 0, tzinfo=UTC), 1)
    with team.database.read() as connection:
        fires = fires_between(connection, before_sleep, before_sleep + 48 * HOUR)
    # Home since midnight in Berlin: 08:00 in Los Angeles came on the 22nd only.
    assert [(fire.due_at.isoformat(), str(fire.state)) for fire in fires] == [("2026-11-22T16:00:00+00:00", "planned")]


def test_a_daemon_whose_file_says_otherwise_leaves_the_job_to_the_one_that_agrees(team: Team) -> None:
    team.expect()
    behind = team.workspace
    team.root.job("schedule: every 2h")
    sync_jobs(team.database, team.root.workspace(), EIGHT - HOUR / 4, 1)
    tick(team.database, behind, EIGHT, 1)
    assert team.ledger() == []
    tick(team.database, team.root.workspace(), EIGHT, 1)
    assert [state for state, _ in team.ledger()] == ["planned"]


def test_a_shared_schedule_keeps_what_only_the_other_workspace_has(team: Team) -> None:
    team.expect()
    sync_jobs(team.database, replace(team.workspace, agents={}), EIGHT, 1, is_shared=True)
    team.tick(0)
    assert [state for state, _ in team.ledger()] == ["planned"]


def test_an_agent_is_at_work_once_over_all_daemons(team: Team) -> None:
    team.root.job("schedule: every 1h", "second")
    team.workspace = team.root.workspace()
    team.expect()
    team.tick(0)
    assert len(team.claim()) == 1
    with team.database.write() as connection:
        assert claim_runs(connection, "other.1", 8, EIGHT) == []
