"""The action `followup-review`: what a follow-up lacks is named before it is asked for."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from harness.bus.team import Team
from harness.domain.job import Job
from harness.runs.actions import ActionResult
from harness.runs.followups.review import followup_review
from tests.bus.team_of import team_of

DAY = date(2026, 11, 21)
NINE = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
JOB = Job(agent="zoe", name="followup-review", path="", schedules=(), zone="UTC")


class Desk:
    """Files of follow-ups, and what a review says of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        team = team_of("zoe", "scout")
        self.team: Team = replace(team, workspace=replace(team.workspace, root=root), files_now=NINE)

    def write(self, text: str, day: date = DAY) -> None:
        path = self.root / f"shared-context/followups/{day.isoformat()}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def evidence(self, name: str, text: str = "so it is", *, hours_old: float = 1.0) -> str:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        stamp = (NINE - timedelta(hours=hours_old)).timestamp()
        os.utime(path, (stamp, stamp))
        return name

    def review(self) -> ActionResult:
        return followup_review(lambda: self.team, self.root / ".harness")(JOB, NINE, NINE)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "team")


def test_without_a_file_there_is_nothing_to_review(desk: Desk) -> None:
    assert desk.review() == ActionResult("there is no follow-up to review")


def test_a_complete_follow_up_is_reviewed_in_silence(desk: Desk) -> None:
    done = desk.evidence("shared-context/intel/a.md")
    kept = desk.evidence(".harness/artifacts/b.md")
    desk.write(
        f"- P1 scout: Open\n  - evidence: not/there/yet.md\n- [done] P1 user: Done\n  - evidence: {done}, {kept}\n"
    )
    assert desk.review() == ActionResult("2 follow-ups reviewed; none lacks anything")


@pytest.mark.parametrize(
    ("entry", "lacks"),
    [
        ("- P1 scout: Count\n", "it names no evidence"),
        ("- [done] P1 scout: Count\n", "it names no evidence"),
        ("- P1 sam: Pay\n  - evidence: a.md\n", "its owner `sam` is no agent, so that the person is asked"),
        ("- [asked] P1 scout: Count\n  - evidence: a.md\n", "it was asked, and names no request"),
        ("- [done] P1 scout: Count\n  - evidence: gone.md\n", "its evidence `gone.md` is not there"),
        ("- [done] P1 scout: Count\n  - evidence: empty.md\n", "its evidence `empty.md` is empty"),
        ("- [done] P1 scout: Count\n  - evidence: old.md\n", "its evidence `old.md` is older than the follow-up"),
        ("- [done] P1 scout: Count\n  - evidence: ../x.md\n", "its evidence `../x.md` cannot be looked at"),
        ("- [soon] P1 scout: Count\n", "unknown status 'soon'"),
        ("- scout: Count\n", "this is no follow-up"),
    ],
)
def test_what_a_follow_up_lacks_is_named_with_its_line(desk: Desk, entry: str, lacks: str) -> None:
    desk.evidence("empty.md", "  \n")
    desk.evidence("old.md", hours_old=10)
    desk.write(f"# Mine\n\n{entry}")
    result = desk.review()
    assert lacks in result.text
    assert "shared-context/followups/2026-11-21.md:3" in result.text
    assert "1 to be put right before they are asked for" in result.reason


def test_evidence_is_judged_by_the_day_since_which_the_follow_up_is_open(desk: Desk) -> None:
    name = desk.evidence("a.md", hours_old=30)
    desk.write(f"- [done] P1 scout: Count\n  - since: 2026-11-19\n  - evidence: {name}\n")
    assert desk.review().text == ""


def test_yesterday_and_today_are_reviewed_and_what_moved_on_is_not(desk: Desk) -> None:
    desk.write("- P1 scout: Old\n", DAY - timedelta(days=2))
    desk.write("- P1 scout: Yesterday\n- P1 scout: Gone\n  - moved to: 2026-11-21\n", DAY - timedelta(days=1))
    desk.write("- P1 scout: Today\n- [dropped] P1 scout: Never\n")
    desk.write("- P1 scout: Tomorrow\n", DAY + timedelta(days=1))
    text = desk.review().text
    assert ("Yesterday" in text, "Today" in text) == (True, True)
    assert not any(word in text for word in ("Old", "Gone", "Never", "Tomorrow"))
