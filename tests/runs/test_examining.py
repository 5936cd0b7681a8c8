"""What runs show is in the files of their agents soon after they ended: once, and whatever stands in the way first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from harness.domain.learning import Learning
from harness.domain.run import FireKind, FireState
from harness.memory.learnings import parse_learnings
from harness.pytest_plugin import NOW, Workbench
from harness.runs.examining import Examiner, Lessons
from harness.runs.incidents import LedgerIncidents
from harness.runs.nodes import Installation, Membership
from harness.store.database import Database
from harness.store.examinations import Home, record_examined, unexamined_runs
from harness.store.incidents import open_incidents
from harness.store.runs import NewRun, claim_runs, end_run, queue_run
from harness.testing.engine import MemoryEngine
from harness.testing.openai_server import ChatAnswer, OpenAIServer, call_tools, say
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import load
from tests.runs.model_workspace import with_model
from tests.runs.test_asking import Models, agent, job, tool

EIGHT = NOW + timedelta(minutes=1)
ERRORS = "agents/zoe/.learnings/ERRORS.md"
WRONG = call_tools(tool("files_write", {"path": "intel/cups.md", "text": "six"}))
RIGHT = call_tools(tool("files_write", {"path": "shared-context/intel/cups.md", "text": "six"}))
READ = call_tools(tool("files_read", {"path": "shared-context/intel/cups.md"}))
DONE = say("I wrote it.")


@pytest.fixture
def models(workbench: Workbench) -> Iterator[Models]:
    """One agent that may write into shared-context/intel, and nothing due but its report."""
    models = Models()
    with OpenAIServer(models.answer) as server:
        workbench.write({**with_model(server), **agent("zoe"), **job("zoe"), "agents/scout/jobs/morning.md": None})
        yield models


def run(workbench: Workbench, models: Models, *says: ChatAnswer, day: int = 0) -> FireState:
    models.says = {"zoe": list(says)}
    workbench.tick_at(EIGHT + timedelta(days=day))
    return max(workbench.fires(), key=lambda fire: fire.due_at).state


def records(workbench: Workbench, file: str = ERRORS) -> list[Learning]:
    path = workbench.root / file
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [found.learning for found in parse_learnings(text).found]


def notes(workbench: Workbench, day: str = "2026-11-21") -> list[str]:
    path = workbench.root / f"memory/zoe/{day}.md"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def incidents(workbench: Workbench) -> dict[str, str]:
    with workbench.system.database.read() as connection:
        return {each.cause: each.message for each in open_incidents(connection)}


def test_a_mended_call_is_a_record_that_later_runs_bear_out(workbench: Workbench, models: Models) -> None:
    assert run(workbench, models, WRONG, RIGHT, DONE) is FireState.DELIVERED
    assert not (workbench.root / ERRORS).exists()
    assert workbench.system.learn() == 1
    assert workbench.system.learn() == 0
    (first,) = records(workbench)
    assert first.trigger.startswith("calling files.write")
    assert (first.origin, first.trust, first.status) == ("tool", 2, "candidate")
    assert first.right == 'files.write {"path": "shared-context/intel/cups.md", "text": "six"}'
    assert (first.run or "").startswith("cron:zoe/report:")
    for day, says in ((1, (READ, RIGHT, DONE)), (2, (READ, WRONG, RIGHT, DONE)), (3, (DONE,))):
        run(workbench, models, *says, day=day)
    assert workbench.system.learn() == 3
    (learning,) = records(workbench)
    assert [(str(each.at), each.check) for each in learning.verifications] == [
        ("2026-11-22", "exit_code"),
        ("2026-11-23", "exit_code"),
    ]
    assert learning.status == "verified"
    assert notes(workbench) == [f"- {learning.id} was noted: {learning.title} ({learning.run})"]
    assert notes(workbench, "2026-11-22") == [f"- {learning.id} held ({learning.verifications[0].run})"]
    assert notes(workbench, "2026-11-24") == []


def test_a_run_that_failed_is_in_the_notes_of_its_day(workbench: Workbench, models: Models) -> None:
    assert run(workbench, models, say("“Buy gold now”", finish="content_filter")) is FireState.FAILED
    workbench.system.learn()
    (line,) = notes(workbench)
    assert line.startswith("- zoe/report failed: ")
    assert "gold" not in line
    assert records(workbench) == []


def test_previews_and_forks_teach_nothing(workbench: Workbench, models: Models) -> None:
    models.says = {"zoe": [WRONG, RIGHT, DONE]}
    workbench.run("zoe/report", preview=True)
    assert workbench.system.learn() == 1
    assert (records(workbench), notes(workbench)) == ([], [])


def test_a_record_that_a_person_broke_is_named_and_the_run_waits(workbench: Workbench, models: Models) -> None:
    run(workbench, models, WRONG, RIGHT, DONE)
    workbench.system.learn()
    path = workbench.root / ERRORS
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("trust: 2", "trust: a lot"), encoding="utf-8")
    run(workbench, models, WRONG, READ, RIGHT, DONE, day=1)
    for _ in range(2):
        assert workbench.system.learn() == 0
        message = incidents(workbench)["lessons of zoe"]
        assert message.startswith(f"what zoe learned is not written: {path}:")
        assert "its trust is 'a lot'" in message
    path.write_text(good, encoding="utf-8")
    assert workbench.system.learn() == 1
    assert "lessons of zoe" not in incidents(workbench)
    assert [len(each.verifications) for each in records(workbench)] == [1]


@pytest.mark.parametrize("in_the_way", ["a file", "no text"])
def test_a_place_that_cannot_be_written_is_an_incident_until_it_can(
    workbench: Workbench, models: Models, in_the_way: str
) -> None:
    run(workbench, models, WRONG, RIGHT, DONE)
    folder = workbench.root / "agents/zoe/.learnings"
    if in_the_way == "a file":
        folder.write_text("in the way", encoding="utf-8")
    else:
        folder.mkdir()
        (folder / "ERRORS.md").write_bytes(b"\xff\xfe\x00")
    assert workbench.system.learn() == 0
    assert str(folder) in incidents(workbench)["lessons of zoe"]
    if in_the_way == "a file":
        folder.unlink()
    else:
        (folder / "ERRORS.md").unlink()
    assert workbench.system.learn() == 1
    assert len(records(workbench)) == 1
    assert "lessons of zoe" not in incidents(workbench)


def test_what_a_person_wrote_around_the_records_stays_to_the_byte(workbench: Workbench, models: Models) -> None:
    mine = "# Mine\r\n\r\nno end of line"
    (workbench.root / "agents/zoe/.learnings").mkdir()
    (workbench.root / ERRORS).write_bytes(mine.encode())
    run(workbench, models, WRONG, RIGHT, DONE)
    workbench.system.learn()
    assert (workbench.root / ERRORS).read_bytes().startswith(mine.encode())
    assert len(records(workbench)) == 1


# ── Whose runs are examined where ────────────────────────────────────────────────────────────────


def ended(database: Database, run_id: str, agent_name: str, owner: str, *, lane: str = "agent", **outcome: str) -> None:
    with database.write() as connection:
        new = NewRun(run_id, f"{agent_name}/report", lane, FireKind.MANUAL, 1, 1)
        queue_run(connection, new, NOW)
        claim_runs(connection, owner=owner, now=NOW, max_running=9, node="x", only=run_id)
        end_run(connection, run_id, NOW, outcome={"state": "delivered", **outcome})


def test_an_agents_runs_are_examined_at_its_home_and_others_where_they_were(database: Database) -> None:
    for run_id, agent_name, owner in (
        ("r-here", "mac", "other-1.1"),
        ("r-elsewhere", "studio", "me-1.2"),
        ("r-mine", "free", "me-1.2"),
        ("r-theirs", "free", "other-1.1"),
        ("r-of-the-dead", "free", "dead-1.1"),
        ("r-like-mine", "free", "me-10.1"),
    ):
        ended(database, run_id, agent_name, owner)
    home = Home(here=("mac",), elsewhere=("studio",), executors="me-1.", gone=("dead-1.1",))
    with database.read() as connection:
        assert {each.id for each in unexamined_runs(connection, home, 10)} == {"r-here", "r-mine", "r-of-the-dead"}
        assert {each.id for each in unexamined_runs(connection, home, 10, but=("free",))} == {"r-here"}
    with database.write() as connection:
        record_examined(connection, ["r-mine"])
    with database.read() as connection:
        assert {each.id for each in unexamined_runs(connection, home, 10)} == {"r-here", "r-of-the-dead"}


def test_of_runs_without_a_model_only_those_that_failed_are_looked_at(database: Database) -> None:
    ended(database, "r-1", "zoe", "me.1", lane="system")
    ended(database, "r-2", "zoe", "me.1", lane="system", state="failed")
    home = Home(("zoe",), (), "me.", ())
    with database.read() as connection:
        (found,) = unexamined_runs(connection, home, 10)
    assert (found.id, found.outcome["state"], datetime.fromtimestamp(found.ended_at, UTC)) == ("r-2", "failed", NOW)


class Node:
    """One of several daemons on a database, with a folder of its own."""

    def __init__(self, database: Database, root: Path, name: str) -> None:
        files = {**agent("bound"), **agent("free")}
        files["agents/bound/agent.toml"] = 'description = "At home on one node"\non = "mac"\n'
        files["agents/free/agent.toml"] = 'description = "At home wherever it ran"\n'
        self.root = write_workspace_files(root, {name: text or "" for name, text in files.items()})
        self.membership = Membership(
            database, MemoryEngine(), Installation(f"{name}-1", name, "host"), workflow_version=1, now=lambda: NOW
        )
        self.membership.join("daemon")
        workspace = load(self.root, {}, now=NOW).workspace
        incidents = LedgerIncidents(database, lambda: NOW)
        lessons = Lessons(
            database, lambda: workspace, self.membership, lambda run_id: (), incidents, root / ".harness", node=name
        )
        self.examiner = Examiner(lessons)

    def notes(self) -> dict[str, list[str]]:
        """Return the lines of each agent's notes."""
        files = sorted((self.root / "memory").glob("*/*.md"))
        return {path.parent.name: path.read_text(encoding="utf-8").splitlines() for path in files}


def test_two_nodes_of_one_database_write_into_their_own_agents_files_and_nothing_twice(
    database: Database, tmp_path: Path
) -> None:
    nodes = {name: Node(database, tmp_path / name, name) for name in ("mac", "studio")}
    for number, (agent_name, owner) in enumerate(
        (("bound", "studio"), ("free", "mac"), ("free", "studio"), ("gone", "mac"), ("free", "nobody"))
    ):
        executor = nodes[owner].membership.executor_id if owner in nodes else "nobody.1"
        ended(database, f"r-{number}", agent_name, executor, state="failed", reason="no")
    assert nodes["studio"].examiner.look() == 1, "of an agent bound to mac it has nothing, and the free one's own run"
    assert nodes["mac"].examiner.look() == 3
    assert nodes["mac"].notes() == {
        "bound": ["- bound/report failed: no (r-0)"],
        "free": ["- free/report failed: no (r-1)"],
    }
    assert nodes["studio"].notes() == {"free": ["- free/report failed: no (r-2)"]}
    nodes["studio"].membership.leave()
    ended(database, "r-9", "free", nodes["studio"].membership.executor_id, state="failed", reason="no")
    assert nodes["mac"].examiner.look() == 1, "whoever is there takes up what one that left has left"
