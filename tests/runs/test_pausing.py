"""What is paused is not started by the schedule; what keeps failing is paused by the harness."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harness.domain.cause import disabled_cause
from harness.domain.pause import THE_HARNESS, job_scope
from harness.domain.run import FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.pausing import pause, pause_failing_jobs, resume
from harness.store.incidents import open_incidents
from harness.store.pauses import all_pauses
from harness.store.streaks import failing_jobs
from harness.testing.web_server import WebReply

EIGHT = NOW + timedelta(minutes=1)
JOB = "scout/morning"
DAY = timedelta(days=1)


def _job(more: str = "", schedule: str = "daily 08:00") -> dict[str, str | None]:
    text = (
        f"---\nschedule: {schedule}\nread: [feeds/ai]\ndeliver: digest\nattempts: 1\n{more}\n---\nRank what changed.\n"
    )
    return {"agents/scout/jobs/morning.md": text}


def _break(workbench: Workbench, more: str = "") -> None:
    url = workbench.web.serve("/gone.xml", WebReply(b"gone", status=404))
    workbench.write({"shared-context/feeds/ai.md": f"- [Gone]({url})\n", **_job(more)})


def _pause(workbench: Workbench, scope: str, reason: str = "on holiday") -> bool:
    return pause(workbench.system.database, scope, "Sam", reason, workbench.clock.now())[1]


def _pause_failing(workbench: Workbench) -> list[str]:
    system = workbench.system
    return pause_failing_jobs(system.database, system.workspace(), workbench.clock.now())


def _failures(workbench: Workbench) -> int:
    with workbench.system.database.read() as connection:
        return failing_jobs(connection).get(JOB, 0)


def _incidents(workbench: Workbench) -> list[str]:
    with workbench.system.database.read() as connection:
        return [incident.cause for incident in open_incidents(connection)]


@pytest.mark.parametrize("scope", ["all", "agent:scout", "job:scout/morning"])
def test_a_slot_of_what_is_paused_is_skipped_with_who_and_why_and_the_next_after_runs(
    workbench: Workbench, scope: str
) -> None:
    workbench.serve_stories(3)
    assert _pause(workbench, scope)
    workbench.tick_at(EIGHT)
    assert resume(workbench.system.database, scope, workbench.clock.now()) is not None
    workbench.tick_at(EIGHT + DAY)
    skipped, ran = workbench.fires()
    assert (skipped.state, skipped.run_id) == (FireState.SKIPPED, None)
    assert "by Sam since Sat 21 Nov 07:59: on holiday" in skipped.reason
    assert ran.state is FireState.DELIVERED


def test_by_hand_a_paused_job_runs(workbench: Workbench) -> None:
    workbench.serve_stories(3)
    _pause(workbench, "all")
    assert workbench.run().state is FireState.DELIVERED


def test_pausing_what_is_paused_and_resuming_what_is_not_changes_nothing(workbench: Workbench) -> None:
    assert _pause(workbench, "all", "first")
    assert not _pause(workbench, "all", "second")
    database = workbench.system.database
    ended = resume(database, "all", NOW)
    assert ended is not None
    assert ended.reason == "first"
    assert resume(database, "all", NOW) is None


def test_a_job_that_keeps_failing_is_paused_until_the_person_resumes_it(workbench: Workbench) -> None:
    _break(workbench, "disable_after: 3")
    for day in range(5):
        workbench.tick_at(EIGHT + day * DAY)
        assert _pause_failing(workbench) == ([JOB] if day == 2 else [])
    states = [fire.state for fire in workbench.fires()]
    assert states == [FireState.FAILED] * 3 + [FireState.SKIPPED] * 2
    with workbench.system.database.read() as connection:
        row = all_pauses(connection)[job_scope(JOB)]
    assert (row.paused_by, row.is_automatic) == (THE_HARNESS, True)
    assert row.reason.startswith("failed 3 times in a row, the last: nothing could be collected")
    assert disabled_cause(JOB) in _incidents(workbench)
    assert "harness jobs resume" not in workbench.fires()[-1].reason
    resume(workbench.system.database, job_scope(JOB), workbench.clock.now())
    assert disabled_cause(JOB) not in _incidents(workbench)
    assert _failures(workbench) == 0
    workbench.tick_at(EIGHT + 5 * DAY)
    assert workbench.fires()[-1].state is FireState.FAILED
    assert _pause_failing(workbench) == []


def test_a_success_by_hand_does_not_end_the_pause_of_a_job_that_kept_failing(workbench: Workbench) -> None:
    _break(workbench, "disable_after: 1")
    workbench.tick_at(EIGHT)
    assert _pause_failing(workbench) == [JOB]
    workbench.serve_stories(3)
    workbench.system.workspace.reload()
    assert workbench.run().state is FireState.DELIVERED
    assert _incidents(workbench) == [disabled_cause(JOB)]


def test_a_success_starts_the_count_anew(workbench: Workbench) -> None:
    _break(workbench, "disable_after: 2")
    workbench.tick_at(EIGHT)
    assert _failures(workbench) == 1
    workbench.serve_stories(3)
    workbench.system.workspace.reload()
    workbench.tick_at(EIGHT + DAY)
    assert _failures(workbench) == 0


def test_runs_by_hand_and_previews_bring_no_job_nearer_to_being_paused(workbench: Workbench) -> None:
    _break(workbench, "disable_after: 1")
    assert workbench.run().state is FireState.FAILED
    workbench.clock.jump_to(NOW + timedelta(seconds=5))
    workbench.run(preview=True)
    assert _failures(workbench) == 0
    assert _pause_failing(workbench) == []


def test_slots_that_are_skipped_count_neither_way(workbench: Workbench) -> None:
    _break(workbench, "disable_after: 2")
    workbench.tick_at(EIGHT)
    _pause(workbench, "all")
    workbench.tick_at(EIGHT + DAY)
    assert _failures(workbench) == 1


def test_the_team_sets_the_limit_where_the_job_does_not(workbench: Workbench) -> None:
    settings = (workbench.root / "harness.toml").read_text()
    workbench.write({"harness.toml": f"{settings}\n[alerts]\ndisable_after = 1\n"})
    _break(workbench)
    workbench.tick_at(EIGHT)
    assert _pause_failing(workbench) == [JOB]


@pytest.mark.parametrize(("of_team", "of_job"), [('"never"', ""), ("1", "disable_after: never")])
def test_a_job_that_is_never_to_be_paused_is_not(workbench: Workbench, of_team: str, of_job: str) -> None:
    settings = (workbench.root / "harness.toml").read_text()
    workbench.write({"harness.toml": f"{settings}\n[alerts]\ndisable_after = {of_team}\n"})
    _break(workbench, of_job)
    for day in range(12):
        workbench.tick_at(EIGHT + day * DAY)
    assert _failures(workbench) == 12
    assert _pause_failing(workbench) == []


def test_housekeeping_is_never_paused_by_the_harness(workbench: Workbench) -> None:
    text = "---\nschedule: daily 08:00\naction: self-check\ndisable_after: 1\nattempts: 1\n---\n"
    workbench.write({"agents/scout/jobs/morning.md": text})
    system = workbench.system
    with system.database.write() as connection:
        connection.exec_driver_sql("UPDATE job_state SET failures_in_a_row = 99")
    assert _pause_failing(workbench) == []
