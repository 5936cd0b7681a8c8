from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from harness.cli.app import main
from harness.cli.job_details import excluded_in_words, job_document, job_line, job_rows, next_in_words
from harness.domain.agent import Agent
from harness.domain.job import Dependency, FreshFile, Job, OnlyIf, Requires
from harness.domain.schedule import Calendar, CatchUp, QuietHours
from harness.domain.settings import Alerts, Settings
from harness.domain.workspace import Workspace
from harness.schedule.exclusions import next_run
from harness.schedule.grammar import parse_schedules
from harness.testing.workspace import write_workspace_files

NEW_YORK = "America/New_York"
NOW = datetime(2026, 11, 25, 22, tzinfo=UTC)
"""17:00 in New York, on the day before Thanksgiving."""

NYSE = Calendar(
    "nyse",
    "New York Stock Exchange",
    {date(2026, 11, 26): "Thanksgiving Day"},
    date(2026, 1, 1),
    date(2028, 12, 31),
    zone=NEW_YORK,
)
PLAIN = Job(
    "fin", "plain", "agents/fin/jobs/plain.md", parse_schedules("daily 08:00"), "UTC", schedule_text="daily 08:00"
)
FULL = Job(
    "fin",
    "close",
    "agents/fin/jobs/close.md",
    parse_schedules("weekdays 16:30"),
    NEW_YORK,
    schedule_text="weekdays 16:30",
    follows_person=True,
    calendar="nyse",
    quiet_hours=QuietHours(1380, 420),
    if_missed=CatchUp("all", 7200, 600),
    read=("feeds/ai", "x.md"),
    only_if=OnlyIf(("feeds/ai", "x.md"), 3, ("memory/*.md",)),
    depends_on=(Dependency("ainews/arxiv", 21_600, 1800), Dependency("zoe/day")),
    requires=Requires(("http://127.0.0.1:11434",), (FreshFile("x.md"), FreshFile("y.md", 86_400))),
    overlap="skip",
    priority="low",
    attempts=5,
    backoff_s=120,
    deadline_s=7200,
    on="mac",
    disable_after=5,
)


def workspace_of(job: Job, agent: Agent | None = None, alerts: Alerts | None = None) -> Workspace:
    owner = agent or Agent(job.agent, "", "", "")
    return Workspace(
        Path("/team"), Settings(alerts=alerts or Alerts()), agents={job.agent: owner}, calendars={"nyse": NYSE}
    )


def rows_of(job: Job, workspace: Workspace | None = None) -> dict[str, str]:
    return dict(job_rows(job, workspace or workspace_of(job), NEW_YORK, NOW))


def test_every_matter_of_a_job_is_said_in_words() -> None:
    rows = rows_of(FULL)
    assert rows["schedule"] == "weekdays 16:30 (America/New_York, where you are)"
    assert rows["next"] == (
        "Fri 27 Nov 16:30 (in 1 d 23 h); not Thu 26 Nov 16:30: New York Stock Exchange is closed: Thanksgiving Day"
    )
    assert rows["calendar"] == "nyse (New York Stock Exchange, known until 2028-12-31)"
    assert rows["quiet hours"] == "23:00-07:00 in America/New_York"
    assert rows["if missed"] == "all, at most 2 h late; up to 10 min is on time"
    assert rows["only if"] == "feeds/ai or x.md changed; there are 3 new items; memory/*.md exists"
    assert rows["depends on"] == "ainews/arxiv, at most 6 h old, waited for up to 30 min; zoe/day, at most 1 d old"
    assert rows["requires"] == "http://127.0.0.1:11434 answers; x.md exists; y.md is at most 1 d old"
    assert rows["attempts"] == "5, the first pause 2 min"
    assert rows["deadline"] == "2 h after it was due"
    assert rows["overlap"] == "while it is still at work, the next run is skipped"
    assert (rows["priority"], rows["runs on"], rows["paused after"]) == ("low", "mac", "5 failures in a row")


def test_what_a_job_does_not_ask_for_has_no_row() -> None:
    unsaid = {
        "calendar",
        "quiet hours",
        "only if",
        "depends on",
        "requires",
        "deadline",
        "overlap",
        "priority",
        "runs on",
    }
    rows = rows_of(PLAIN)
    assert unsaid & rows.keys() == set()
    assert rows["if missed"] == "latest, at most 3 h late"


def test_calendar_that_is_gone_is_not_called_one() -> None:
    gone = Job("fin", "x", "x.md", parse_schedules("daily 08:00"), "UTC", calendar="nise")
    assert rows_of(gone)["calendar"] == "nise (there is no such calendar)"


@pytest.mark.parametrize(
    ("of_the_job", "of_the_team", "words", "number"),
    [
        (None, 10, "10 failures in a row", 10),
        (None, None, "nothing; it goes on trying", None),
        (0, 10, "nothing; it goes on trying", None),
        (1, None, "1 failure", 1),
    ],
)
def test_failures_until_it_is_paused_are_the_jobs_or_else_the_teams(
    of_the_job: int | None, of_the_team: int | None, words: str, number: int | None
) -> None:
    job = Job("fin", "x", "x.md", parse_schedules("daily 08:00"), "UTC", disable_after=of_the_job)
    workspace = workspace_of(job, alerts=Alerts(disable_after=of_the_team))
    assert rows_of(job, workspace)["paused after"] == words
    assert job_document(job, workspace, NOW)["disable_after"] == number


def test_agents_machine_is_its_jobs_machine() -> None:
    workspace = workspace_of(PLAIN, Agent("fin", "", "", "", on="box"))
    assert rows_of(PLAIN, workspace)["runs on"] == "box"
    assert job_document(PLAIN, workspace, NOW)["on"] == "box"


def test_document_has_a_key_for_all_of_it() -> None:
    document = job_document(FULL, workspace_of(FULL), NOW)
    assert json.loads(json.dumps(document)) == document
    assert document["next_due"] == "2026-11-27T21:30:00Z"
    assert document["next_excluded"] == {
        "due_at": "2026-11-26T21:30:00Z",
        "reason": "New York Stock Exchange is closed: Thanksgiving Day",
    }
    assert document["quiet_hours"] == {"start": "23:00", "end": "07:00", "zone": NEW_YORK}
    assert document["if_missed"] == {"run": "all", "within_s": 7200, "grace_s": 600}
    assert document["only_if"] == {"changed": ["feeds/ai", "x.md"], "new_items": 3, "exists": ["memory/*.md"]}
    assert document["depends_on"][0] == {"job": "ainews/arxiv", "within_s": 21_600, "wait_s": 1800}
    assert document["requires"] == {
        "endpoints": ["http://127.0.0.1:11434"],
        "files": [{"path": "x.md", "within_s": None}, {"path": "y.md", "within_s": 86_400}],
    }
    plain = job_document(PLAIN, workspace_of(PLAIN), NOW)
    assert plain.keys() == document.keys()
    assert (plain["only_if"], plain["depends_on"], plain["quiet_hours"], plain["next_excluded"]) == (
        None,
        [],
        None,
        None,
    )


def test_list_names_the_next_run_and_the_slot_that_is_left_out_before_it() -> None:
    upcoming = next_run(FULL, {"nyse": NYSE}, NOW)
    assert next_in_words(upcoming, NEW_YORK, NOW) == "Fri 27 Nov 16:30"
    assert excluded_in_words(upcoming, NEW_YORK, NOW).startswith("not Thu 26 Nov 16:30: New York Stock Exchange")
    assert job_line(FULL, upcoming)["next_due"] == "2026-11-27T21:30:00Z"
    nothing = next_run(PLAIN, {}, NOW)
    assert excluded_in_words(nothing, NEW_YORK, NOW) == ""


def test_job_that_never_runs_is_listed_as_such_with_the_reason_and_is_not_among_the_next(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HARNESS_HOME", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    job = '---\nschedule: daily 08:00\nquiet_hours: "07:00-09:00"\n---\nHello\n'
    root = write_workspace_files(
        tmp_path / "team", {"agents/scout/jobs/hush.md": job, "agents/scout/jobs/morning.md": None}
    )
    where = ["--workspace", str(root)]
    assert main(["jobs", *where]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("scout/hush  never")
    assert "08:00: quiet hours 07:00-09:00 in America/Los_Angeles" in line
    assert main(["jobs", "next", *where]) == 0
    assert capsys.readouterr().out == "nothing is scheduled\n"
    assert main(["jobs", "--json", *where]) == 0
    listed = json.loads(capsys.readouterr().out)[0]
    assert (listed["next_due"], listed["next_excluded"]["reason"]) == (
        None,
        "quiet hours 07:00-09:00 in America/Los_Angeles",
    )
