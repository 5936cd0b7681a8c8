"""Killed anywhere between its first and its last line, learning from runs is gone on with: nothing lost or doubled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

EXAMINE = '''
import json, os, shutil, signal, sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from harness.domain.run import FireKind
from harness.domain.tool import ToolResult
from harness.runs.examining import Examiner, Lessons
from harness.runs.incidents import LedgerIncidents
from harness.runs.nodes import Installation, Membership
from harness.store.database import Database
from harness.store.examinations import Home, unexamined_runs
from harness.store.runs import NewRun, end_run, queue_run
from harness.testing.engine import MemoryEngine
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import load
from tests.memory.recorded import Recorded, failed

NOW = datetime(2026, 11, 21, 15, 59, tzinfo=UTC)
WRONG = ("feeds.table", {"field": "BUY_AMT"}, failed("unknown field BUY_AMT"))
RIGHT = ("feeds.table", {"field": "BUY_AMOUNT"}, ToolResult("7 rows"))
LEARN = ("learn", {"title": "twice", "right": "Count twice."}, ToolResult("noted"))
RUNS = {"r-1": Recorded((WRONG, RIGHT, LEARN)), "r-2": Recorded((RIGHT,)), "r-3": Recorded((WRONG,))}
PARTS = ("/runs/examining.py", "/memory/", "/store/durable_file.py", "/store/exchange.py", "/store/examinations.py")


def prepare(root):
    write_workspace_files(root)
    path = root / "agents/scout/.learnings/ERRORS.md"
    path.parent.mkdir()
    path.write_text("# Mine\\n\\nMy own words.\\n")
    (root / ".harness").mkdir()
    with closing(Database(root / ".harness/harness.db")) as database:
        database.migrate()
        with database.write() as connection:
            for number, run_id in enumerate(RUNS):
                queue_run(connection, NewRun(run_id, "scout/morning", "agent", FireKind.MANUAL, number, 1), NOW)
                state = "failed" if run_id == "r-3" else "delivered"
                ended_at = NOW + timedelta(minutes=number)
                end_run(connection, run_id, ended_at, outcome={"state": state, "reason": "no"})


def examine(root, kill_at):
    """Learn in a process of its own, which is killed at the given line; return its lines and its end."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader) as pipe:
            said = pipe.read()
        _, status = os.waitpid(child, 0)
        return int(said or 0), os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    try:
        os.write(writer, str(learn(root, kill_at)).encode())
        os._exit(0)
    finally:
        sys.excepthook(*sys.exc_info())
        os._exit(1)


def learn(root, kill_at):
    lines = 0

    def trace(frame, event, arg):
        nonlocal lines
        if not any(part in frame.f_code.co_filename for part in PARTS):
            return None
        if event == "line":
            lines += 1
            if lines == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    with closing(Database(root / ".harness/harness.db")) as database:
        incidents = LedgerIncidents(database, lambda: NOW)
        engine = MemoryEngine()
        here = Membership(database, engine, Installation("i", "n", "h"), workflow_version=1, now=lambda: NOW)
        lessons = Lessons(
            database,
            lambda: replace(workspace, root=root),
            here,
            lambda run_id: RUNS[run_id].steps(),
            incidents,
            root / ".harness",
        )
        sys.settrace(trace)
        Examiner(lessons).look()
        sys.settrace(None)
    return lines


def result(root):
    texts = {
        str(path.relative_to(root)): path.read_text()
        for folder in ("agents/scout/.learnings", "memory")
        for path in sorted((root / folder).rglob("*.md"))
    }
    with closing(Database(root / ".harness/harness.db")) as database, database.read() as connection:
        home = Home(("scout",), (), "", ())
        return {"texts": texts, "left": [run.id for run in unexamined_runs(connection, home, 9)]}


folder = Path(sys.argv[1])
prepare(folder / "template")
workspace = load(folder / "template", {}, now=NOW).workspace


def play(name, kill_at):
    root = folder / name
    shutil.copytree(folder / "template", root)
    first = examine(root, kill_at)
    again = examine(root, 0)
    came_to = result(root)
    shutil.rmtree(root)
    return first, again, came_to


(lines, _), _, whole = play("whole", 0)
kills = 40
different, killed = [], 0
for number in range(kills):
    kill_at = 1 + number * (lines - 1) // (kills - 1)
    (_, killed_by), (_, ended), came_to = play(f"killed-{kill_at}", kill_at)
    killed += killed_by == signal.SIGKILL
    if ended != 0 or came_to != whole:
        different.append([kill_at, killed_by, ended, came_to])
print(json.dumps({"lines": lines, "whole": whole, "different": different, "killed": killed}))
'''


def test_learning_that_is_killed_anywhere_loses_and_doubles_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXAMINE, str(tmp_path)], capture_output=True, text=True, cwd=Path(__file__).parents[2],
        timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    texts = said["whole"]["texts"]
    assert said["whole"]["left"] == []
    errors, notes = texts["agents/scout/.learnings/ERRORS.md"], texts["memory/scout/2026-11-21.md"]
    assert errors.startswith("# Mine\n\nMy own words.\n\n## ERR-")
    assert (errors.count("## ERR-"), errors.count("ok: true"), errors.count("ok: false")) == (1, 1, 1)
    assert texts["agents/scout/.learnings/LEARNINGS.md"].count("## LRN-") == 1
    assert len(notes.splitlines()) == 5
    assert said["lines"] > 1_000
    assert said["different"] == []
    # How long it waits for a file to lie still differs, so that the last lines are not come to each time.
    assert said["killed"] >= 20
