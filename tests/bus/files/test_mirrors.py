"""The mirrors: files that say what the log says, whatever happened to files, process, database or clock."""

from __future__ import annotations

import gc
import json
import re
import signal
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.event import listen

from harness.bus.ending import answer, cancel
from harness.bus.files.mirror_pages import entry_of, status_of
from harness.bus.files.mirrors import ALL_EVERY, Mirrors
from harness.bus.files.seal import is_sealed, seal
from harness.bus.log import append, standing_of
from harness.bus.sending import send
from harness.bus.team import Team
from harness.domain.request import (
    Body,
    DeadLettered,
    Dropped,
    Event,
    Evidence,
    Final,
    Finished,
    HandedOff,
    Progressed,
    Request,
    Requested,
    Resent,
    Situation,
    Standing,
    Watch,
    fold,
)
from harness.domain.workspace import Workspace
from harness.gate.redact import redact
from harness.runs.incidents import LedgerIncidents
from harness.store.database import Database
from harness.store.incidents import open_incidents
from harness.store.json_codec import from_json
from harness.store.request_log import events_of
from harness.store.requests import requests_in
from tests.bus.team_of import NOW, ask, team_of

SECRET = "hunter2-hunter2"


class Bench:
    """A database, a team with a folder, and its mirrors."""

    def __init__(self, database: Database, root: Path, zone: str = "UTC") -> None:
        self.database = database
        self.root = root
        self.now = NOW
        team = team_of("zoe", "scout", "macro")
        settings = replace(team.workspace.settings, home_zone=zone)
        self.team: Team = replace(team, workspace=replace(team.workspace, root=root, settings=settings))
        self.incidents = LedgerIncidents(database, lambda: self.now)
        self.mirrors = self.anew()

    def anew(self) -> Mirrors:
        """Return the mirrors as a process that begins has them."""
        return Mirrors(self.database, self.workspace, self.incidents, lambda text: redact(text, [SECRET]))

    def workspace(self) -> Workspace:
        return self.team.workspace

    def send(self, sender: str = "zoe", receiver: str = "scout", task: str = "count", **fields: Any) -> Standing:
        with self.database.write(alone=True) as connection:
            return send(connection, ask(sender, receiver, task, **fields), self.team, self.now).standing

    def answer(self, request_id: str, conclusion: str = "three", **fields: Any) -> None:
        with self.database.write(alone=True) as connection:
            answer(connection, request_id, Final("done", conclusion, **fields), by="user", now=self.now)

    def cancel(self, request_id: str) -> None:
        with self.database.write(alone=True) as connection:
            cancel(connection, request_id, "", by="user", now=self.now)

    def status(self, request_id: str) -> Path:
        return self.root / f"shared-context/job-status/{request_id}.json"

    def page(self, day: str = "2026-11-21") -> Path:
        return self.root / f"shared-context/dispatches/{day}.md"

    def causes(self) -> list[str]:
        with self.database.read() as connection:
            return [incident.cause for incident in open_incidents(connection)]

    def check(self) -> None:
        """Compare every mirror with the fold of its log, and see that there is no other."""
        with self.database.read() as connection:
            logs = {row.id: events_of(connection, row.id) for row in requests_in(connection)}
        files = {path.stem: path.read_text() for path in self.status("x").parent.glob("r-*.json")}
        assert files.keys() == logs.keys()
        pages = "".join(path.read_text() for path in self.page().parent.glob("2026-*.md"))
        for request_id, events in logs.items():
            document = json.loads(files[request_id])
            assert is_sealed(files[request_id])
            told = {key: value for key, value in document.items() if key not in ("written_by", "seal", "made_from")}
            assert told == status_of(events)
            assert document["state"] == fold(events).state
            assert from_json(Request, document["asked"]) == fold(events).request
            assert pages.count(f"[{request_id}]") == 1


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Bench:
    return Bench(database, tmp_path / "team")


def test_mirrors_are_equal_to_the_log_after_every_look(bench: Bench) -> None:
    first = bench.send().request.id
    question = bench.send("scout", "user", "May I?", background="because").request.id
    bench.mirrors.look(bench.now)
    bench.check()
    bench.answer(question, actions=("go on",))
    bench.cancel(first)
    bench.mirrors.look(bench.now)
    bench.check()
    assert bench.causes() == []


def test_the_file_of_a_request_has_stable_keys(bench: Bench) -> None:
    request_id = bench.send("scout", "user", "May I?").request.id
    bench.answer(request_id, "yes", evidence=(Evidence("shared-context/intel/x.md", 3, "ab"),))
    bench.mirrors.look(bench.now)
    document = json.loads(bench.status(request_id).read_text())
    assert list(document) == [
        "written_by", "seal", "made_from", "id", "version", "updated_at", "state", "situation", "sender", "receiver",
        "due_at", "run", "delivery", "delivered_at", "confirmed_at", "news_at", "closed_at", "noticed_at", "note",
        "asked", "final", "evidence", "dead_letter", "log",
    ]  # fmt: skip
    page = (Path(__file__).parents[3] / "docs/request-files.md").read_text()
    assert [key for key in document if f"`{key}`" not in page] == []
    assert document["written_by"].startswith("the harness")
    assert document["final"]["conclusion"] == "yes"
    assert document["evidence"] == [{"path": "shared-context/intel/x.md", "size_bytes": 3, "sha256": "ab"}]
    assert [event["kind"] for event in document["log"]] == ["requested", "delivered", "confirmed", "final"]


def test_the_page_of_a_day_is_the_same_whether_its_requests_came_one_by_one_or_at_once(
    database: Database, tmp_path: Path
) -> None:
    bench, at_once = Bench(database, tmp_path / "one by one"), Bench(database, tmp_path / "at once")
    for number, minutes in enumerate((50, 10, 30, 30, 20, 40)):
        # As of nodes whose clocks differ: what was made earlier comes to light later.
        bench.now = NOW + timedelta(minutes=minutes)
        request_id = bench.send("scout", "user", f"task {number}").request.id
        bench.now = NOW + timedelta(hours=1)
        bench.mirrors.look(bench.now, everything=minutes == 40)
        if minutes in (20, 30):
            bench.answer(request_id)
            bench.mirrors.look(bench.now)
    at_once.mirrors.look(bench.now)
    assert bench.page().read_text() == at_once.page().read_text()
    assert re.findall(r"^## (\S+)", bench.page().read_text(), re.MULTILINE) == [
        "16:10",
        "16:20",
        "16:30",
        "16:30",
        "16:40",
        "16:50",
    ]


def test_the_page_of_a_day_says_who_asked_whom_for_what_and_what_came_of_it(database: Database, tmp_path: Path) -> None:
    bench = Bench(database, tmp_path, zone="America/Los_Angeles")
    bench.now = datetime.fromisoformat("2026-11-21T17:30:00+00:00")
    question = bench.send("scout", "user", "May I use *this*?\n# really", due_at=bench.now + timedelta(hours=1))
    bench.now += timedelta(seconds=2)
    handed = bench.send("zoe", "scout", "count", priority="high", fallback="I do it")
    with database.write(alone=True) as connection:
        said = append(
            connection,
            standing_of(connection, handed.request.id),
            Progressed(1, "two so far"),
            by="scout",
            now=bench.now,
        )
        append(connection, said, HandedOff(1, "macro", "not mine"), by="scout", now=bench.now)
    bench.now -= timedelta(seconds=1)  # the last that comes to light, and the second on the page
    bench.send("user", "scout", "tell", watch=Watch(file="intel/*.md"))
    bench.answer(question.request.id, "yes, but\nnot on Sundays", evidence=(Evidence("notes/x.md", 1, "a"),))
    bench.mirrors.look(bench.now)
    page = bench.page().read_text()
    assert (
        page.splitlines()[2:]
        == f"""\
# Requests of Saturday, 21 November 2026

3 requests: 1 done, 1 watching, 1 not delivered yet. Times are those of America/Los_Angeles.

## 09:30 scout → user: May I use \\*this\\*? # really

- **done at 09:30, due 10:30** · [{question.request.id}](../job-status/{question.request.id}.json)
- yes, but not on Sundays
- evidence: notes/x.md

## 09:30 user → scout: tell

- **waits until the file intel/\\*.md appears, due 10:30** · [{{watched}}](../job-status/{{watched}}.json)

## 09:30 zoe → macro: count

- **not delivered yet, due 10:30, high priority** · [{handed.request.id}](../job-status/{handed.request.id}.json)
- passed on by scout
- last news: two so far
- otherwise: I do it
""".replace("{watched}", re.findall(r"tell\n\n.*\[(r-\w+)\]", page)[0]).splitlines()
    )


@pytest.mark.parametrize(
    ("settled", "line"),
    [
        (None, '- **dead letter**, waits for you: `harness bus resend r-1` or `harness bus drop r-1 --reason "…"`'),
        (Resent("r-2"), "- sent again as r-2"),
        (Dropped("the *release* is out"), "- given up: the \\*release\\* is out"),
    ],
)
def test_the_page_says_of_a_dead_letter_what_is_to_be_done_or_was(settled: Resent | Dropped | None, line: str) -> None:
    at = datetime.fromisoformat("2026-11-21T17:30:00+00:00")
    asked = Requested(Request("r-1", "zoe", "scout", "count", at, at, "k"))
    bodies: list[Body | None] = [
        asked,
        Finished(Final("timed_out", "late")),
        DeadLettered("late", Situation.WORKING),
        settled,
    ]
    log = [Event("r-1", number, at, "system", body) for number, body in enumerate(bodies, 1) if body is not None]
    assert entry_of(log, "UTC", str).text.splitlines()[-1] == line


def test_a_request_stands_on_the_page_of_the_day_that_it_is_at_home(database: Database, tmp_path: Path) -> None:
    bench = Bench(database, tmp_path, zone="Asia/Tokyo")
    bench.send()
    bench.mirrors.look(bench.now)
    assert bench.page("2026-11-22").is_file()
    assert not bench.page("2026-11-21").exists()
    bench.team = replace(bench.team, workspace=replace(bench.workspace(), settings=team_of().workspace.settings))
    bench.mirrors.look(bench.now)
    assert [path.name for path in bench.page().parent.glob("2026*")] == ["2026-11-21.md"]


def test_only_what_changed_is_written(bench: Bench) -> None:
    ids = [bench.send("user", "scout", f"task {number}").request.id for number in range(5)]
    assert bench.mirrors.look(bench.now).written == 6
    stamps = {request_id: bench.status(request_id).stat() for request_id in ids}
    assert bench.mirrors.look(bench.now).written == 0
    bench.cancel(ids[2])
    assert bench.mirrors.look(bench.now).written == 2
    assert [bench.status(one).stat() != stamps[one] for one in ids] == [False, False, True, False, False]


def test_a_process_that_begins_writes_nothing_that_is_up_to_date(bench: Bench) -> None:
    for number in range(3):
        bench.send("user", "scout", f"task {number}")
    bench.mirrors.look(bench.now)
    assert bench.anew().look(bench.now).written == 0


def test_an_event_that_comes_to_light_late_is_mirrored(bench: Bench) -> None:
    bench.send(task="first")
    bench.mirrors.look(bench.now)
    bench.now -= timedelta(seconds=90)
    bench.send(task="second")
    bench.mirrors.look(NOW)
    bench.check()


def test_what_happens_after_the_clock_was_set_back_is_mirrored_at_once(bench: Bench) -> None:
    bench.mirrors.look(NOW)
    bench.mirrors.look(NOW + timedelta(minutes=4))
    bench.now = NOW + timedelta(seconds=30)
    bench.send()
    bench.mirrors.look(bench.now)
    bench.check()


@pytest.mark.parametrize("loss", ["status", "page", "both", "folder"])
def test_deleted_mirrors_come_back(bench: Bench, loss: str) -> None:
    request_id = bench.send().request.id
    bench.mirrors.look(bench.now)
    for path in (bench.status(request_id), bench.page()):
        if loss in ("both", "folder", "status" if path.suffix == ".json" else "page"):
            path.unlink()
        if loss == "folder":
            path.parent.rmdir()
    bench.now += ALL_EVERY
    bench.mirrors.look(bench.now)
    bench.check()


def test_mirrors_follow_a_database_that_was_restored_to_an_earlier_state(bench: Bench, tmp_path: Path) -> None:
    request_id = bench.send("scout", "user", "May I?").request.id
    later = bench.send("user", "scout", "later").request.id
    bench.answer(request_id, "yes")
    bench.mirrors.look(bench.now)
    with bench.database.write() as connection:
        # What a restore does: the later request and the answer never happened, and another answer comes.
        connection.exec_driver_sql(f"DELETE FROM event WHERE request_id = '{later}'")
        connection.exec_driver_sql(f"DELETE FROM request WHERE id = '{later}'")
        connection.exec_driver_sql(f"DELETE FROM event WHERE request_id = '{request_id}' AND number = 4")
        connection.exec_driver_sql(
            f"UPDATE request SET version = 3, state = 'confirmed', closed_at = NULL WHERE id = '{request_id}'"
        )
    bench.now += timedelta(seconds=1)
    bench.answer(request_id, "no")
    bench.anew().look(bench.now)
    bench.check()
    assert not bench.status(later).exists()
    assert json.loads(bench.status(request_id).read_text())["final"]["conclusion"] == "no"
    assert bench.causes() == []


@pytest.mark.parametrize("mirror", ["status", "page"])
def test_what_a_person_edited_is_moved_aside_and_told_until_they_delete_it(bench: Bench, mirror: str) -> None:
    request_id = bench.send("scout", "user", "May I?").request.id
    bench.mirrors.look(bench.now)
    path = bench.status(request_id) if mirror == "status" else bench.page()
    edited = path.read_text().replace("May I?", "You may.")
    path.write_text(edited)
    bench.answer(request_id)
    assert bench.mirrors.look(bench.now).moved_aside == 1
    bench.check()
    [aside] = path.parent.glob(f"{path.name}.edited-*")
    assert aside.read_text() == edited
    cause = f"edited {path.relative_to(bench.root)}"
    assert bench.causes() == [cause]
    aside.unlink()
    bench.now += ALL_EVERY
    bench.mirrors.look(bench.now)
    assert bench.causes() == []


def test_an_edit_is_noticed_though_the_request_does_not_change(bench: Bench) -> None:
    request_id = bench.send().request.id
    bench.mirrors.look(bench.now)
    bench.status(request_id).write_text("{}")
    bench.now += ALL_EVERY
    assert bench.mirrors.look(bench.now).moved_aside == 1
    bench.check()


def test_a_link_in_place_of_a_mirror_is_moved_aside_and_never_written_through(bench: Bench, tmp_path: Path) -> None:
    request_id = bench.send().request.id
    secret = tmp_path / "mine.txt"
    secret.write_text("mine")
    bench.status(request_id).parent.mkdir(parents=True)
    bench.status(request_id).symlink_to(secret)
    bench.mirrors.look(bench.now)
    bench.check()
    assert secret.read_text() == "mine"
    assert not bench.status(request_id).is_symlink()


def test_files_of_others_in_the_folders_stay_as_they_are(bench: Bench) -> None:
    bench.send()
    mine = {bench.status("mine"): "{}", bench.page("README"): "# Dispatches\n", bench.page("2020-01-01"): "mine\n"}
    for path, text in mine.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for _ in range(2):
        bench.mirrors.look(bench.now, everything=True)
    assert {path: path.read_text() for path in mine} == mine
    assert bench.causes() == []


def test_files_of_requests_that_ended_a_month_ago_are_removed_and_the_log_is_not(bench: Bench) -> None:
    old, dead, running = (bench.send("scout", "user", task).request.id for task in ("old", "dead", "running"))
    bench.answer(old)
    bench.answer(dead)
    with bench.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE request SET is_dead = 1 WHERE id = '{dead}'")
    bench.mirrors.look(bench.now)
    bench.now += timedelta(days=32)
    assert bench.mirrors.look(bench.now).removed == 1
    assert [bench.status(one).exists() for one in (old, dead, running)] == [False, True, True]
    assert f"[{old}]" not in bench.page().read_text()
    bench.answer(running)
    with bench.database.write() as connection:
        connection.exec_driver_sql("UPDATE request SET is_dead = 0")
    bench.now += timedelta(days=32)
    bench.mirrors.look(bench.now)
    assert not any((bench.root / "shared-context").rglob("*.*"))
    with bench.database.read() as connection:
        assert len(requests_in(connection)) == 3


def test_secrets_that_agents_write_reach_no_mirror(bench: Bench) -> None:
    request_id = bench.send("scout", "user", f"use {SECRET}", background="-----BEGIN PRIVATE KEY-----\nabc").request.id
    bench.answer(request_id, f"PASSWORD={SECRET} and sk-abcdefghijklmnopqrst")
    bench.mirrors.look(bench.now)
    for path in (bench.status(request_id), bench.page()):
        text = path.read_text()
        assert SECRET not in text
        assert "abcdefghijklmnopqrst" not in text
        assert "PRIVATE KEY" not in text
        assert "[redacted]" in text or "\\[redacted\\]" in text
    assert json.loads(bench.status(request_id).read_text())["final"]["result"] == "done"


def test_a_text_that_quotes_a_seal_and_a_comment_fools_nobody(bench: Bench) -> None:
    forged = seal(f"made_from: {'0' * 32} sha256:{'0' * 64} -->")
    request_id = bench.send("scout", "user", forged).request.id
    bench.mirrors.look(bench.now)
    bench.check()
    assert bench.anew().look(bench.now).written == 0
    bench.answer(request_id, forged)
    assert bench.mirrors.look(bench.now).moved_aside == 0


def test_a_folder_that_cannot_be_written_is_an_error_until_it_can_and_then_all_is_there(bench: Bench) -> None:
    bench.send()
    in_the_way = bench.root / "shared-context/job-status"
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("no folder")
    for _ in range(2):
        with pytest.raises(OSError, match="job-status"):
            bench.mirrors.look(bench.now)
    assert bench.page().is_file()
    in_the_way.unlink()
    bench.mirrors.look(bench.now)
    bench.check()


def test_a_log_that_cannot_be_read_hides_no_other_and_is_told(bench: Bench) -> None:
    broken, strange, sound = (bench.send("scout", "user", task).request.id for task in ("broken", "strange", "sound"))
    with bench.database.write() as connection:
        connection.exec_driver_sql(f"DELETE FROM event WHERE request_id = '{broken}' AND number = 2")
        connection.exec_driver_sql(f"UPDATE event SET body = '[]' WHERE request_id = '{strange}' AND number = 2")
    bench.mirrors.look(bench.now)
    assert [bench.status(one).exists() for one in (broken, strange, sound)] == [False, False, True]
    assert bench.page().read_text().count("](../job-status/") == 1
    assert sorted(bench.causes()) == sorted([f"request log {broken}", f"request log {strange}"])


def test_two_nodes_of_one_database_each_have_their_own_mirrors(database: Database, tmp_path: Path) -> None:
    here, there = Bench(database, tmp_path / "here"), Bench(database, tmp_path / "there")
    request_id = here.send("scout", "user", "May I?").request.id
    there.mirrors.look(NOW)
    here.mirrors.look(NOW)
    there.answer(request_id)
    for bench in (here, there):
        bench.mirrors.look(NOW)
        bench.check()


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.bus.team_of import NOW
from tests.bus.files.test_mirrors import Bench
from harness.store.database import Database
database = Database(Path(sys.argv[1]))
where, event_wanted, left = sys.argv[-3], sys.argv[-2], int(sys.argv[-1])
def watch(frame, event, arg):
    global left
    if frame.f_code.co_name == where and "/harness/" in frame.f_code.co_filename and event == event_wanted:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return watch
sys.settrace(watch)
Bench(database, Path(sys.argv[2])).mirrors.look(NOW)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        "_compare_all return 1",
        "_write_status call 2",
        "_put call 1",
        "_write_page return 1",
        "_put return 3",
        "_write_page call 1",
    ],
)
def test_a_kill_in_the_middle_leaves_nothing_that_the_next_process_does_not_put_right(
    tmp_path: Path, moment: str
) -> None:
    path = tmp_path / "harness.db"
    database = Database(path)
    database.migrate()
    bench = Bench(database, tmp_path / "team")
    for number in range(3):
        bench.send("user", "scout", f"task {number}")
    arguments = [str(path), str(bench.root), *moment.split()]
    done = subprocess.run([sys.executable, "-c", _KILLED, *arguments], check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -signal.SIGKILL
    bench.mirrors.look(bench.now)
    bench.check()
    assert bench.causes() == []
    database.close()


def test_ten_thousand_final_requests_cost_a_look_next_to_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "harness.db")
    database.migrate()
    bench = Bench(database, tmp_path / "team")
    bench.send()
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO request (id, sender, receiver, state, version, token, priority, due_at, made_at, updated_at,"
            " closed_at, depth, key, task) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE"
            " i < 10000) SELECT 'r-' || i, 'a', 'b', 'final', 4, 1, 1, 0, 1795000000 + i, 1795000000 + i,"
            " 1795000000 + i, 0, i, '' FROM n"
        )
    bench.mirrors.look(bench.now)
    bench.send(task="another")
    statements: list[str] = []
    listen(database.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    assert bench.mirrors.look(bench.now).written == 2
    asked = [statement for statement in statements if "FROM request" in statement]
    assert len(asked) == 1
    assert "updated_at >=" in asked[0]
    database.close()


def test_what_is_remembered_of_a_request_is_small(tmp_path: Path) -> None:
    database = Database(tmp_path / "harness.db")
    database.migrate()
    bench = Bench(database, tmp_path / "team")
    bench.send(task="what is loaded and built once")
    bench.mirrors.look(bench.now)
    for number in range(150):
        bench.now += timedelta(seconds=61)
        bench.send(task=f"{number} {'kettles ' * 300}", key=str(number))
    tracemalloc.start(5)
    try:
        assert bench.mirrors.look(bench.now).written == 151
        gc.collect()
        mine = tracemalloc.Filter(True, "*/harness/bus/files/*", all_frames=True)
        kept = tracemalloc.take_snapshot().filter_traces([mine]).statistics("filename")
    finally:
        tracemalloc.stop()
    assert sum(one.size for one in kept) < 150 * 1000
    database.close()
