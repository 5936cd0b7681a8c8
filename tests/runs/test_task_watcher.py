"""The action `task-watcher`: what nobody moves is told once, and an idle look costs next to nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from harness.bus.finals import bury, finish
from harness.bus.log import standing_of
from harness.bus.radar.coder import KEY_PREFIX
from harness.bus.radar.folder import RadarFolder, path_of
from harness.bus.sending import send
from harness.bus.team import Team
from harness.domain.cause import dead_letter_cause
from harness.domain.job import Job
from harness.domain.radar import Move, Technology
from harness.domain.request import SYSTEM, Final, Situation
from harness.domain.run import FireKind, FireState
from harness.runs.actions import ActionResult
from harness.runs.incidents import LedgerIncidents
from harness.runs.task_watcher import CAUSE, task_watcher
from harness.store.database import Database
from harness.store.fires import add_fire
from harness.store.incidents import open_incident, open_incidents
from tests.bus.team_of import NOW, ask, team_of

JOB = Job(agent="zoe", name="task-watcher", path="", schedules=(), zone="UTC")
EVERY = timedelta(minutes=5)


class Watch:
    """A watcher that looks every five minutes, and a team whose requests it looks at."""

    def __init__(self, database: Database, root: Path) -> None:
        self.database = database
        self.root = root
        team = team_of("zoe", "scout")
        self.team: Team = replace(team, workspace=replace(team.workspace, root=root))
        self.action = task_watcher(database, lambda: self.team, lambda now: LedgerIncidents(database, lambda: now))

    def look(self, at: datetime) -> ActionResult:
        result = self.action(JOB, at, at)
        with self.database.write() as connection:
            due_at = int(at.timestamp())
            add_fire(
                connection, job_id=JOB.id, due_at=due_at, kind=FireKind.CRON, state=FireState.SILENT, reason="",
                run_id=None, now=at,
            )  # fmt: skip
        return result

    def send(self, task: str, due: timedelta, key: str | None = None, sender: str = "zoe") -> str:
        asked = ask(sender, "scout", task, due_at=NOW + due, key=key or task)
        with self.database.write(alone=True) as connection:
            return send(connection, asked, self.team, NOW).standing.request.id

    def looks(self, until: timedelta) -> Iterator[tuple[timedelta, ActionResult]]:
        """Look every five minutes; yield the looks that spoke, with the time since NOW."""
        passed = EVERY
        while passed <= until:
            result = self.look(NOW + passed)
            if result.text:
                yield passed, result
            passed += EVERY

    def causes(self) -> list[str]:
        with self.database.read() as connection:
            return [row.cause for row in open_incidents(connection)]


@pytest.fixture
def watch(database: Database, tmp_path: Path) -> Watch:
    return Watch(database, tmp_path / "team")


def test_where_nothing_is_open_it_is_silent(watch: Watch) -> None:
    assert watch.look(NOW) == ActionResult("nothing is open")


def test_an_idle_look_takes_less_than_five_milliseconds(watch: Watch) -> None:
    for number in range(50):
        request_id = watch.send(f"task {number}", timedelta(days=1), sender="user")
        with watch.database.write(alone=True) as connection:
            standing = standing_of(connection, request_id, for_change=True)
            finish(connection, standing, Final("done", "so"), by=SYSTEM, now=NOW)
    watch.action(JOB, NOW, NOW)
    spent = []
    for _ in range(50):
        begun = time.perf_counter()
        assert watch.action(JOB, NOW, NOW).text == ""
        spent.append(time.perf_counter() - begun)
    # The fastest of many: whatever else the machine does, this is what the work itself costs.
    assert min(spent) < 0.005


def test_work_without_news_is_told_once_when_half_of_its_time_is_over(watch: Watch) -> None:
    request_id = watch.send("Count the kettles", timedelta(hours=4))
    ((passed, result),) = watch.looks(timedelta(hours=3, minutes=55))
    assert passed == timedelta(hours=2, minutes=5)
    assert result.text.startswith(
        f"## Requests that nobody moves\n\n- **no news** {request_id}, zoe → scout: `Count the kettles`, due 20:00\n"
    )
    assert result.reason == "1 request stuck; 1 open, 0 dead letters"


def test_what_is_overdue_and_still_open_is_told_once(watch: Watch) -> None:
    watch.send("Count the kettles", timedelta(minutes=30))
    ((passed, result),) = watch.looks(timedelta(hours=2))
    assert passed == timedelta(minutes=35)
    assert "**overdue**" in result.text


def test_a_new_dead_letter_is_told_once_and_not_if_an_alert_told_it(watch: Watch) -> None:
    untold, told = watch.send("One", timedelta(days=1)), watch.send("Two", timedelta(days=1))
    with watch.database.write(alone=True) as connection:
        for request_id in (untold, told):
            standing = standing_of(connection, request_id, for_change=True)
            bury(connection, standing, Final("failed", "gone"), Situation.WORKING, by=SYSTEM, now=NOW)
        open_incident(connection, dead_letter_cause(told), "it died", NOW)
        connection.exec_driver_sql(f"UPDATE incident SET alerted_at = {NOW.timestamp()}")
    ((passed, result),) = watch.looks(timedelta(hours=1))
    assert passed == EVERY
    assert (untold in result.text, told in result.text) == (True, False)
    assert "1 request stuck; 0 open, 2 dead letters" in result.reason


def test_a_decision_whose_page_was_never_written_is_brought_up_to_date(watch: Watch) -> None:
    folder = RadarFolder(watch.root)
    found = Technology("", "Lantern", "discovered", "tools", "https://lantern.example/", "scout", "run:1")
    slug = folder.add(found, Move(NOW.date(), "discovered", "New.", "run:1")).slug
    watch.send("Try it", timedelta(days=1), key=f"{KEY_PREFIX}{slug} trial cron:zoe/radar:1")
    assert (
        watch.look(NOW + EVERY).reason
        == "1 open, 0 dead letters, 1 radar page brought up to date; nothing new is stuck"
    )
    assert (page := folder.read().technologies[0]).ring == "trial"
    assert page.request
    assert watch.look(NOW + 2 * EVERY).reason == "1 open, 0 dead letters; nothing new is stuck"


def test_a_page_that_cannot_be_changed_is_an_incident_until_it_can(watch: Watch) -> None:
    folder = RadarFolder(watch.root)
    found = Technology("", "Lantern", "discovered", "tools", "https://lantern.example/", "scout", "run:1")
    folder.add(found, Move(NOW.date(), "discovered", "New.", "run:1"))
    path = watch.root / path_of("lantern")
    sound = path.read_text()
    path.write_text(sound.replace("ring: discovered", "ring:\n  discovered"))
    watch.send("Try it", timedelta(days=1), key=f"{KEY_PREFIX}lantern trial cron:zoe/radar:1")
    watch.look(NOW + EVERY)
    assert watch.causes() == [f"{CAUSE}lantern"]
    path.write_text(sound)
    watch.look(NOW + 2 * EVERY)
    assert watch.causes() == []
    assert folder.read().technologies[0].ring == "trial"
