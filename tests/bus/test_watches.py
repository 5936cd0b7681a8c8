"""Requests that wait for something: final when it has happened, with what shows it, and without anybody working."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.bus.evidence import STATE_PREFIX
from harness.bus.log import standing_of
from harness.bus.sending import send
from harness.bus.team import Team
from harness.bus.watches import Looked, Place, look, settle
from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.request import SYSTEM, USER, Final, Standing, Watch
from harness.domain.run import PREVIEW_REASON, FireKind, FireState
from harness.store.database import Database
from harness.store.fires import add_fire, close_fire
from harness.store.requests import RequestRow, request_row
from tests.bus.team_of import NOW, ask, team_of

JOB = Job(agent="scout", name="scan", path="agents/scout/jobs/scan.md", schedules=(), zone="UTC")
SCOUT = Agent("scout", "", "", "", jobs={"scan": JOB}, read_paths=("intel",))
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    plain = team_of("zoe", agents=[SCOUT])
    team = Team(replace(plain.workspace, root=tmp_path / "ws"), 1, files_now=NOW)
    (tmp_path / "ws" / "intel").mkdir(parents=True)
    (tmp_path / "state").mkdir()
    return Place(team, tmp_path / "state")


def sent(database: Database, place: Place, watch: Watch, sender: str = USER, **fields: Any) -> Standing:
    with database.write(alone=True) as connection:
        return send(connection, ask(sender, SYSTEM, watch=watch, **fields), place.team, NOW).standing


def looked(database: Database, place: Place, standing: Standing) -> Looked:
    with database.read() as connection:
        return look(connection, standing.request.id, place, LATER)


def settled(database: Database, standing: Standing, seen: Looked) -> Standing:
    with database.write(alone=True) as connection:
        settle(connection, row_of(database, standing), seen, LATER)
        return standing_of(connection, standing.request.id)


def row_of(database: Database, standing: Standing) -> RequestRow:
    with database.read() as connection:
        row = request_row(connection, standing.request.id)
    assert row is not None
    return row


def fire(
    database: Database, run_id: str, state: FireState, reason: str = "", *, seconds: int = 60, **fields: Any
) -> None:
    """Let a run of the job end so many seconds after the request was made."""
    at = NOW + timedelta(seconds=seconds)
    with database.write() as connection:
        due_at = int(at.timestamp())
        base: dict[str, Any] = {"job_id": "scout/scan", "kind": FireKind.CRON, "reason": "", "run_id": run_id}
        add_fire(connection, due_at=due_at, state=FireState.RUNNING, now=at, **base)
        close_fire(connection, run_id, state=state, reason=reason, now=at, **fields)


def test_a_file_makes_it_done_and_is_the_evidence(database: Database, place: Place) -> None:
    standing = sent(database, place, Watch(file="intel/*.md"))
    assert looked(database, place, standing) == Looked()
    file = place.team.workspace.root / "intel" / "today.md"
    file.write_text("news")
    os.utime(file, (LATER.timestamp(), LATER.timestamp()))
    after = settled(database, standing, looked(database, place, standing))
    assert after.final is not None
    assert (after.final.result, after.final.conclusion) == ("done", "intel/today.md is there")
    assert [(one.path, one.size_bytes) for one in after.final.evidence] == [("intel/today.md", 4)]


def test_a_file_that_can_never_be_found_fails_at_once(database: Database, place: Place) -> None:
    seen = looked(database, place, sent(database, place, Watch(file="private/x.md"), sender="scout"))
    assert seen.final is not None
    assert seen.final.result == "failed"
    assert "private/x.md is not granted for read; granted: intel (path-outside)" in seen.final.conclusion


def test_trouble_keeps_it_open_and_stands_where_all_can_read_it_until_it_is_over(
    database: Database, place: Place
) -> None:
    standing = sent(database, place, Watch(file="intel/today.md"))
    (place.team.workspace.root / "intel" / "today.md").mkdir()
    seen = looked(database, place, standing)
    assert "intel/today.md cannot be looked at" in seen.trouble
    assert settled(database, standing, seen).is_open
    assert row_of(database, standing).why_waiting == seen.trouble
    assert not seen.is_news_for(row_of(database, standing))
    (place.team.workspace.root / "intel" / "today.md").rmdir()
    over = looked(database, place, standing)
    assert over.is_news_for(row_of(database, standing))
    settled(database, standing, over)
    assert row_of(database, standing).why_waiting == ""


def test_a_run_that_succeeds_makes_it_done_with_what_it_made(database: Database, place: Place) -> None:
    standing = sent(database, place, Watch(job="scout/scan"))
    (place.state / "artifacts").mkdir()
    (place.state / "artifacts" / "scan.md").write_text("six items")
    fire(database, "r-new", FireState.DELIVERED, artifact="artifacts/scan.md")
    seen = looked(database, place, standing)
    assert seen.final is not None
    assert (seen.final.result, seen.final.conclusion) == ("done", "run r-new of scout/scan ended as delivered")
    assert [(one.path, one.size_bytes) for one in seen.final.evidence] == [(f"{STATE_PREFIX}artifacts/scan.md", 9)]


def test_what_it_made_and_is_gone_is_said(database: Database, place: Place) -> None:
    standing = sent(database, place, Watch(job="scout/scan"))
    fire(database, "r-new", FireState.DEGRADED, "1 gap", artifact="artifacts/gone.md")
    seen = looked(database, place, standing)
    assert seen.final is not None
    assert seen.final.result == "done"
    assert seen.final.conclusion.startswith(
        "run r-new of scout/scan ended as degraded: 1 gap; what it made cannot be looked at"
    )


@pytest.mark.parametrize("state", [FireState.FAILED, FireState.MISSED, FireState.CANCELLED, FireState.SKIPPED])
def test_a_run_that_does_not_succeed_makes_it_fail_with_the_reason(
    database: Database, place: Place, state: FireState
) -> None:
    standing = sent(database, place, Watch(job="scout/scan"))
    fire(database, "r-new", state, "the source is away")
    expected = Final("failed", f"run r-new of scout/scan ended as {state}: the source is away")
    assert looked(database, place, standing) == Looked(expected)


def test_only_a_run_that_ends_after_the_request_was_made_counts_and_the_first_of_those(
    database: Database, place: Place
) -> None:
    standing = sent(database, place, Watch(job="scout/scan"))
    fire(database, "r-before", FireState.DELIVERED, seconds=-60)
    assert looked(database, place, standing) == Looked()
    fire(database, "r-second", FireState.DELIVERED, seconds=120)
    fire(database, "r-first", FireState.FAILED, "away", seconds=60)
    seen = looked(database, place, standing)
    assert seen.final is not None
    assert "r-first" in seen.final.conclusion


def test_a_preview_and_a_slot_without_a_run_are_no_run_of_the_job(database: Database, place: Place) -> None:
    standing = sent(database, place, Watch(job="scout/scan"))
    fire(database, "r-preview", FireState.SILENT, PREVIEW_REASON)
    with database.write() as connection:
        base: dict[str, Any] = {"job_id": "scout/scan", "kind": FireKind.CRON, "reason": "asleep", "run_id": None}
        add_fire(connection, due_at=int(NOW.timestamp()) + 9, state=FireState.MISSED, now=LATER, **base)
    assert looked(database, place, standing) == Looked()


@pytest.mark.parametrize("job_id", ["scout/none", "nobody/scan", "nonsense"])
def test_a_job_that_is_not_there_fails_at_once(database: Database, place: Place, job_id: str) -> None:
    seen = looked(database, place, sent(database, place, Watch(job=job_id)))
    assert seen.final == Final("failed", f"there is no job {job_id} any more, and no run of it has ended")


def test_a_moment_makes_it_done_when_it_comes_and_is_not_looked_at_before(database: Database, place: Place) -> None:
    later = sent(database, place, Watch(at=LATER + timedelta(seconds=1)), key="later")
    seen = looked(database, place, later)
    assert seen == Looked(not_before=LATER + timedelta(seconds=1))
    assert seen.is_news_for(row_of(database, later))
    settled(database, later, seen)
    assert not seen.is_news_for(row_of(database, later))
    now = sent(database, place, Watch(at=LATER), task="now")
    assert looked(database, place, now) == Looked(Final("done", "2026-11-21 16:05 UTC has come"))


def test_what_is_final_already_stays_as_it_is(database: Database, place: Place) -> None:
    standing = sent(database, place, Watch(at=NOW))
    seen = looked(database, place, standing)
    first = settled(database, standing, seen)
    assert settled(database, standing, seen) == first
