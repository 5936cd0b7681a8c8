"""A MEMORY.md that changes: whatever leaves it is in the archive first, and the records follow the file."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path, PurePosixPath

import pytest

from harness.domain.errors import OwnerError
from harness.domain.learning import Learning, Verification
from harness.domain.tokens import estimate_tokens
from harness.memory.agent_memory import AgentMemory, known_to
from harness.memory.bullets import bullets_of
from harness.memory.compression import BUDGET_TOKENS
from harness.memory.learnings import parse_learnings
from harness.memory.learnings_writer import with_learning
from harness.memory.promotion import words_of
from harness.memory.upkeep import compress_memory, follow, forget, page_of, promote_into, roll_back

SOURCE = str(Path(__file__).parents[2])
TODAY = date(2026, 11, 22)
MINE = "# What I know\n\n- Sam reads in the morning.\n"
ERRORS = "agents/scout/.learnings/ERRORS.md"


def learning(number: int, *, held: int = 3, **more: object) -> Learning:
    times = tuple(Verification(f"run-{number}-{n}", TODAY - timedelta(days=n + 1), "test") for n in range(held))
    made = Learning(
        f"ERR-20261101-{number:04x}", f"lesson {number}", f"{number:04x}", "agent/scout", "tool", 2, date(2026, 11, 1),
        trigger=f"calling tool {number}", right=f"use field {number * 7919}", verifications=times, status="promoted",
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def write_memory(root: Path, *learnings: Learning, mine: str = MINE) -> AgentMemory:
    """A workspace whose agent scout has these records, those promoted in its MEMORY.md."""
    memory = AgentMemory(root, root / ".harness", "scout")
    text = "# Errors\n\nMine too.\n"
    for each in learnings:
        text = with_learning(text, each)
    (root / ERRORS).parent.mkdir(parents=True, exist_ok=True)
    (root / ERRORS).write_text(text, encoding="utf-8")
    bullets = "".join(f"- {words_of(each)} ^{each.id}\n" for each in learnings if each.status == "promoted")
    (root / memory.file).write_text(f"{mine}\n## Learned\n\n{bullets}", encoding="utf-8")
    return memory


def statuses(memory: AgentMemory) -> dict[str, str]:
    return {kept.learning.id: kept.learning.status for kept in memory.records()}


def standing(memory: AgentMemory) -> set[str]:
    return {bullet.record.id for bullet in bullets_of(memory.text() or "") if bullet.record.id}


def files_of(root: Path) -> dict[str, str]:
    """Every file that a person sees, with its text; hidden ones are cleared away by the next change."""
    return {
        str(path.relative_to(root)): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file() and ".harness" not in path.parts and not path.name.startswith(".")
    }


def test_what_has_no_room_is_a_page_of_the_archive_and_its_record_says_so(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, *(learning(n, held=3 + n, right=f"{n} " + "word " * 200) for n in range(20)))
    done = compress_memory(memory, TODAY)
    text = memory.text() or ""
    assert estimate_tokens(text) <= BUDGET_TOKENS
    assert text.startswith(MINE)
    gone = {one.id for one in done.removed}
    assert gone
    assert gone.isdisjoint(standing(memory))
    assert {each for each, status in statuses(memory).items() if status == "archived"} == gone
    index = (tmp_path / "memory/archive/scout/Archive of scout.md").read_text(encoding="utf-8")
    for one in done.removed:
        page = (tmp_path / "memory/archive/scout" / f"{one.id}.md").read_text(encoding="utf-8")
        assert one.text.removeprefix("- ") in page
        found = parse_learnings(page).find(one.id)
        assert found is not None
        assert found.verifications == known_to(memory)[one.id].verifications
        assert f"[[{one.id}]]" in index
    before = files_of(tmp_path)
    assert compress_memory(memory, TODAY + timedelta(days=7)).removed == ()
    assert files_of(tmp_path) == before


def test_a_memory_that_a_person_made_too_long_is_named_and_nothing_changes(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, learning(1), mine="# Mine\n\n" + "- word after word\n" * 1_000)
    before = files_of(tmp_path)
    with pytest.raises(OwnerError, match=r"scout/MEMORY\.md: what you wrote .* takes [\d,]+ tokens of 2,700; shorten"):
        compress_memory(memory, TODAY)
    assert files_of(tmp_path) == before


def test_a_file_of_another_agent_that_is_no_text_keeps_nobody_from_their_work_and_an_own_one_is_named(
    tmp_path: Path,
) -> None:
    memory = write_memory(tmp_path, learning(1), learning(2, status="superseded"))
    other = tmp_path / "agents/zoe/.learnings/ERRORS.md"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"\xff")
    (tmp_path / memory.file).write_text(f"- outdated ^{learning(2).id}\n", encoding="utf-8")
    assert [one.id for one in compress_memory(memory, TODAY).removed] == [learning(2).id]
    (tmp_path / ERRORS).write_bytes(b"\xff")
    with pytest.raises(OwnerError, match=r"ERRORS\.md: is no UTF-8 text; save the file as UTF-8"):
        compress_memory(memory, TODAY)


def test_age_alone_takes_nothing_out(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, learning(1), learning(2))
    assert compress_memory(memory, TODAY + timedelta(days=4_000)).removed == ()
    assert set(statuses(memory).values()) == {"promoted"}


def test_a_page_that_a_person_wrote_on_keeps_it_when_its_record_comes_again(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, learning(1))
    compress_memory(memory, TODAY, 40)
    page = tmp_path / "memory/archive/scout/ERR-20261101-0001.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(before + "\nWhy did we drop this?\n", encoding="utf-8")
    promote_into(memory, [replace(learning(1), right="use field 1")], TODAY)
    forget(memory, replace(learning(1), right="use field 1"), TODAY)
    assert "why: no room\n" in before
    text = page.read_text(encoding="utf-8")
    assert "Why did we drop this?" in text
    assert "why: forgotten\n" in text
    assert "use field 7919" in text
    assert "use field 1." in text
    assert (tmp_path / "memory/archive/scout/Archive of scout.md").read_text(encoding="utf-8").count("[[") == 1


def test_what_is_forgotten_leaves_the_file_and_comes_back_when_it_is_promoted(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, learning(1, is_pinned=True), learning(2))
    before = memory.text()
    forget(memory, learning(1, is_pinned=True), TODAY)
    assert standing(memory) == {learning(2).id}
    assert statuses(memory) == {learning(1).id: "archived", learning(2).id: "promoted"}
    assert page_of(memory, learning(1).id) is not None
    assert MINE in (memory.text() or "")
    promote_into(memory, [known_to(memory)[learning(1).id]], TODAY)
    assert sorted((memory.text() or "").splitlines()) == sorted((before or "").splitlines())
    assert set(statuses(memory).values()) == {"promoted"}


def test_the_records_follow_what_a_person_does_with_the_bullets(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, learning(1), learning(2), learning(3, status="archived"))
    text = (memory.text() or "").splitlines(keepends=True)
    (tmp_path / memory.file).write_text("".join(line for line in text if learning(1).id not in line), encoding="utf-8")
    with (tmp_path / memory.file).open("a", encoding="utf-8") as file:
        file.write(f"- back again ^{learning(3).id}\n")
    follow(memory, TODAY)
    assert statuses(memory) == {
        learning(1).id: "archived", learning(2).id: "promoted", learning(3).id: "promoted"
    }  # fmt: skip
    assert "use field 7919" in (tmp_path / f"memory/archive/scout/{learning(1).id}.md").read_text(encoding="utf-8")


def test_a_bullet_that_a_person_put_back_is_not_taken_out_for_its_record_being_archived(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, learning(1))
    forget(memory, learning(1), TODAY)
    long_ago = (tmp_path / memory.file).stat().st_mtime - 600
    for version in memory.versions.newest_first():
        os.utime(version.path, (long_ago, long_ago))
    with (tmp_path / memory.file).open("a", encoding="utf-8") as file:
        file.write(f"- {words_of(learning(1))} ^{learning(1).id}\n")
    assert compress_memory(memory, TODAY).removed == ()
    assert statuses(memory) == {learning(1).id: "promoted"}


def test_nothing_is_concluded_from_a_memory_that_is_not_there(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, learning(1))
    (tmp_path / memory.file).unlink()
    follow(memory, TODAY)
    assert statuses(memory) == {learning(1).id: "promoted"}


def test_an_earlier_version_comes_back_with_its_records_and_what_was_new_is_archived(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, learning(1), learning(2, status="verified"))
    earlier = memory.text() or ""
    promote_into(memory, [learning(2)], TODAY)
    forget(memory, learning(1), TODAY)
    roll_back(memory, earlier, TODAY)
    assert memory.text() == earlier
    assert statuses(memory) == {learning(1).id: "promoted", learning(2).id: "archived"}
    assert page_of(memory, learning(2).id) is not None


def test_what_somebody_adds_to_a_record_while_it_is_promoted_stays(tmp_path: Path) -> None:
    memory = write_memory(tmp_path, learning(1, status="verified"))
    stale = learning(1, status="verified", held=0)
    promote_into(memory, [stale], TODAY)
    (kept,) = memory.records()
    assert (kept.learning.status, len(kept.learning.verifications)) == ("promoted", 3)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_record_is_changed_where_it_stands_and_the_text_around_it_stays(tmp_path: Path, number: int) -> None:
    memory = write_memory(tmp_path, learning(1), learning(2), learning(3))
    text = (tmp_path / ERRORS).read_text(encoding="utf-8")
    forget(memory, learning(number), TODAY)
    lines = (tmp_path / ERRORS).read_text(encoding="utf-8").splitlines()
    changed = [(old, new) for old, new in zip(text.splitlines(), lines, strict=True) if old != new]
    assert changed == [("status: promoted", "status: archived")]


# ── At the same moment ───────────────────────────────────────────────────────────────────────────


def test_records_promoted_and_forgotten_at_the_same_moment_lose_nothing_of_each_other(tmp_path: Path) -> None:
    coming = [learning(n, status="verified") for n in range(2)]
    going = [learning(n) for n in range(2, 4)]
    memory = write_memory(tmp_path, *coming, *going)

    def change(each: Learning) -> None:
        if each in coming:
            promote_into(memory, [each], TODAY)
        else:
            forget(memory, each, TODAY)

    with ThreadPoolExecutor() as pool:
        list(pool.map(change, [*coming, *going]))
    assert standing(memory) == {each.id for each in coming}
    assert {id_ for id_, status in statuses(memory).items() if status == "promoted"} == {each.id for each in coming}
    assert all(page_of(memory, each.id) is not None for each in going)
    index = memory.read(PurePosixPath("memory/archive/scout/Archive of scout.md")) or ""
    assert all(index.count(f"[[{each.id}]]") == 1 for each in going)
    assert (memory.text() or "").startswith(MINE)


# ── Killed at every point ────────────────────────────────────────────────────────────────────────

KILLED = """
import os, sys
from tests.memory.test_upkeep import AgentMemory, Path, do

left = int(sys.argv[3])
CALLS = {"open", "write", "flush", "fsync", "rename", "replace", "link", "unlink", "close", "mkdir", "renameat2"}

def count(frame, event, arg):
    global left
    if event == "c_call" and arg.__name__ in CALLS and "/harness/" in frame.f_code.co_filename:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)

root = Path(sys.argv[1])
memory = AgentMemory(root, root / ".harness", "scout")
sys.setprofile(count)
do(sys.argv[2], memory)
sys.setprofile(None)
print(left)
"""
LESSONS = [learning(n, held=3 + n, right=f"{n} " + "word " * 20) for n in range(3)]
READY = learning(3, status="verified", right="3 " + "word " * 20)
BEFORE = f"{MINE}\n## Learned\n\n- {words_of(LESSONS[2])} ^{LESSONS[2].id}\n"


def do(verb: str, memory: AgentMemory) -> None:
    """One change of a MEMORY.md with LESSONS in it."""
    match verb:
        case "compress":
            compress_memory(memory, TODAY, 60)
        case "promote":
            promote_into(memory, [READY], TODAY)
        case "forget":
            forget(memory, LESSONS[1], TODAY)
        case "roll back":
            roll_back(memory, BEFORE, TODAY)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["compress", "promote", "forget", "roll back"])
def test_killed_at_any_point_a_change_loses_nothing_and_done_again_it_is_whole(tmp_path: Path, verb: str) -> None:
    environ = {**os.environ, "PYTHONPATH": SOURCE}
    words = {each.id: words_of(each) for each in LESSONS}

    def attempt(root: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
        write_memory(root, *LESSONS, READY)
        return subprocess.run(
            [sys.executable, "-c", KILLED, str(root), verb, str(kill_at)],
            env=environ, capture_output=True, text=True, check=False,
        )  # fmt: skip

    whole = attempt(tmp_path / "whole", 1_000_000)
    assert whole.returncode == 0, whole.stderr
    points = 1_000_000 - int(whole.stdout)
    expected = files_of(tmp_path / "whole")
    assert points > 15

    def kill(at: int) -> tuple[bool, dict[str, str]]:
        root = tmp_path / str(at)
        assert attempt(root, at).returncode == -9
        left = files_of(root)
        told = left["agents/scout/MEMORY.md"] + "".join(
            text for name, text in left.items() if "archive/scout/ERR" in name
        )
        is_lost = not all(f"{said} ^{learning_id}" in told for learning_id, said in words.items())
        do(verb, AgentMemory(root, root / ".harness", "scout"))
        return is_lost, files_of(root)

    with ThreadPoolExecutor(4) as pool:
        for at, (is_lost, after) in enumerate(pool.map(kill, range(1, points + 1)), start=1):
            assert not is_lost, f"killed at {at}: neither in MEMORY.md nor in the archive"
            assert after == expected, f"killed at {at}"
