from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from harness.domain.run import FireState
from harness.domain.settings import Retention
from harness.pytest_plugin import NOW, Workbench
from harness.runs.retention import Retained, retain
from harness.runs.run_folders import run_folders
from harness.store.expiry import runs_to_forget
from harness.store.peek import peek
from harness.testing.engine import MemoryEngine

JOB = "---\nschedule: every 1h\nread: [feeds/ai]\ndeliver: digest\n---\nReport.\n"
FIRST = NOW + timedelta(minutes=1)
KILLED = """\
import os, signal, sys
from datetime import datetime
from pathlib import Path
from harness.runs.retention import retain
from harness.runs import run_folders
from harness.store.database import Database
from harness.store.state_folder import StateFolder
from harness.domain.workspace import Workspace
from harness.domain.settings import Settings
class Engine:
    def forget(self, run_ids):
        if sys.argv[2] == "steps":
            os.kill(os.getpid(), signal.SIGKILL)
    def state(self, run_id):
        return None
root = Path(sys.argv[1])
state = StateFolder(root / ".harness")
if sys.argv[2] == "files":
    def hook(event, args):
        if event == "os.remove" and "digest" in str(args[0]):
            os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
retain(Database(state.database), Engine(), state, Workspace(root, Settings()), datetime.fromisoformat(sys.argv[3]))
"""


@pytest.fixture
def hours(workbench: Workbench) -> Workbench:
    """Three hourly runs of a job that read and delivered something."""
    for hour in range(3):
        workbench.serve_stories(2 + hour)
        workbench.write({"agents/scout/jobs/morning.md": JOB})
        workbench.tick_at(FIRST + timedelta(hours=hour))
    assert [fire.state for fire in workbench.fires()] == [FireState.DELIVERED] * 3
    return workbench


def retain_at(workbench: Workbench, moment: datetime) -> Retained:
    system = workbench.system
    return retain(system.database, system.engine, system.state, system.workspace(), moment)


def steps_of(workbench: Workbench) -> list[int]:
    return [len(workbench.system.engine.recorded(fire.run_id or "")) for fire in workbench.fires()]


def artifacts_of(workbench: Workbench) -> list[bool]:
    root = workbench.system.state.root
    return [fire.artifact is not None and (root / fire.artifact).exists() for fire in workbench.fires()]


def value(workbench: Workbench, query: str) -> object:
    with workbench.system.database.read() as connection:
        return connection.execute(text(query)).scalar()


def test_nothing_goes_while_it_is_young(hours: Workbench) -> None:
    assert retain_at(hours, NOW + timedelta(days=80)) == Retained(0, 0, 0, 0)
    assert all(steps_of(hours))
    assert all(artifacts_of(hours))


def test_steps_manifests_and_closed_deliveries_go_after_ninety_days_and_the_ledger_stays(hours: Workbench) -> None:
    before = hours.fires()
    retained = retain_at(hours, NOW + timedelta(days=91))
    assert retained.runs == 3
    assert steps_of(hours) == [0, 0, 0]
    assert hours.fires() == before
    assert (value(hours, "SELECT COUNT(*) FROM run"), value(hours, "SELECT COUNT(*) FROM outbox")) == (3, 0)
    assert value(hours, "SELECT COUNT(manifest) FROM run") == 0
    assert value(hours, "SELECT COUNT(*) FROM workflow_status") == 0
    assert value(hours, "SELECT COUNT(*) FROM operation_outputs") == 0
    assert retain_at(hours, NOW + timedelta(days=91, hours=1)).runs == 0


@pytest.mark.parametrize("status", ["PENDING", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"])
def test_run_that_only_the_ledger_has_ended_is_ended_in_the_engine_and_goes(hours: Workbench, status: str) -> None:
    run_id = hours.fires()[0].run_id
    with hours.system.database.write() as connection:
        connection.execute(
            text("UPDATE workflow_status SET status = :status, application_version = '0' WHERE workflow_uuid = :run"),
            {"status": status, "run": run_id},
        )
    assert hours.system.engine.state(run_id or "") == "stranded"
    retained = retain_at(hours, NOW + timedelta(days=91))
    assert (retained.runs, retained.problem) == (3, "")
    assert value(hours, "SELECT COUNT(*) FROM workflow_status") == 0
    assert value(hours, "SELECT COUNT(*) FROM operation_outputs") == 0


def test_run_that_the_engine_does_not_let_go_is_told_and_tried_again_and_keeps_no_other(crowd: Workbench) -> None:
    class Clings(MemoryEngine):
        def forget(self, run_ids: Sequence[str]) -> None:
            super().forget([run_id for run_id in run_ids if run_id not in self.clung_to])

        clung_to: Sequence[str] = [f"cron:a/b:{n}" for n in range(30)]

    system, engine = crowd.system, Clings()
    for run_id in engine.clung_to:
        engine.set_state(run_id, "running")
    retained = retain(system.database, engine, system.state, system.workspace(), NOW)
    assert retained.runs == 970
    assert retained.problem.startswith("the steps of 30 runs cannot be deleted, the first: cron:a/b:")
    engine.clung_to = []
    assert retain(system.database, engine, system.state, system.workspace(), NOW).runs == 30


def test_artifacts_go_after_half_a_year_but_never_what_another_job_may_read(hours: Workbench) -> None:
    retained = retain_at(hours, NOW + timedelta(days=190))
    assert retained.artifacts == 2
    assert retained.freed_bytes > 1000
    assert artifacts_of(hours) == [False, False, True]
    assert len(hours.delivered()) == 3, "what was delivered is the person's"


def test_the_oldest_artifacts_go_first_when_they_are_too_many(hours: Workbench) -> None:
    system, workspace = hours.system, hours.system.workspace()
    sizes = [folder.size_bytes for folder in sorted(run_folders(system.state), key=lambda folder: folder.due_at)]
    keep = Retention(artifacts_bytes=sizes[1] + sizes[2])
    small = replace(workspace, settings=replace(workspace.settings, retention=keep))
    assert retain(system.database, system.engine, system.state, small, NOW + timedelta(days=1)).artifacts == 1
    assert artifacts_of(hours) == [False, True, True]


def test_run_says_since_when_its_steps_and_artifacts_are_gone(hours: Workbench) -> None:
    at = NOW + timedelta(days=190)
    retain_at(hours, at)
    with peek(hours.system.database.address) as look:
        assert look is not None
        oldest, *_, newest = sorted(look.runs(10), key=lambda run: run.due_at)
    assert (oldest.forgotten_at, oldest.artifacts_deleted_at) == (at.timestamp(), at.timestamp())
    assert (newest.forgotten_at, newest.artifacts_deleted_at) == (at.timestamp(), None)


def test_open_fire_and_waiting_delivery_keep_everything_of_theirs(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    workbench.write({"agents/scout/jobs/morning.md": JOB})
    (workbench.root / ".harness").mkdir()
    (workbench.root / ".harness/digests").write_text("a file where the folder of the channel should be")
    workbench.tick_at(FIRST)
    assert [fire.state for fire in workbench.fires()] == [FireState.SUSPENDED]
    retained = retain_at(workbench, NOW + timedelta(days=400))
    assert (retained.runs, retained.artifacts) == (0, 0)
    assert all(steps_of(workbench))
    (workbench.root / ".harness/digests").unlink()


def test_run_that_another_one_repeats_keeps_its_steps_until_that_one_ends(hours: Workbench) -> None:
    run_id = hours.fires()[0].run_id
    with hours.system.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version,"
                " created_at, source_run)"
                " VALUES ('fork', 'a/b', 'a', 'agent', 'manual', 1, 'queued', '{}', '{}', 1, 1, :run)"
            ),
            {"run": run_id},
        )
    retain_at(hours, NOW + timedelta(days=91))
    assert [bool(steps) for steps in steps_of(hours)] == [True, False, False]


def test_what_was_seen_is_kept_as_long_as_a_contract_asks_for_it(hours: Workbench) -> None:
    assert value(hours, "SELECT COUNT(*) FROM seen_item") == 4
    job = JOB.replace("deliver: digest", "deliver: digest\ncontract: {unseen_for: 200d}")
    hours.write({"agents/scout/jobs/morning.md": job})
    hours.system.workspace.reload()
    assert retain_at(hours, NOW + timedelta(days=100)).rows == 0
    hours.write({"agents/scout/jobs/morning.md": JOB})
    hours.system.workspace.reload()
    assert retain_at(hours, NOW + timedelta(days=100)).rows == 4
    assert value(hours, "SELECT COUNT(*) FROM seen_item") == 0


def test_incidents_that_are_over_are_kept_for_a_year_and_open_ones_as_long_as_they_last(workbench: Workbench) -> None:
    incidents = workbench.system.incidents
    incidents.open("job scout/morning", "it failed")
    incidents.resolve("job scout/morning")
    incidents.open("file harness.toml", "it is broken")
    assert retain_at(workbench, NOW + timedelta(days=360)).rows == 0
    assert retain_at(workbench, NOW + timedelta(days=370)).rows == 1
    assert workbench.system.incidents.open_causes("") == ["file harness.toml"]


@pytest.mark.parametrize("moment", ["steps", "files"])
def test_retention_that_is_killed_says_what_is_gone_and_finishes_the_next_time(hours: Workbench, moment: str) -> None:
    at = NOW + timedelta(days=190)
    hours.restart()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(hours.root), moment, at.isoformat()], check=False)
    assert killed.returncode == -9
    said = value(
        hours, f"SELECT COUNT(*) FROM run WHERE {'forgotten_at' if moment == 'steps' else 'artifacts_deleted_at'} > 0"
    )
    assert said != 0, "it is said before it is done"
    retain_at(hours, at + timedelta(hours=1))
    if moment == "steps":  # the engine of the other one forgot nothing
        assert steps_of(hours) == [0, 0, 0]
    assert artifacts_of(hours) == [False, False, True]
    assert value(hours, "SELECT COUNT(*) FROM run WHERE is_forgotten = 0") == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may delete everything")
def test_file_that_cannot_be_deleted_is_a_problem_and_keeps_nothing_else(hours: Workbench) -> None:
    oldest = hours.system.state.root / (hours.fires()[0].artifact or "")
    oldest.parent.chmod(0o500)
    try:
        retained = retain_at(hours, NOW + timedelta(days=190))
    finally:
        oldest.parent.chmod(0o700)
    assert "cannot be deleted" in retained.problem
    assert artifacts_of(hours) == [True, False, True]


@pytest.fixture
def crowd(workbench: Workbench) -> Iterator[Workbench]:
    """Many runs of long ago, as rows only."""
    rows = [{"id": f"cron:a/b:{n}", "due": n} for n in range(1000)]
    with workbench.system.database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO run (id, job_id, agent, lane, kind, due_at, state, inputs, options, workflow_version,"
                " created_at, ended_at, manifest)"
                " VALUES (:id, 'a/b', 'a', 'agent', 'cron', :due, 'ended', '{}', '{}', 1, 1, 1, '{}')"
            ),
            rows,
        )
    yield workbench


def test_a_thousand_runs_are_forgotten_in_small_batches(crowd: Workbench) -> None:
    batches: list[int] = []

    class Watched(MemoryEngine):
        def forget(self, run_ids: Sequence[str]) -> None:
            batches.append(len(run_ids))

    system = crowd.system
    retained = retain(system.database, Watched(), system.state, system.workspace(), NOW)
    assert retained.runs == 1000
    assert max(batches) <= 20


def test_the_query_for_what_to_forget_reads_no_run_that_was_forgotten(crowd: Workbench) -> None:
    retain_at(crowd, NOW)
    with crowd.system.database.read() as connection:
        assert runs_to_forget(connection, NOW, 20) == []
        plan = connection.execute(
            text("EXPLAIN QUERY PLAN SELECT id FROM run WHERE is_forgotten = 0 AND ended_at < 5 ORDER BY ended_at")
        ).all()
    assert "run_unforgotten" in json.dumps([list(row) for row in plan])
