"""What a job requires and depends on, looked at before anything is collected: on real runs, files and HTTP."""

from __future__ import annotations

import json
import os
import socket
from datetime import datetime, timedelta

import pytest

from harness.delivery.digest import digest_from_json
from harness.domain.pause import PauseRow, job_scope
from harness.domain.run import Fire, FireState
from harness.pytest_plugin import NOW, Workbench
from harness.runs.by_hand import start_by_hand
from harness.store.pauses import add_pause
from harness.store.runs import run_by_id
from harness.testing.web_server import WebReply

EIGHT = NOW + timedelta(minutes=1)
NINE = EIGHT + timedelta(hours=1)
MORNING = "scout/morning"
PAGE = "scout/page"


def write_page(workbench: Workbench, front_matter: str, *, schedule: str = "daily 09:00") -> None:
    """Write the job scout/page, which delivers what it read, if its conditions hold."""
    text = f"---\nschedule: {schedule}\ndeliver: digest\n{front_matter}\n---\nReport.\n"
    workbench.write({"agents/scout/jobs/page.md": text})


def fire_of(workbench: Workbench, job_id: str = PAGE) -> Fire:
    return [fire for fire in workbench.fires() if fire.job_id == job_id][-1]


def steps_of(workbench: Workbench, fire: Fire) -> list[str]:
    return [step.kind for step in workbench.system.engine.recorded(fire.run_id or "")]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


# ── requires ─────────────────────────────────────────────────────────────────────────────────────


def test_an_address_where_nobody_listens_skips_the_run_before_anything_is_collected(
    workbench: Workbench, closed_port: int
) -> None:
    workbench.serve_stories(2)
    write_page(workbench, f"read: [feeds/ai]\nrequires: http://127.0.0.1:{closed_port}")
    workbench.tick_at(NINE)
    fire = fire_of(workbench)
    assert fire.state is FireState.SKIPPED
    assert fire.reason == f"http://127.0.0.1:{closed_port} does not answer: connection refused"
    assert steps_of(workbench, fire) == ["begin", "preflight", "close"]


@pytest.mark.parametrize(("status", "state"), [(200, "delivered"), (404, "delivered"), (401, "delivered")])
def test_any_answer_below_500_counts_as_answering(workbench: Workbench, status: int, state: str) -> None:
    workbench.serve_stories(2)
    url = workbench.web.serve("/model", WebReply(b"whatever", status=status))
    write_page(workbench, f"read: [feeds/ai]\nrequires: {url}")
    workbench.tick_at(NINE)
    assert (str(fire_of(workbench).state), fire_of(workbench).reason) == (state, "")


def test_an_answer_of_500_and_above_does_not_count(workbench: Workbench) -> None:
    url = workbench.web.serve("/model", WebReply(b"starting", status=503))
    write_page(workbench, f"requires: {url}")
    workbench.tick_at(NINE)
    assert fire_of(workbench).reason == f"{url} answered 503 Service Unavailable"


def test_an_answer_without_end_is_an_answer(workbench: Workbench) -> None:
    workbench.serve_stories(1)
    url = workbench.web.serve("/model", b"x" * 2_000_000)
    write_page(workbench, f"read: [feeds/ai]\nrequires: {url}")
    workbench.tick_at(NINE)
    assert fire_of(workbench).state is FireState.DELIVERED


def test_a_refused_address_is_told_with_the_rule_and_the_fix(workbench: Workbench) -> None:
    settings = (workbench.root / "harness.toml").read_text().replace("loopback = true", "loopback = false")
    workbench.write({"harness.toml": settings})
    url = workbench.web.serve("/model", b"up")
    write_page(workbench, f"requires: {url}")
    workbench.tick_at(NINE)
    assert fire_of(workbench).reason == (
        f"{url} was refused (egress): 127.0.0.1: 127.0.0.1 is loopback; [egress] in harness.toml can grant it"
    )
    assert workbench.web.requests == ()


def test_everything_that_is_missing_is_named(workbench: Workbench, closed_port: int) -> None:
    workbench.write({"shared-context/x.md": "Written long ago.\n"})
    os.utime(workbench.root / "shared-context/x.md", times=(NOW.timestamp() - 3 * 86_400 - 1,) * 2)
    (workbench.root / "out.md").symlink_to("/etc/hostname")
    write_page(
        workbench,
        f"requires:\n  - http://127.0.0.1:{closed_port}\n  - {{file: shared-context/x.md, within: 1d}}\n"
        "  - none.md\n  - out.md\n  - shared-context\ndepends_on: scout/morning",
    )
    workbench.tick_at(EIGHT - timedelta(minutes=1))
    workbench.run(PAGE)
    assert fire_of(workbench).reason.split("; ") == [
        "scout/morning has not run yet",
        f"http://127.0.0.1:{closed_port} does not answer: connection refused",
        "shared-context/x.md was written 3 d ago",
        "the job requires at most 1 d",
        "none.md does not exist",
        "out.md lies outside the workspace",
        "shared-context is not a file",
        "run it anyway with --force",
    ]


def test_a_fresh_file_and_one_that_may_be_old_let_the_run_go_on(workbench: Workbench) -> None:
    workbench.serve_stories(1)
    workbench.write({"fresh.md": "New.\n", "old.md": "Old.\n"})
    os.utime(workbench.root / "fresh.md", times=(NINE.timestamp() - 3600,) * 2)
    os.utime(workbench.root / "old.md", times=(0.0, 0.0))
    write_page(workbench, "read: [feeds/ai]\nrequires: [{file: fresh.md, within: 1h}, old.md]")
    workbench.tick_at(NINE)
    assert fire_of(workbench).state is FireState.DELIVERED


# ── depends_on ───────────────────────────────────────────────────────────────────────────────────


def test_what_it_depends_on_is_read_as_an_input(workbench: Workbench) -> None:
    links = workbench.serve_stories(3)
    write_page(workbench, "depends_on: scout/morning")
    workbench.tick_at(EIGHT)
    workbench.tick_at(NINE)
    fire = fire_of(workbench)
    assert fire.state is FireState.DELIVERED
    digest = digest_from_json(json.loads((workbench.system.state.root / (fire.artifact or "")).read_text()))
    assert {item.url for item in digest.items} == set(links)
    assert digest.sections[-1].origin == MORNING


def test_what_it_also_reads_is_collected_once(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    write_page(workbench, "read: [scout/morning, feeds/ai]\ndepends_on: scout/morning")
    job = workbench.system.workspace().job(PAGE)
    assert job.inputs == ("scout/morning", "feeds/ai")


def test_a_failed_run_of_the_other_job_skips_this_one_with_its_state_age_and_reason(workbench: Workbench) -> None:
    url = workbench.web.serve("/gone.xml", WebReply(b"gone", status=404))
    workbench.write({"shared-context/feeds/ai.md": f"- [Gone]({url})\n"})
    morning = (workbench.root / "agents/scout/jobs/morning.md").read_text()
    workbench.write({"agents/scout/jobs/morning.md": morning.replace("---\nRank", "attempts: 1\n---\nRank")})
    write_page(workbench, "depends_on: scout/morning")
    workbench.tick_at(EIGHT)
    workbench.tick_at(NINE)
    fire = fire_of(workbench)
    assert fire.state is FireState.SKIPPED
    assert fire.reason == "scout/morning failed 1 h ago: nothing could be collected: Gone: answered 404 Not Found"


def test_a_result_that_is_too_old_does_not_do(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    write_page(workbench, "depends_on: {job: scout/morning, within: 30m}")
    workbench.tick_at(EIGHT)
    workbench.tick_at(NINE)
    assert fire_of(workbench).reason == (
        "scout/morning was delivered 1 h ago; the job takes a result of at most 30 min"
    )


def test_a_run_that_found_nothing_to_report_succeeded(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    contract = "schedule: every 15m\nread: [feeds/ai]\ndeliver: digest\ncontract: {unseen_for: 14d}"
    workbench.write({"agents/scout/jobs/morning.md": f"---\n{contract}\n---\nGo.\n"})
    write_page(workbench, "read: [feeds/ai]\ndepends_on: scout/morning")
    workbench.tick_at(EIGHT)
    workbench.tick_at(EIGHT + timedelta(minutes=15))
    assert fire_of(workbench, MORNING).state is FireState.SILENT
    workbench.run(PAGE)
    assert fire_of(workbench).state is FireState.DELIVERED


def test_a_run_that_its_condition_held_back_has_nothing_to_report_and_is_no_failure(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    morning = "schedule: every 15m\nread: [feeds/ai]\ndeliver: digest\nonly_if: {changed: [feeds/ai]}"
    workbench.write({"agents/scout/jobs/morning.md": f"---\n{morning}\n---\nGo.\n"})
    write_page(workbench, "read: [feeds/ai]\ndepends_on: scout/morning")
    workbench.tick_at(EIGHT)
    workbench.tick_at(EIGHT + timedelta(minutes=15))
    assert fire_of(workbench, MORNING).state is FireState.SKIPPED
    workbench.run(PAGE)
    fire = fire_of(workbench)
    assert (fire.state, fire.gaps) == (FireState.DELIVERED, 0)


def test_a_preview_or_a_run_by_hand_that_was_held_back_takes_nothing_from_the_result_before_it(
    workbench: Workbench,
) -> None:
    workbench.serve_stories(2)
    morning = "schedule: daily 08:00\nread: [feeds/ai]\ndeliver: digest\nonly_if: {changed: [feeds/ai]}"
    workbench.write({"agents/scout/jobs/morning.md": f"---\n{morning}\n---\nGo.\n"})
    write_page(workbench, "depends_on: scout/morning")
    workbench.tick_at(EIGHT)
    assert workbench.run(MORNING).state is FireState.SKIPPED
    workbench.web.serve("/feed.xml", WebReply(b"down", status=404))
    workbench.system.workspace.reload()
    assert workbench.run(MORNING, preview=True).state is FireState.FAILED
    workbench.tick_at(NINE)
    assert fire_of(workbench).state is FireState.DELIVERED


def test_slots_that_were_skipped_without_a_run_do_not_hide_the_result_before_them(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    write_page(workbench, "depends_on: {job: scout/morning, within: 36h}")
    workbench.tick_at(EIGHT)
    with workbench.system.database.write() as connection:
        add_pause(connection, PauseRow(job_scope(MORNING), "Sam", "holiday", EIGHT.timestamp()))
    workbench.tick_at(EIGHT + timedelta(days=1))
    assert fire_of(workbench, MORNING).state is FireState.SKIPPED
    workbench.tick_at(NINE + timedelta(days=1))
    fire = fire_of(workbench)
    assert (fire.state, fire.items, fire.gaps) == (FireState.DELIVERED, 2, 0)
    workbench.tick_at(NINE + timedelta(days=2))
    assert fire_of(workbench).reason.startswith("scout/morning was delivered 2 d 1 h ago; the job takes")


# ── Waiting ──────────────────────────────────────────────────────────────────────────────────────


def queue(workbench: Workbench, job_id: str, now: datetime) -> str:
    system = workbench.system
    return start_by_hand(system.database, system.workspace(), job_id, now, inputs={})


def test_it_waits_for_a_job_that_is_due_with_it_and_lets_it_have_the_agent(workbench: Workbench) -> None:
    # By its name it is begun first, and the agent does one thing at a time.
    workbench.serve_stories(3)
    text = "---\nschedule: daily 08:00\ndeliver: digest\ndepends_on: {job: scout/morning, wait: 30m}\n---\nReport.\n"
    workbench.write({"agents/scout/jobs/early.md": text})
    workbench.tick_at(EIGHT)
    waiting = fire_of(workbench, "scout/early")
    assert (waiting.state, waiting.reason) == (FireState.PLANNED, "waits for scout/morning")
    assert fire_of(workbench, MORNING).state is FireState.DELIVERED
    with workbench.system.database.read() as connection:
        run = run_by_id(connection, waiting.run_id or "")
    assert run is not None
    assert (run.not_before, run.attempt) == ((EIGHT + timedelta(seconds=15)).timestamp(), 1)
    workbench.tick_at(EIGHT + timedelta(seconds=15))
    done = fire_of(workbench, "scout/early")
    assert (done.state, done.items) == (FireState.DELIVERED, 3)


def hold_back_queued(workbench: Workbench, from_now: datetime = NOW) -> None:
    """Let what is queued now not begin within half an hour from then."""
    with workbench.system.database.write() as connection:
        later = from_now.timestamp() + 45 * 60
        connection.exec_driver_sql(f"UPDATE run SET not_before = {later} WHERE state = 'queued'")


def test_it_waits_no_longer_than_it_may_and_says_for_what(workbench: Workbench) -> None:
    write_page(workbench, "depends_on: {job: ranger/slow, wait: 30m}")
    workbench.write(
        {
            "agents/ranger/SOUL.md": "You are ranger.\n",
            "agents/ranger/AGENTS.md": "Rank.\n",
            "agents/ranger/agent.toml": 'description = "Is slow"\n',
            "agents/ranger/jobs/slow.md": "---\nschedule: daily 04:00\nread: [feeds/ai]\ndeliver: digest\n---\nGo.\n",
        }
    )
    queue(workbench, "ranger/slow", NOW)
    hold_back_queued(workbench, NINE)
    workbench.tick_at(NINE)
    for minutes in (1, 15, 29):
        workbench.tick_at(NINE + timedelta(minutes=minutes))
        assert fire_of(workbench).state is FireState.PLANNED
    workbench.tick_at(NINE + timedelta(minutes=30))
    fire = fire_of(workbench)
    assert (fire.state, fire.reason) == (FireState.SKIPPED, "waited 30 min for ranger/slow: ranger/slow is queued")


def test_without_leave_to_wait_a_job_at_work_is_reason_enough_to_skip(workbench: Workbench) -> None:
    write_page(workbench, "depends_on: scout/morning")
    queue(workbench, MORNING, NOW)
    hold_back_queued(workbench)
    workbench.run(PAGE)
    assert fire_of(workbench).reason == (
        "scout/morning is queued; the job does not wait for it; run it anyway with --force"
    )


def test_a_job_that_is_made_up_for_after_a_sleep_waits_from_then_on(workbench: Workbench) -> None:
    # Both slots passed while the machine slept: counted from its due time, the wait would be long over.
    workbench.serve_stories(2)
    text = "---\nschedule: daily 08:00\ndeliver: digest\ndepends_on: {job: scout/morning, wait: 10m}\n---\nReport.\n"
    workbench.write({"agents/scout/jobs/early.md": text})
    late = EIGHT + timedelta(hours=2)
    workbench.system  # noqa: B018 - known before its slot passes
    workbench.tick_at(late)
    assert fire_of(workbench, "scout/early").reason == "waits for scout/morning"
    workbench.tick_at(late + timedelta(seconds=15))
    assert fire_of(workbench, "scout/early").state is FireState.DELIVERED


def test_a_job_that_is_due_and_not_fired_yet_is_waited_for(workbench: Workbench) -> None:
    workbench.serve_stories(2)
    write_page(workbench, "depends_on: {job: scout/morning, wait: 10m}")
    assert workbench.system is not None
    workbench.clock.jump_to(EIGHT + timedelta(seconds=1))
    run_id = queue(workbench, PAGE, EIGHT + timedelta(seconds=1))
    workbench.settle()
    assert run_id is not None
    assert fire_of(workbench).reason == "waits for scout/morning"


def test_what_fails_while_it_is_waited_for_ends_the_wait_at_once(workbench: Workbench) -> None:
    url = workbench.web.serve("/gone.xml", WebReply(b"gone", status=404))
    workbench.write({"shared-context/feeds/ai.md": f"- [Gone]({url})\n"})
    morning = (workbench.root / "agents/scout/jobs/morning.md").read_text()
    text = "---\nschedule: daily 08:00\ndeliver: digest\ndepends_on: {job: scout/morning, wait: 5h}\n---\nReport.\n"
    workbench.write(
        {
            "agents/scout/jobs/early.md": text,
            "agents/scout/jobs/morning.md": morning.replace("---\nRank", "attempts: 1\n---\nRank"),
        }
    )
    workbench.tick_at(EIGHT)
    workbench.tick_at(EIGHT + timedelta(seconds=15))
    fire = fire_of(workbench, "scout/early")
    assert fire.state is FireState.SKIPPED
    assert fire.reason.startswith("scout/morning failed 15 s ago: nothing could be collected")


def test_force_runs_it_although_nothing_that_it_requires_is_there(workbench: Workbench, closed_port: int) -> None:
    workbench.serve_stories(2)
    write_page(
        workbench, f"read: [feeds/ai]\ndepends_on: scout/morning\nrequires: [none.md, 'http://127.0.0.1:{closed_port}']"
    )
    fire = workbench.run(PAGE, force=True)
    assert (fire.state, fire.items) == (FireState.DEGRADED, 2)
    assert "scout/morning: has delivered nothing yet" in fire.reason
