"""Goes through a team's night in processes that are killed, each at another point: `killed_night.py FOLDER [STEP]`.

Prints a line of JSON: how many points there are, and the points after which the next attempt came to something else
than a night that nobody disturbed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from harness.store.address import file_address
from harness.store.database import Database
from tests.reflection.records import CANDIDATE, PROVEN, held, like
from tests.reflection.team import MEMORY, Office

_STAGES = frozenset({"_carry_out", "publish_memory", "change", "write", "write_offered", "commit_night", "_git"})
_DURABLE = frozenset({"rename", "replace", "unlink", "fsync", "mkdir", "fork_exec"})
_ENDLESS = 1_000_000
OUTSIDE = like(PROVEN, 3, trust=0, origin="external", fingerprint="33")
RUN = "cron:zoe/reflect:1"


def prepare(folder: Path) -> None:
    """Make a team in a repository that has much to do tonight."""
    database = Database.connect(file_address(folder / "harness.db"))
    database.migrate()
    office = Office(database, folder / "team")
    crowd = [
        like(PROVEN, 16 + n, fingerprint=f"{n}", right=f"use field {n} " + "of the list " * 240, status="promoted")
        for n in range(5)
    ]
    office.learn(PROVEN, CANDIDATE, OUTSIDE, *crowd, agent="zoe")
    bullets = "".join(
        f"- of field {n} and what is said of it {'again ' * 600}^{each.id}\n" for n, each in enumerate(crowd)
    )
    office.path("agents/zoe/MEMORY.md").write_text(f"{MEMORY}\n## Learned\n\n{bullets}", encoding="utf-8")
    theirs = replace(PROVEN, id="ERR-20261122-0009", status="promoted", fingerprint="55", scope="agent/scout")
    office.learn(theirs)
    office.learn(like(theirs, 9, scope="agent/zoe", verifications=(replace(held("z", 1), run="r"),)), agent="zoe")
    office.path("harness.toml").write_text("", encoding="utf-8")
    office.path(".gitignore").write_text(".harness/\n", encoding="utf-8")
    git(office.root, "init", "-q")
    git(office.root, "config", "user.name", "Sam")
    git(office.root, "config", "user.email", "sam@home.example")
    git(office.root, "add", "-A")
    git(office.root, "commit", "-q", "-m", "mine")
    database.close()


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def in_a_child(work: Callable[..., None], *arguments: Any) -> int:
    """Do the work in a process of its own; return its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(*arguments)
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def reflect(folder: Path, kill_at: int, left_in: Path | None = None) -> None:
    """Go through the night, and die at that point of it."""
    database = Database.connect(file_address(folder / "harness.db"))
    office = Office(database, folder / "team")
    left = kill_at

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal left
        is_durable = event in ("c_call", "c_return") and getattr(arg, "__name__", "") in _DURABLE
        is_stage = "/reflection/" in frame.f_code.co_filename and frame.f_code.co_name in _STAGES
        if is_durable or (is_stage and event in ("call", "return")):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), 9)

    sys.setprofile(count)
    told = office.reflect(RUN, agent="zoe")
    sys.setprofile(None)
    database.close()
    if left_in is not None:
        left_in.write_text(json.dumps({"left": left, "reason": told.reason}), encoding="utf-8")


def end_of(folder: Path) -> dict[str, Any]:
    """Return all that the night came to.

    A hidden file that was to take the place of the follow-ups, and did not any more, is nobody's and left out.
    """
    root = folder / "team"
    for unfinished in (root / "shared-context/followups").glob(".*.new"):
        unfinished.unlink()
    files = {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".git" not in path.parts and ".harness" not in path.parts
    }
    commits = git(root, "log", "--format=%s%n%b%an").split("\n")
    return {"files": files, "commits": commits, "status": git(root, "status", "--porcelain")}


def main() -> None:
    """Kill a night at every point, or at every so many."""
    folder, step = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    template, left_in = folder / "template", folder / "left.json"
    template.mkdir()
    assert in_a_child(prepare, template) == 0
    whole = folder / "whole"
    shutil.copytree(template, whole)
    assert in_a_child(reflect, whole, _ENDLESS, left_in) == 0
    expected, reason = end_of(whole), json.loads(left_in.read_text())["reason"]
    points = _ENDLESS - json.loads(left_in.read_text())["left"]
    wrong: list[int] = []
    for point in range(1, points + 1, step):
        copy = folder / "copy"
        shutil.copytree(template, copy)
        assert in_a_child(reflect, copy, point) == -9
        again = in_a_child(reflect, copy, _ENDLESS, left_in)
        if again != 0 or end_of(copy) != expected or json.loads(left_in.read_text())["reason"] != reason:
            wrong.append(point)
        shutil.rmtree(copy)
    print(json.dumps({"points": points, "wrong": wrong, "reason": reason, "commits": expected["commits"]}))


if __name__ == "__main__":
    main()
