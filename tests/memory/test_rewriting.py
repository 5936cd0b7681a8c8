"""A file that the harness and a person write at the same time: nothing of either is lost, and nothing is torn."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError, TransientError
from harness.memory.rewriting import rewrite, settle
from harness.memory.versions import Versions
from harness.store.exchange import exchange_files

SOURCE = str(Path(__file__).parents[2])
HEAD = "# Errors\n\nMine.\n"


def add(line: str) -> Callable[[str], str]:
    """A change that adds the line once."""
    return lambda text: text if line in text.splitlines() else f"{text}{line}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "agents" / "scout" / "ERRORS.md"
    path.parent.mkdir(parents=True)
    path.write_text(HEAD, encoding="utf-8")
    return path


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "state" / "versions")


def test_a_change_is_made_and_told_and_none_leaves_the_file_alone(path: Path, versions: Versions) -> None:
    done = rewrite(path, add("- one"), versions)
    assert (done.before, done.after, path.read_text(encoding="utf-8")) == (HEAD, f"{HEAD}- one\n", f"{HEAD}- one\n")
    before = path.stat()
    assert not rewrite(path, add("- one"), versions).is_changed
    assert path.stat().st_ino == before.st_ino
    assert sorted(each.name for each in path.parent.iterdir()) == ["ERRORS.md"]


def test_a_file_that_is_not_there_is_made_and_its_permissions_stay(path: Path, versions: Versions) -> None:
    path.unlink()
    rewrite(path, add("- one"), versions)
    path.chmod(0o640)
    rewrite(path, add("- two"), versions)
    assert path.read_text(encoding="utf-8") == "- one\n- two\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_is_no_text_is_named_by_its_line_and_stays(path: Path, versions: Versions) -> None:
    path.write_bytes(b"# Errors\n\xff\n")
    with pytest.raises(OwnerError, match=r"ERRORS\.md:2: is no UTF-8 text; save the file as UTF-8"):
        rewrite(path, add("- one"), versions)
    assert path.read_bytes() == b"# Errors\n\xff\n"


def test_a_change_that_fails_changes_nothing(path: Path, versions: Versions) -> None:
    def fail(text: str) -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        rewrite(path, fail, versions)
    assert path.read_text(encoding="utf-8") == HEAD


@pytest.mark.parametrize("by_rename", [True, False])
def test_what_the_person_saves_while_the_change_is_made_is_kept(
    path: Path, versions: Versions, by_rename: bool
) -> None:
    def change(text: str) -> str:
        if "- theirs" not in text:
            save(path, f"{HEAD}- theirs\n", by_rename=by_rename)
        return add("- ours")(text)

    rewrite(path, change, versions)
    assert path.read_text(encoding="utf-8") == f"{HEAD}- theirs\n- ours\n"


def test_what_the_person_saves_stays_also_where_the_change_is_impossible_then(path: Path, versions: Versions) -> None:
    def change(text: str) -> str:
        if "Mine." in text:
            save(path, "# All new\n", by_rename=True)
            return text.replace("Mine.", "Ours.")
        raise ValueError("nothing to change")

    with pytest.raises(ValueError, match="nothing to change"):
        rewrite(path, change, versions)
    assert path.read_text(encoding="utf-8") == "# All new\n"


def test_ours_is_put_back_where_an_editor_saved_a_text_that_had_not_seen_it(path: Path, versions: Versions) -> None:
    opened = path.read_text(encoding="utf-8")
    rewrite(path, add("- ours 1"), versions)
    rewrite(path, add("- ours 2"), versions)
    save(path, opened.replace("Mine.", "Mine, and more."), by_rename=False)
    settled = settle(path, versions)
    assert settled.after == "# Errors\n\nMine, and more.\n- ours 1\n- ours 2\n"
    assert path.read_text(encoding="utf-8") == settled.after


def test_what_the_person_deletes_stays_deleted(path: Path, versions: Versions) -> None:
    rewrite(path, add("- ours 1"), versions)
    rewrite(path, add("- ours 2"), versions)
    old = path.stat().st_mtime - 600
    for version in versions.newest_first():
        os.utime(version.path, (old, old))
    save(path, path.read_text(encoding="utf-8").replace("- ours 2\n", ""), by_rename=True)
    rewrite(path, add("- ours 3"), versions)
    assert path.read_text(encoding="utf-8") == f"{HEAD}- ours 1\n- ours 3\n"


def test_what_a_slow_editor_writes_into_the_file_that_came_out_is_found(path: Path, versions: Versions) -> None:
    with path.open("r+", encoding="utf-8") as slow:
        rewrite(path, add("- ours"), versions)
        slow.seek(0, os.SEEK_END)
        slow.write("- theirs, late\n")
    settle(path, versions)
    assert sorted(path.read_text(encoding="utf-8").splitlines()) == sorted(
        [*HEAD.splitlines(), "- ours", "- theirs, late"]
    )


def test_where_both_changed_a_line_the_person_is_right_and_the_change_is_told(path: Path, versions: Versions) -> None:
    rewrite(path, lambda text: text.replace("Mine.", "Ours."), versions)
    save(path, HEAD.replace("Mine.", "Mine!"), by_rename=True)
    settled = settle(path, versions)
    assert path.read_text(encoding="utf-8") == HEAD.replace("Mine.", "Mine!")
    assert [conflict.ours for conflict in settled.conflicts] in ([], ["Ours."])


def test_whoever_keeps_the_lock_too_long_is_told_of(path: Path, versions: Versions) -> None:
    def change(text: str) -> str:
        with pytest.raises(TransientError, match="has been writing in"):
            rewrite(path, add("- inner"), versions, patience_s=0.05)
        return text

    rewrite(path, change, versions)


def test_two_files_change_places(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1", encoding="utf-8")
    other.write_text("2", encoding="utf-8")
    assert exchange_files(one, other)
    assert (one.read_text(encoding="utf-8"), other.read_text(encoding="utf-8")) == ("2", "1")
    with pytest.raises(FileNotFoundError):
        exchange_files(one, tmp_path / "missing")


def save(path: Path, text: str, *, by_rename: bool) -> None:
    """Save as an editor does: in place, or beside and renamed."""
    if not by_rename:
        path.write_text(text, encoding="utf-8")
        return
    aside = path.with_name(f"{path.name}.editor")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


# ── Eight processes and an editor ────────────────────────────────────────────────────────────────

WRITER = """
import sys
from pathlib import Path
from harness.memory.rewriting import rewrite
from harness.memory.versions import Versions

path, versions, who = Path(sys.argv[1]), Versions(Path(sys.argv[2])), sys.argv[3]
for number in range(int(sys.argv[4])):
    line = f"- {who} {number}"
    rewrite(path, lambda text: text if line in text.splitlines() else f"{text}{line}\\n", versions, patience_s=300)
"""


@pytest.mark.slow
@pytest.mark.parametrize("by_rename", [True, False])
def test_eight_processes_and_an_editor_lose_nothing_of_each_other(
    path: Path, versions: Versions, tmp_path: Path, by_rename: bool
) -> None:
    edits = 100
    command = [sys.executable, "-c", WRITER, str(path), str(tmp_path / "state" / "versions")]
    environ = {**os.environ, "PYTHONPATH": SOURCE}
    writers = [subprocess.Popen([*command, f"process {n}", str(edits)], env=environ) for n in range(8)]
    saved, torn = 0, []
    dice = random.Random(7)
    while any(writer.poll() is None for writer in writers):
        if saved == 150:
            break
        text = path.read_text(encoding="utf-8")
        if not text.startswith(HEAD.partition("\n")[0]) or not text.endswith("\n"):
            torn.append(text)
            continue
        time.sleep(dice.random() * 0.05)  # a person takes a moment
        save(path, f"{text}- person {saved}\n", by_rename=by_rename)
        saved += 1
        time.sleep(dice.random() * 0.05)
    assert [writer.wait() for writer in writers] == [0] * 8
    settle(path, versions)
    lines = path.read_text(encoding="utf-8").splitlines()
    expected = {f"- process {n} {number}" for n in range(8) for number in range(edits)}
    expected |= {f"- person {number}" for number in range(saved)}
    assert not torn
    assert expected - set(lines) == set()
    assert len(lines) == len(set(lines)) == len(expected) + len(HEAD.splitlines())


# ── Killed at every point ────────────────────────────────────────────────────────────────────────

KILLED = """
import os, sys
from pathlib import Path
from harness.memory.rewriting import rewrite
from harness.memory.versions import Versions

left = int(sys.argv[3])

def count(frame, event, arg):
    global left
    if event in ("c_call", "c_return") and "/harness/" in frame.f_code.co_filename:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)

path, versions = Path(sys.argv[1]), Versions(Path(sys.argv[2]))
sys.setprofile(count)
rewrite(path, lambda text: text if "- new" in text else text + "- new\\n", versions)
sys.setprofile(None)
print(left)
"""


@pytest.mark.slow
@pytest.mark.parametrize("is_there", [True, False])
def test_a_kill_at_any_point_leaves_the_old_text_or_the_new_one_and_nothing_is_lost(
    tmp_path: Path, is_there: bool
) -> None:
    environ = {**os.environ, "PYTHONPATH": SOURCE}

    def attempt(folder: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
        path = folder / "files" / "MEMORY.md"
        path.parent.mkdir(parents=True)
        if is_there:
            rewrite(path, lambda text: "- old\n", Versions(folder / "state"))
        return subprocess.run(
            [sys.executable, "-c", KILLED, str(path), str(folder / "state"), str(kill_at)],
            env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip

    whole = attempt(tmp_path / "whole", 1_000_000)
    points = 1_000_000 - int(whole.stdout)
    assert points > 40
    outcomes: set[str] = set()
    lock = threading.Lock()

    def kill(at: int) -> None:
        folder = tmp_path / str(at)
        assert attempt(folder, at).returncode == -9
        path, versions = folder / "files" / "MEMORY.md", Versions(folder / "state")
        left = path.read_text(encoding="utf-8") if path.exists() else None
        settle(path, versions)
        after = path.read_text(encoding="utf-8") if path.exists() else None
        rewrite(path, add("- next"), versions)
        beside = [each.name for each in path.parent.iterdir() if each != path]
        with lock:
            outcomes.add(repr((left, after, path.read_text(encoding="utf-8"), beside)))

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(kill, range(1, points + 1)))
    old, new = ("- old\n", "- old\n- new\n") if is_there else (None, "- new\n")
    allowed = {repr((text, text, f"{text or ''}- next\n", [])) for text in (old, new)}
    assert outcomes == allowed
