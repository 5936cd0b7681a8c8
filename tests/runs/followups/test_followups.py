"""The two jobs of follow-ups: asked once in the morning, written back in the evening, and nothing lost on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from harness.bus.ending import cancel
from harness.bus.finals import finish
from harness.bus.log import standing_of
from harness.bus.team import Team
from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.request import Evidence, Final, Result, Standing
from harness.domain.run import FireState
from harness.domain.settings import BusRules
from harness.gate.redact import redact
from harness.pytest_plugin import Workbench
from harness.runs.actions import ActionResult
from harness.runs.followups.dispatch import followup_dispatch
from harness.runs.followups.status import followup_status
from harness.store.database import Database
from harness.store.requests import RequestRow, requests_in
from tests.bus.team_of import team_of

DAY = date(2026, 11, 21)
NEXT = DAY + timedelta(days=1)
JOB = Job(agent="zoe", name="followups", path="", schedules=(), zone="UTC")
WRITTEN = """\
# Mine

- P1 scout: Count the kettles
  - evidence: shared-context/intel/kettles.md
- [open] P0 sam: Pay the domain
- P2 scout: Tidy up
- [done] P1 scout: Look around
- P1 zoe: Think
"""


class Office:
    """A team whose follow-ups are dispatched in the morning and written back in the evening."""

    def __init__(self, database: Database, root: Path, rules: BusRules | None = None, most: int | None = None) -> None:
        self.database = database
        self.root = root
        zoe = Agent("zoe", "the zoe", "", "", may_ask=("scout",), max_open_per_agent=most)
        team = team_of("zoe", "scout", rules=rules, agents=[zoe])
        self._team = replace(team, workspace=replace(team.workspace, root=root))

    def team(self) -> Team:
        return self._team

    def write(self, text: str, day: date = DAY) -> None:
        path = self.path(day)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def path(self, day: date = DAY) -> Path:
        return self.root / f"shared-context/followups/{day.isoformat()}.md"

    def read(self, day: date = DAY) -> str:
        return self.path(day).read_text()

    def morning(self, day: date = DAY) -> ActionResult:
        return followup_dispatch(self.database, self.team)(JOB, _at(day, 9, 30), _at(day, 9, 31))

    def evening(self, day: date = DAY) -> ActionResult:
        return followup_status(self.database, self.team, redact)(JOB, _at(day, 20, 30), _at(day, 20, 31))

    def requests(self) -> dict[str, RequestRow]:
        """The requests by their tasks."""
        with self.database.read() as connection:
            return {row.task.partition("\n")[0]: row for row in requests_in(connection)}

    def ends(self, task: str, result: Result, conclusion: str = "so it is", *evidence: str) -> None:
        final = Final(result, conclusion, tuple(Evidence(path, 1, "x") for path in evidence))
        with self.database.write(alone=True) as connection:
            standing = standing_of(connection, self.requests()[task].id)
            finish(connection, standing, final, by="scout", now=_at(DAY, 12, 0))

    def standing(self, task: str) -> Standing:
        with self.database.read() as connection:
            return standing_of(connection, self.requests()[task].id)


def _at(day: date, hour: int, minute: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return Office(database, tmp_path / "team")


def test_each_open_p0_and_p1_becomes_a_request_to_its_owner(office: Office) -> None:
    office.write(WRITTEN)
    result = office.morning()
    asked = {task: (row.sender, row.receiver) for task, row in office.requests().items()}
    assert asked == {
        "Count the kettles": ("zoe", "scout"), "Pay the domain": ("zoe", "user"), "Think": ("system", "zoe"),
    }  # fmt: skip
    request = office.standing("Count the kettles").request
    assert (request.due_at, request.expected_output) == (_at(DAY, 20, 0), "Evidence in shared-context/intel/kettles.md")
    assert "A follow-up of the team, P1. It stands in shared-context/followups/2026-11-21.md." in request.background
    assert office.standing("Pay the domain").request.priority == "high"
    ids = {task: row.id for task, row in office.requests().items()}
    assert (
        office.read()
        == f"""\
# Mine

- [asked] P1 scout: Count the kettles
  - evidence: shared-context/intel/kettles.md
  - request: {ids["Count the kettles"]}
- [asked] P0 sam: Pay the domain
  - request: {ids["Pay the domain"]}
- P2 scout: Tidy up
- [done] P1 scout: Look around
- [asked] P1 zoe: Think
  - request: {ids["Think"]}
"""
    )
    assert result.reason == "asked 3 follow-ups of shared-context/followups/2026-11-21.md"
    assert f"- P0 user: `Pay the domain` ({ids['Pay the domain']})" in result.text


def test_running_it_again_asks_for_nothing_twice(office: Office) -> None:
    office.write(WRITTEN)
    office.morning()
    after = office.read()
    assert office.morning() == ActionResult(
        "3 asked, 1 done, 1 open in shared-context/followups/2026-11-21.md; nothing to ask"
    )
    office.write(WRITTEN)  # as after a crash between asking and writing it down
    office.morning()
    assert office.read() == after
    assert len(office.requests()) == 3


def test_without_any_file_both_jobs_are_silent_with_the_reason(office: Office) -> None:
    assert office.morning() == ActionResult("there is no file of follow-ups yet")
    assert office.evening() == ActionResult("nothing is open")


def test_the_latest_file_counts_and_none_of_a_day_to_come(office: Office) -> None:
    office.write("- P1 scout: old\n", DAY - timedelta(days=9))
    office.write("- P1 scout: latest\n", DAY - timedelta(days=2))
    office.write("- P1 scout: to come\n", NEXT)
    office.morning()
    assert list(office.requests()) == ["latest"]


def test_an_entry_that_is_refused_stays_open_and_is_told(database: Database, tmp_path: Path) -> None:
    office = Office(database, tmp_path, BusRules(max_open=1, when_full="refuse"))
    office.write("- P1 scout: one\n- P1 scout: two\n- P1 scoot: three\n- no entry\n")
    told = office.morning().text
    assert "`two` could not be asked of scout: receiver-full: scout has 1 open requests, and takes 1" in told
    assert "shared-context/followups/2026-11-21.md:4: this is no follow-up" in told
    assert "- P1 scout: two\n" in office.read()


def test_what_an_owner_has_no_room_for_waits_for_the_next_morning_with_the_reason(
    database: Database, tmp_path: Path
) -> None:
    office = Office(database, tmp_path / "team", most=2)
    office.write("- P1 scout: Sweep\n- P1 scout: Count\n- P0 scout: Put out the fire\n- P0 sam: Pay the domain\n")
    result = office.morning()
    assert set(office.requests()) == {"Put out the fire", "Sweep", "Pay the domain"}, "the most pressing first"
    _, _, waits = result.text.partition("## Waits for the next time")
    assert "P1 scout: `Count`: 2 of your requests to scout are open, and you may have 2: r-" in waits
    assert "- P1 scout: Count\n" in office.read(), "it stays as it was"
    office.ends("Sweep", "done")
    office.morning()
    assert office.requests()["Count"].is_open


def test_an_entry_that_the_person_opens_again_is_asked_again(office: Office) -> None:
    office.write("- P1 scout: one\n")
    office.morning()
    first = office.requests()["one"].id
    office.ends("one", "failed")
    office.evening()
    assert office.read().startswith("- [failed] P1 scout: one\n")
    office.write(office.read().replace("[failed]", "[open]"))
    office.morning()
    with office.database.read() as connection:
        ids = {row.id for row in requests_in(connection)}
    assert len(ids) == 2
    assert f"request: {first}" not in office.read()


@pytest.mark.parametrize(
    ("result", "status", "goes_on"),
    [
        ("done", "done", False),
        ("failed", "failed", False),
        ("rejected", "failed", False),
        ("timed_out", "open", True),
        ("superseded", "open", True),
        ("cancelled", "dropped", False),
    ],
)
def test_what_came_of_a_request_is_written_back(office: Office, result: Result, status: str, goes_on: bool) -> None:
    office.write("- P1 scout: one\n  - evidence: what I want\n")
    office.morning()
    office.ends("one", result, "so\nit is", "shared-context/intel/a.md")
    office.evening()
    request_id = office.requests()["one"].id
    text = f"""\
- [{status}] P1 scout: one
  - evidence: shared-context/intel/a.md
  - request: {request_id}
  - result: {result.replace("_", " ")}: so it is
"""
    assert office.read() == text + ("  - moved to: 2026-11-22\n" if goes_on else "")
    assert office.path(NEXT).exists() == goes_on


def test_what_nobody_moved_goes_on_with_its_age_and_is_never_there_twice(office: Office) -> None:
    office.write("# Mine\n\n- P2 scout: one\n  my words\n\ntext\n- P0 sam: two")
    result = office.evening()
    tomorrow = """\
# Follow-ups of 2026-11-22

- P2 scout: one (open for 1 day)
  my words
  - since: 2026-11-21
- P0 sam: two (open for 1 day)
  - since: 2026-11-21
"""
    original = (
        "# Mine\n\n- P2 scout: one\n  my words\n  - moved to: 2026-11-22\n\ntext\n"
        "- P0 sam: two\n  - moved to: 2026-11-22\n"
    )
    assert (office.read(NEXT), office.read()) == (tomorrow, original)
    assert result.reason == "0 follow-ups ended, 2 follow-ups moved on to 2026-11-22"
    assert result.text == "## Still open\n\n- P0 sam: `two`, 1 day old\n"
    assert office.evening() == ActionResult("nothing is open")
    assert (office.read(NEXT), office.read()) == (tomorrow, original)
    office.evening(NEXT)
    assert "- P0 sam: two (open for 2 days)\n  - since: 2026-11-21\n" in office.read(NEXT + timedelta(days=1))


def test_an_entry_that_is_at_work_goes_on_with_its_request(office: Office) -> None:
    office.write("- P0 sam: one\n")
    office.morning()
    office.evening()
    assert f"- [asked] P0 sam: one (open for 1 day)\n  - request: {office.requests()['one'].id}\n" in office.read(NEXT)
    office.morning(NEXT)
    office.ends("one", "done", "paid")
    office.evening(NEXT)
    assert "- [done] P0 sam: one" in office.read(NEXT)
    assert len(office.requests()) == 1


def test_days_on_which_the_job_did_not_run_are_made_up_for(office: Office) -> None:
    office.write("- P1 scout: old\n- P1 scout: both\n", DAY - timedelta(days=5))
    office.write("- P1 scout: new\n- P1 scout: both\n")
    office.evening()
    tomorrow = office.read(NEXT)
    assert [tomorrow.count(words) for words in ("scout: old", "scout: new", "scout: both")] == [1, 1, 1]
    assert "- P1 scout: old (open for 6 days)\n  - since: 2026-11-16\n" in tomorrow
    assert "- P1 scout: both (open for 6 days)\n  - since: 2026-11-16\n" in tomorrow
    assert office.read(DAY - timedelta(days=5)).endswith("scout: both\n  - moved to: 2026-11-21\n")


def test_two_entries_with_the_same_words_both_go_on(office: Office) -> None:
    office.write("- P1 scout: one\n- P1 scout: one\n")
    office.evening()
    office.evening()
    assert office.read(NEXT).count("scout: one") == 2


def test_an_entry_is_not_lost_where_tomorrows_file_ends_in_an_open_code_block(office: Office) -> None:
    office.write("- P1 scout: one\n")
    office.write("```\nmine\n", NEXT)
    told = office.evening().text
    assert "2026-11-22.md ends inside of a code block or comment" in told
    assert (office.read(), office.read(NEXT)) == ("- P1 scout: one\n", "```\nmine\n")


def test_what_the_person_has_done_themselves_meanwhile_stands(office: Office) -> None:
    office.write("- P1 scout: one\n- P1 scout: two\n")
    office.morning()
    office.ends("one", "failed")
    office.write(office.read().replace("[asked] P1 scout: one", "[x] P1 scout: one"))
    office.evening()
    assert office.read().startswith("- [x] P1 scout: one\n")


def test_a_request_that_nobody_knows_after_a_restore_is_open_again_and_told(office: Office) -> None:
    office.write("- [asked] P1 scout: one\n  - request: r-gone\n")
    told = office.evening().text
    assert "shared-context/followups/2026-11-21.md:1: there is no request r-gone; it is open again" in told
    assert office.read().startswith("- [open] P1 scout: one\n")


def test_what_the_harness_asked_is_known_to_it_as_soon_as_it_is_written_back(office: Office) -> None:
    office.write(WRITTEN)
    office.morning()
    office.ends("Think", "done")
    office.ends("Count the kettles", "done")
    assert office.standing("Think").noticed_at is None
    office.evening()
    assert office.standing("Think").noticed_at is not None, "the person would be told that nobody has heard of it"
    assert office.standing("Count the kettles").noticed_at is None, "zoe hears of it in her next prompt"


def test_secrets_in_a_conclusion_do_not_reach_the_file(office: Office) -> None:
    office.write("- P1 scout: one\n")
    office.morning()
    office.ends("one", "done", "with sk-abcdefghijklmnopqrstu")
    assert "abcdefghijklm" not in office.evening().text + office.read()
    assert "[redacted]" in office.read()


def test_a_cancelled_request_drops_its_entry(office: Office) -> None:
    office.write("- P1 scout: one\n")
    office.morning()
    with office.database.write(alone=True) as connection:
        cancel(connection, office.requests()["one"].id, "not now", by="user", now=_at(DAY, 12, 0))
    office.evening()
    assert office.read().startswith("- [dropped] P1 scout: one\n")


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.runs.followups.test_followups import DAY, Office
from harness.store.database import Database
office = Office(Database(Path(sys.argv[1])), Path(sys.argv[2]))
where, event_wanted, left = sys.argv[-3], sys.argv[-2], int(sys.argv[-1])
def watch(frame, event, arg):
    global left
    if frame.f_code.co_name == where and "/harness/" in frame.f_code.co_filename and event == event_wanted:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return watch
sys.settrace(watch)
getattr(office, sys.argv[3])()
"""


@pytest.fixture
def file_office(tmp_path: Path) -> Iterator[Office]:
    database = Database(tmp_path / "harness.db")
    database.migrate()
    yield Office(database, tmp_path / "team")
    database.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "moment"),
    [
        ("morning", "send call 1"), ("morning", "send return 1"), ("morning", "send return 2"),
        ("morning", "_replace call 1"), ("morning", "_replace return 1"),
        ("evening", "_move_on call 1"), ("evening", "_replace call 1"), ("evening", "_replace return 1"),
        ("evening", "_replace return 2"), ("evening", "_replace return 3"),
    ],
)  # fmt: skip
def test_killed_at_any_moment_the_next_run_ends_as_if_nothing_had_been(
    file_office: Office, what: str, moment: str, tmp_path: Path
) -> None:
    untouched = Database(tmp_path / "other.db")
    untouched.migrate()
    offices = (file_office, Office(untouched, tmp_path / "other"))
    for office in offices:
        office.write("- P1 scout: one\n- P0 sam: two\n  mine\n\nwords\n")
        if what == "evening":
            office.morning()
    arguments = [str(file_office.database.path), str(file_office.root), what, *moment.split()]
    done = subprocess.run([sys.executable, "-c", _KILLED, *arguments], check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -signal.SIGKILL
    for office in offices:
        getattr(office, what)()
    assert len(file_office.requests()) == 2
    folders = [office.path().parent for office in offices]
    left, whole = ({path.name: path.read_text() for path in folder.glob("2026*")} for folder in folders)
    assert left == whole
    untouched.close()


def test_both_jobs_run_in_the_team_and_end_silent_where_there_is_nothing_to_say(workbench: Workbench) -> None:
    job = "---\nschedule: daily 09:30\naction: followup-dispatch\ndeliver: terminal\n---\nAsks.\n"
    workbench.write(
        {
            "agents/scout/jobs/ask.md": job,
            "agents/scout/jobs/write.md": job.replace("dispatch", "status").replace("09:30", "20:30"),
        }
    )
    fires = [workbench.run("scout/ask"), workbench.run("scout/write")]
    assert [(fire.state, fire.reason) for fire in fires] == [
        (FireState.SILENT, "there is no file of follow-ups yet"), (FireState.SILENT, "nothing is open"),
    ]  # fmt: skip
    workbench.write({"shared-context/followups/2026-11-21.md": "- P0 sam: Look at https://example.org/x\n"})
    assert workbench.run("scout/ask").state is FireState.DELIVERED
    assert "## Asked now" in workbench.printed.getvalue()
    assert (workbench.root / "shared-context/followups/2026-11-21.md").read_text().startswith("- [asked] P0 sam")
