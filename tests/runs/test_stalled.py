"""A run that something hangs in is noticed, and one that only takes its time is not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.run import FireState
from harness.domain.settings import Settings
from harness.domain.workspace import Workspace
from harness.ports import Engine, RecordedStep
from harness.pytest_plugin import Workbench
from harness.runs.by_hand import fire_for, start_by_hand
from harness.runs.recovery import Reconciler
from harness.runs.stalled import StalledRuns
from harness.runs.wall_clock import WallClock
from harness.runs.workflow_version import WORKFLOW_VERSION

NOW = datetime(2026, 11, 20, 16, tzinfo=UTC)
JOB = Job("scout", "morning", "agents/scout/jobs/morning.md", (), "UTC", timeout_s=600)
LOOK_S = 15.0
LIMIT_S = 600 + 300


class Records:
    """What an engine has kept of a run, and how often it was read."""

    def __init__(self) -> None:
        self.steps: list[RecordedStep] = []
        self.reads = 0

    def recorded(self, _run_id: str) -> tuple[RecordedStep, ...]:
        self.reads += 1
        return tuple(self.steps)

    def end_step(self, kind: str, at: datetime) -> None:
        self.steps.append(RecordedStep(len(self.steps) + 1, kind, kind, "", ended_at=at.timestamp()))


class World:
    """A run under way, looked at every fifteen seconds."""

    def __init__(self) -> None:
        self.records = Records()
        self.awake_s = 0.0
        self.now = NOW
        jobs = {"morning": JOB}
        workspace = Workspace(Path("w"), Settings(home_zone="UTC"), agents={"scout": Agent("scout", "", "", "", jobs)})
        self.stalled = StalledRuns(
            cast(Engine, self.records),
            lambda: workspace,
            stopwatch=lambda: self.awake_s,
            records_now=lambda: self.now,
        )

    def look(self, *, slept_s: float = 0.0, awake_s: float = LOOK_S) -> str | None:
        self.awake_s += awake_s
        self.now += timedelta(seconds=awake_s + slept_s)
        return self.stalled.why_stalled("r", "scout/morning", self.now)

    def look_for(self, seconds: float) -> str | None:
        for _ in range(int(seconds / LOOK_S)):
            reason = self.look()
            if reason is not None:
                return reason
        return None


def test_a_run_that_finishes_no_step_for_its_timeout_and_five_minutes_is_stalled() -> None:
    world = World()
    world.records.end_step("collect", NOW)
    world.look(awake_s=0)
    assert world.look_for(LIMIT_S) is None
    reason = world.look()
    assert reason is not None
    assert reason.startswith(
        "it made no progress since Fri 16:00: nothing after its step 'collect' has ended within 15 min"
    )
    assert world.records.reads == 1


def test_a_run_that_goes_on_is_never_stalled_however_long_it_takes() -> None:
    world = World()
    for _ in range(20):
        assert world.look_for(LIMIT_S * 2 / 3) is None
        world.records.end_step("model", world.now)


def test_the_silence_is_counted_from_the_end_of_the_last_step() -> None:
    world = World()
    world.look(awake_s=0)
    world.look_for(600)
    ended = world.now
    world.records.end_step("tool", ended)
    assert world.look_for(LIMIT_S) is None
    reason = world.look()
    assert reason is not None
    assert f"since {ended:%a %H:%M}" in reason


def test_the_night_that_the_machine_slept_does_not_count() -> None:
    world = World()
    world.look()
    assert world.look(slept_s=8 * 3600) is None
    # Where the stopwatch runs on in the sleep of the machine, or while the process is stopped.
    assert world.look(awake_s=8 * 3600) is None
    assert world.look_for(LIMIT_S - 200) is None


def test_a_run_that_was_taken_up_again_has_its_whole_time() -> None:
    world = World()
    world.records.end_step("collect", NOW - timedelta(hours=9))
    world.look(awake_s=0)
    assert world.look_for(LIMIT_S) is None
    assert world.look() is not None
    world.stalled.forget_all_but(set())
    assert world.look_for(LIMIT_S) is None


def test_a_job_whose_file_is_gone_is_given_the_default_time() -> None:
    world = World()
    assert world.stalled.why_stalled("r", "scout/gone", NOW) is None
    for _ in range(80):
        world.awake_s += LOOK_S
        assert world.stalled.why_stalled("r", "scout/gone", NOW) is None
    world.awake_s += LOOK_S
    assert world.stalled.why_stalled("r", "scout/gone", NOW) is not None


def test_a_run_that_hangs_is_cancelled_closed_as_failed_and_its_agent_works_on(workbench: Workbench) -> None:
    """The feed never answers and its own time limit is far away: as a tool that never returns."""
    links = workbench.serve_stories(2)
    hanging = workbench.web.silence("/hanging.xml")
    workbench.write({
        "shared-context/feeds/slow.md": f"- [Slow]({hanging})\n",
        "harness.toml": (workbench.root / "harness.toml").read_text() + "\n[sources]\ntimeout = \"1h\"\n",
        "agents/scout/jobs/slow.md": "---\nschedule: daily 03:00\nread: [feeds/slow]\ntimeout: 10m\n---\nReport.\n",
    })  # fmt: skip
    system = workbench.system
    awake = [0.0]
    begun_at = WallClock().now()
    stalled = StalledRuns(
        system.engine,
        system.workspace,
        stopwatch=lambda: awake[0],
        records_now=lambda: begun_at + timedelta(seconds=awake[0]),
    )
    reconciler = Reconciler(
        system.database, system.engine, system.membership, workflow_version=WORKFLOW_VERSION, stalled=stalled
    )
    run_id = start_by_hand(system.database, system.workspace(), "scout/slow", workbench.clock.now(), inputs={})
    system.dispatcher.dispatch()
    wait_for(lambda: workbench.web.count("/hanging.xml") == 1)
    for _ in range(int(LIMIT_S / LOOK_S) + 1):
        assert reconciler.reconcile(workbench.clock.now()) == []
        awake[0] += LOOK_S
    # What it has recorded at its beginning is read only now, and counts from then.
    awake[0] += 60
    assert reconciler.reconcile(workbench.clock.now()) == [run_id]
    fire = fire_for(system.database, run_id)
    assert fire.state is FireState.FAILED
    assert "it made no progress since" in fire.reason
    wait_for(lambda: not system.engine.is_executing(run_id))
    assert workbench.run().state is FireState.DELIVERED
    assert links


def wait_for(claim: Callable[[], bool]) -> None:
    pause = threading.Event()
    assert any(claim() or pause.wait(0.02) for _ in range(1500))
