"""The inbox folder: what is dropped there is asked for once, whatever happens meanwhile, or refused with the reason."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from harness.bus.files.dropped_file import MAX_BYTES
from harness.bus.files.inbox_folder import STILL_IF_ODD_S, STILL_S, InboxFolder, TakenIn
from harness.bus.log import standing_of
from harness.bus.sending import send
from harness.bus.team import Team
from harness.domain.request import RequestState, Standing
from harness.runs.incidents import LedgerIncidents
from harness.store.database import Database
from harness.store.incidents import open_incidents
from harness.store.requests import RequestRow, requests_in
from tests.bus.team_of import NOW, ask, team_of

FILE = "---\nto: scout\ndue: 2h\n---\nCount the kettles.\n"


class Stand:
    """A team with an inbox folder, and a stopwatch that the test moves."""

    def __init__(self, database: Database, root: Path, node: str = "") -> None:
        self.database = database
        self.root = root
        self.now = NOW
        self.seconds = 0.0
        team = team_of("zoe", "scout")
        self.team: Team = replace(team, workspace=replace(team.workspace, root=root))
        self.node = node
        self.inbox = self.anew()
        self.folder = root / "shared-context/dispatches/inbox"
        self.folder.mkdir(parents=True, exist_ok=True)

    def anew(self) -> InboxFolder:
        return InboxFolder(
            self.database, lambda: self.team, LedgerIncidents(self.database, lambda: self.now),
            state=self.root / ".harness", stopwatch=lambda: self.seconds, node=self.node,
        )  # fmt: skip

    def drop(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def look(self, wait_s: float = STILL_S) -> TakenIn:
        """Look twice, with so many seconds in between."""
        self.inbox.look(self.now)
        self.seconds += wait_s
        return self.inbox.look(self.now)

    def requests(self) -> list[RequestRow]:
        with self.database.read() as connection:
            return requests_in(connection)

    def standing(self, request_id: str) -> Standing:
        with self.database.read() as connection:
            return standing_of(connection, request_id)

    def incidents(self) -> dict[str, str]:
        with self.database.read() as connection:
            return {one.cause: one.message for one in open_incidents(connection)}

    def files(self) -> list[str]:
        names = [path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()]
        return sorted(name for name in names if not name.startswith("refused/."))  # what a kill left half written


@pytest.fixture
def stand(database: Database, tmp_path: Path) -> Stand:
    return Stand(database, tmp_path / "team")


def test_a_file_becomes_a_request_and_moves_to_those_taken_with_its_id(stand: Stand) -> None:
    stand.drop("kettles.md", FILE)
    [request_id] = stand.look().taken
    standing = stand.standing(request_id)
    assert (standing.request.sender, standing.receiver, standing.state) == ("user", "scout", RequestState.CONFIRMED)
    assert standing.request.task == "Count the kettles."
    assert standing.request.due_at == NOW + timedelta(hours=2)
    assert stand.files() == [f"taken/kettles.{request_id}.md"]
    assert (stand.folder / stand.files()[0]).read_text() == FILE
    assert stand.incidents() == {}


def test_the_folder_is_made_where_it_is_missing(database: Database, tmp_path: Path) -> None:
    stand = Stand(database, tmp_path / "team")
    stand.folder.rmdir()
    stand.look()
    assert stand.folder.is_dir()


def test_a_file_that_is_still_written_is_left_until_it_lies_still(stand: Stand) -> None:
    path = stand.drop("x.md", "---\nto: scout\n")
    for text in ("---\nto: scout\n---\n", "---\nto: scout\n---\nCount", FILE):
        assert stand.look(STILL_S / 2) == TakenIn()
        path.write_text(text)
    assert stand.look(STILL_S / 2) == TakenIn()
    assert len(stand.look(STILL_S).taken) == 1


def test_an_empty_file_has_time_to_be_filled_and_is_refused_if_nobody_does(stand: Stand) -> None:
    path = stand.drop("x.md", "")
    assert stand.look(STILL_IF_ODD_S / 2) == TakenIn()
    path.write_text(FILE)
    assert len(stand.look().taken) == 1
    stand.drop("y.md", "")
    assert stand.look(STILL_IF_ODD_S).refused == ("y.md",)


@pytest.mark.parametrize(
    "name", [".x.md", "#x.md#", "x.md~", ".x.md.swp", "x.md.tmp", "x.md.new", "4913", "README.md", "~$x.md"]
)
def test_files_of_editors_are_left_alone(stand: Stand, name: str) -> None:
    stand.drop(name, FILE)
    assert stand.look(STILL_IF_ODD_S) == TakenIn()
    assert stand.files() == [name]


def test_what_cannot_be_understood_is_put_aside_with_the_reason_and_told_until_it_is_gone(stand: Stand) -> None:
    stand.drop("x.md", "---\nto: scuot\n---\nCount.\n")
    assert stand.look().refused == ("x.md",)
    assert stand.files() == ["refused/x.md", "refused/x.md.reason.md"]
    said = "shared-context/dispatches/inbox/x.md:2: unknown agent 'scuot'; did you mean 'scout'?"
    assert said in (stand.folder / "refused/x.md.reason.md").read_text()
    assert list(stand.incidents()) == ["inbox x.md"]
    assert said in stand.incidents()["inbox x.md"]
    assert stand.requests() == []
    refused = stand.folder / "refused/x.md"
    refused.write_text(FILE)
    refused.rename(stand.folder / "x.md")
    assert len(stand.look().taken) == 1
    assert stand.incidents() == {}


def test_a_second_file_of_a_refused_name_keeps_both(stand: Stand) -> None:
    for text in ("one", "two"):
        stand.drop("x.md", text)
        stand.look()
    assert stand.files() == [
        "refused/x.2.md", "refused/x.2.md.reason.md", "refused/x.md", "refused/x.md.reason.md",
    ]  # fmt: skip
    assert (stand.folder / "refused/x.2.md").read_text() == "two"


def test_incidents_of_what_was_refused_are_told_by_the_next_process_too(stand: Stand) -> None:
    stand.drop("x.md", "nothing")
    stand.look()
    (stand.folder / "refused/x.md").unlink()
    stand.anew().look(stand.now)
    assert stand.incidents() == {}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.txt", FILE.encode(), "give it a name that ends in .md"),
        ("x.md", b"---\nto: scout\n---\n\xff\n", "x.md:4: is not UTF-8 text"),
        ("x.md", b"---\nto: scout\n---\n" + b"x" * MAX_BYTES, "longer than 1,000,000 bytes"),
        ("x.md", b"---\nanswers: r-nothing\n---\nYes.\n", "there is no request r-nothing"),
        ("x.reason.md", b"words", "has no front matter"),
    ],
)
def test_no_file_stays_without_an_answer(stand: Stand, name: str, content: bytes, said: str) -> None:
    stand.drop(name, content)
    stand.look(STILL_IF_ODD_S)
    assert not any(path.is_file() for path in stand.folder.iterdir())
    [message] = stand.incidents().values()
    assert said in message


def test_a_link_is_not_followed(stand: Stand, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text(FILE)
    (stand.folder / "x.md").symlink_to(secret)
    assert stand.look().refused == ("x.md",)
    assert stand.requests() == []
    assert secret.read_text() == FILE


def test_a_name_of_any_bytes_and_any_length_is_taken(stand: Stand) -> None:
    for number, name in enumerate((b"\xff\xfe.md", ("ü" * 124).encode() + b".md", b"a\nb.md", b"x" * 252 + b".md")):
        path = stand.folder / os.fsdecode(name)
        path.write_bytes(f"---\nto: scout\n---\nTask {number}\n".encode() if number else b"nothing")
    looked = stand.look()
    assert (len(looked.taken), len(looked.refused)) == (3, 1)
    assert len(stand.incidents()) == 1


def test_the_same_file_dropped_again_is_not_passed_over_in_silence(stand: Stand) -> None:
    stand.drop("x.md", FILE)
    [request_id] = stand.look().taken
    stand.drop("x.md", FILE)
    assert stand.look().refused == ("x.md",)
    assert f"was taken before, as request {request_id}" in stand.incidents()["inbox x.md"]
    stand.drop("x.md", FILE.replace("due", "key: again-1\ndue"))
    assert len(stand.look().taken) == 1
    assert len(stand.requests()) == 2


def test_a_key_in_the_file_makes_two_files_one_request(stand: Stand) -> None:
    for name in ("a.md", "b.md"):
        stand.drop(name, FILE.replace("due", "key: kettles\ndue"))
    first, second = stand.look().taken
    assert first == second
    assert len(stand.requests()) == 1


def question(stand: Stand) -> str:
    with stand.database.write(alone=True) as connection:
        return send(connection, ask("scout", "user", "May I?"), stand.team, NOW).standing.request.id


def test_a_file_answers_a_request_that_waits_for_the_person(stand: Stand) -> None:
    request_id = question(stand)
    (stand.root / "notes.md").write_text("why")
    stand.drop("yes.md", f"---\nanswers: {request_id}\nevidence: notes.md\n---\nYou may.\n")
    assert stand.look().taken == (request_id,)
    final = stand.standing(request_id).final
    assert final is not None
    assert (final.result, final.conclusion, [one.path for one in final.evidence]) == ("done", "You may.", ["notes.md"])


def test_a_second_answer_and_an_answer_without_its_evidence_are_refused(stand: Stand) -> None:
    request_id = question(stand)
    stand.drop("no.md", f"---\nanswers: {request_id}\nevidence: gone.md\n---\nYou may.\n")
    assert stand.look().refused == ("no.md",)
    stand.drop("yes.md", f"---\nanswers: {request_id}\n---\nYou may.\n")
    assert stand.look().taken == (request_id,)
    stand.drop("later.md", f"---\nanswers: {request_id}\n---\nYou may not.\n")
    assert stand.look().refused == ("later.md",)
    assert "is final already: done, You may." in stand.incidents()["inbox later.md"]


def test_a_file_that_is_saved_anew_while_it_is_taken_is_another_request(stand: Stand) -> None:
    path = stand.drop("x.md", FILE)
    saves = [FILE.replace("kettles", "cups")]

    def team() -> Team:
        # It is asked for before the file is read, and then after it.
        if stand.seconds > STILL_S and saves and next(calls) == 1:
            path.write_text(saves.pop())
        return stand.team

    calls = iter(range(100))
    stand.inbox = InboxFolder(
        stand.database, team, LedgerIncidents(stand.database, lambda: NOW), state=stand.root,
        stopwatch=lambda: stand.seconds,
    )  # fmt: skip
    for _ in range(4):
        stand.look(2 * STILL_S)
    assert sorted(row.task for row in stand.requests()) == ["Count the cups.", "Count the kettles."]
    assert stand.incidents() == {}
    assert [name.split("/")[0] for name in stand.files()] == ["taken"]


def test_two_nodes_that_share_the_folder_take_a_file_once(database: Database, tmp_path: Path) -> None:
    here, there = (Stand(database, tmp_path / "team", node) for node in ("here", "there"))
    for number in range(20):
        here.drop(f"{number}.md", f"---\nto: scout\n---\nTask {number}\n")
    for stand in (here, there):
        stand.inbox.look(NOW)
        stand.seconds += STILL_S
    taken = [*here.inbox.look(NOW).taken, *there.inbox.look(NOW).taken]
    assert len(taken) == len(set(taken)) == 20
    assert len(here.requests()) == 20
    assert here.incidents() == {}


def test_nodes_with_folders_of_their_own_close_only_their_own_incidents(database: Database, tmp_path: Path) -> None:
    here, there = (Stand(database, tmp_path / node, node) for node in ("here", "there"))
    here.drop("x.md", "nothing")
    here.look()
    there.look()
    assert list(here.incidents()) == ["inbox x.md on here"]


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.bus.files.test_inbox_folder import Stand
from harness.store.database import Database
stand = Stand(Database(Path(sys.argv[1])), Path(sys.argv[2]))
where, event_wanted, left = sys.argv[-3], sys.argv[-2], int(sys.argv[-1])
def watch(frame, event, arg):
    global left
    if frame.f_code.co_name == where and "/harness/" in frame.f_code.co_filename and event == event_wanted:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return watch
stand.inbox.look(stand.now)
stand.seconds += 60
sys.settrace(watch)
stand.inbox.look(stand.now)
"""


@pytest.fixture
def file_stand(tmp_path: Path) -> Iterator[Stand]:
    database = Database(tmp_path / "harness.db")
    database.migrate()
    yield Stand(database, tmp_path / "team")
    database.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        "_carry_out call 1", "_carry_out return 1", "_acknowledge call 1", "_acknowledge return 1", "_refuse call 1",
        "replace_text return 1", "_refuse return 1", "_answer call 1", "_answer return 1", "_acknowledge return 2",
        "_tell call 1",
    ],
)  # fmt: skip
def test_killed_at_any_moment_nothing_is_lost_and_nothing_asked_twice(file_stand: Stand, moment: str) -> None:
    request_id = question(file_stand)
    file_stand.drop("ask.md", FILE.replace("2h", "2026-11-21 18:00"))
    file_stand.drop("yes.md", f"---\nanswers: {request_id}\n---\nYou may.\n")
    file_stand.drop("bad.md", "nothing")
    arguments = [str(file_stand.database.path), str(file_stand.root), *moment.split()]
    done = subprocess.run([sys.executable, "-c", _KILLED, *arguments], check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -signal.SIGKILL
    if any(row.sender == "user" for row in file_stand.requests()):
        file_stand.now += timedelta(hours=5)  # read anew, it would be due at a moment that has passed
    file_stand.look(STILL_IF_ODD_S)
    file_stand.look()
    assert [row.task for row in file_stand.requests() if row.sender == "user"] == ["Count the kettles."]
    assert file_stand.standing(request_id).final is not None
    taken = [name for name in file_stand.files() if name.startswith("taken/")]
    assert len(taken) == 2
    assert [name for name in file_stand.files() if name not in taken] == [
        "refused/bad.md", "refused/bad.md.reason.md",
    ]  # fmt: skip
    assert list(file_stand.incidents()) == ["inbox bad.md"]
