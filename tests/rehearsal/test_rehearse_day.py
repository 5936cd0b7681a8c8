"""The shipped team's day, rehearsed through the code that the daemon runs."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError
from harness.domain.run import FireState
from harness.rehearsal.rehearse_day import RehearsedDay, run_day
from harness.wiring.files import vocabulary
from harness.workspace.load import load_workspace
from harness.workspace.shipped import shipped_workspace, write_workspace

TEAM = ("ainews", "zoe")


def rehearse(root: Path, out: Path, day: date = date(2026, 11, 21), agents: tuple[str, ...] = TEAM) -> RehearsedDay:
    return run_day(root, out=out, day=day, days=1, agents=agents, world="sample", environ={}, progress=lambda *_: None)


def fingerprints(root: Path) -> Mapping[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    root = tmp_path / "team"
    write_workspace(root, home_zone="America/Los_Angeles")
    return root


def test_a_day_of_the_shipped_team_is_complete_and_ends_in_a_page_for_the_person(
    workspace: Path, tmp_path: Path
) -> None:
    before = fingerprints(workspace)
    seen: list[tuple[datetime, int, int]] = []
    out = tmp_path / "day"
    rehearsed = run_day(
        workspace, out=out, day=date(2026, 11, 21), days=1, agents=TEAM, world="sample", environ={},
        progress=lambda *step: seen.append(step),
    )  # fmt: skip
    report = rehearsed.report
    assert report.is_complete
    fires = Counter(fire.job_id for fire in report.fires)
    team = load_workspace(workspace, vocabulary(), now=datetime(2026, 11, 21, 12, tzinfo=UTC)).workspace
    # A Saturday: everything but what is for weekdays and Sundays.
    due = {job.id: job for job in team.jobs() if not re.match("weekdays|sun", job.schedule_text) and job.agent in TEAM}
    assert set(fires) == set(due)
    assert (fires["zoe/self-check"], fires["zoe/daily-digest"]) == (48, 1)
    skipped = {fire.job_id for fire in report.fires if fire.state is FireState.SKIPPED}
    assert skipped <= {name for name, job in due.items() if job.without_model == "skip"}
    assert set(report.counts) <= {FireState.DELIVERED, FireState.DEGRADED, FireState.SILENT, FireState.SKIPPED}
    assert rehearsed.page is not None
    text = rehearsed.page.read_text()
    assert rehearsed.page.name == "zoe-daily-digest.md"
    assert "A rehearsal in the sample world" in text
    assert "answered 503" in text
    assert text.count("sample.test/") >= 18
    assert rehearsed.page.with_suffix(".html").is_file()
    assert seen[-1][1:] == (fires.total(), fires.total())
    assert fingerprints(workspace) == before


def test_a_second_rehearsal_replaces_the_first_and_nothing_else_is_ever_replaced(
    workspace: Path, tmp_path: Path
) -> None:
    out = tmp_path / "day"
    first = rehearse(workspace, out, agents=("zoe",))
    second = rehearse(workspace, out, agents=("zoe",))
    assert first.report.counts == second.report.counts
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.md").write_text("years of work")
    with pytest.raises(OwnerError, match="no rehearsal made it"):
        rehearse(workspace, mine, agents=("zoe",))
    assert [path.name for path in mine.iterdir()] == ["thesis.md"]


@pytest.mark.parametrize(("day", "checks"), [(date(2026, 3, 8), 46), (date(2026, 11, 1), 50)])
def test_a_day_on_which_the_clock_is_changed_has_its_23_or_25_hours(
    workspace: Path, tmp_path: Path, day: date, checks: int
) -> None:
    rehearsed = rehearse(workspace, tmp_path / "day", day, agents=("zoe",))
    assert rehearsed.report.is_complete
    assert sum(fire.job_id == "zoe/self-check" for fire in rehearsed.report.fires) == checks


def test_a_workspace_with_errors_is_not_rehearsed(workspace: Path, tmp_path: Path) -> None:
    job = workspace / "agents/zoe/jobs/daily-digest.md"
    job.write_text(job.read_text().replace("daily 08:15", "daily 25:15"))
    with pytest.raises(OwnerError, match=r"daily-digest\.md"):
        rehearse(workspace, tmp_path / "day")
    assert not (tmp_path / "day").exists()


def test_an_agent_that_does_not_exist_is_named_with_those_that_do(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(OwnerError, match="no agent 'nobody'; there are: ainews, butler, content, macro, trading, zoe"):
        rehearse(workspace, tmp_path / "day", agents=("nobody",))


def test_the_shipped_workspace_itself_is_not_written_to(tmp_path: Path) -> None:
    source = shipped_workspace()
    before = fingerprints(source / "agents")
    rehearse(source, tmp_path / "day", agents=("zoe",))
    assert fingerprints(source / "agents") == before
