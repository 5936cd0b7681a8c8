"""The index as a file: what it does with files that change, cannot be read, or are damaged, and who may use it when."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError, TransientError
from harness.memory.chunks import Reader
from harness.memory.index import MOST_BYTES, Refreshed
from harness.memory.recall import Question, recall
from tests.memory.team import TODAY, index, places, write

NOTE = "memory/scout/2026-11-20.md"
GARBLED = """\
# Errors

## ERR-20261101-0001 · the kettle leaks
```yaml
id: ERR-20261101-0001
status: candidate
trust: enormous
```
Right: mend the kettle

## ERR-20261101-0002 · the kettle is hot
```yaml
id: ERR-20261101-0002
fingerprint: 3c9d
scope: agent/scout
origin: tool
trust: 2
first_seen: 2026-11-01
```
Right: wait
"""


def refresh(root: Path) -> Refreshed:
    return index(root).refresh(places(root).sources)


def found(root: Path, query: str) -> list[str]:
    question = Question((query,), 50, 100_000)
    hits = index(root).ask(places(root).sources, lambda view: recall(view, question, Reader(), TODAY))
    return sorted(hit.text for hit in hits)


def settle(root: Path) -> None:
    """Make all files older than a moment, so that their times alone tell that they did not change."""
    for path in root.rglob("*.md"):
        os.utime(path, (1_795_000_000, 1_700_000_000))
    refresh(root)


def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    write(tmp_path, NOTE, "- a kettle\n")
    write(tmp_path, "memory/scout/2026-11-19.md", "- a bridge\n")
    assert refresh(tmp_path).read == 2
    settle(tmp_path)
    assert refresh(tmp_path) == Refreshed()
    write(tmp_path, NOTE, "- a lamp\n")
    assert refresh(tmp_path).read == 1
    assert (found(tmp_path, "kettle"), found(tmp_path, "lamp"), found(tmp_path, "bridge")) == (
        [], ["- a lamp"], ["- a bridge"],
    )  # fmt: skip


def test_an_edit_that_leaves_size_and_time_as_they_were_right_after_a_look_is_found(tmp_path: Path) -> None:
    path = write(tmp_path, NOTE, "- a kettle\n")
    before = path.stat()
    refresh(tmp_path)
    path.write_text("- a bridge\n", encoding="utf-8")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert found(tmp_path, "bridge") == ["- a bridge"]
    assert found(tmp_path, "kettle") == []


def test_a_file_that_is_deleted_or_renamed_is_found_where_it_is_now(tmp_path: Path) -> None:
    gone = write(tmp_path, NOTE, "- a kettle\n")
    moved = write(tmp_path, "memory/scout/2026-11-19.md", "- a bridge\n")
    refresh(tmp_path)
    gone.unlink()
    moved.rename(tmp_path / "memory/scout/2026-11-18.md")
    assert refresh(tmp_path).removed == 2
    assert found(tmp_path, "kettle") == []
    assert found(tmp_path, "bridge") == ["- a bridge"]


def test_editing_a_file_again_and_again_leaves_the_index_that_one_look_would_make(tmp_path: Path) -> None:
    for turn in range(12):
        write(tmp_path, NOTE, "\n".join(f"- kettle {n} of turn {turn}" for n in range(turn % 5)))
        write(tmp_path, f"memory/scout/2026-10-{turn + 1:02d}.md", f"- bridge {turn}\n" * 3)
        refresh(tmp_path)
    kept = contents(tmp_path)
    index(tmp_path).rebuild(places(tmp_path).sources)
    assert contents(tmp_path) == kept


def contents(root: Path) -> list[tuple[str, str, int]]:
    """Return each word of the index with its column and the number of chunks in which it stands there."""
    with closing(sqlite3.connect(root / ".harness/index.db")) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.stem USING fts5vocab(main, words, 'col')")
        return connection.execute("SELECT term, col, doc FROM temp.stem ORDER BY 1, 2").fetchall()


_MEASURE = """
import resource, sys
from pathlib import Path
from tests.memory.team import index, places
def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024**2 if sys.platform == "darwin" else 1024)
before = peak_mib()
index(Path(sys.argv[1])).refresh(places(Path(sys.argv[1])).sources)
print(peak_mib() - before)
"""


def test_a_huge_file_is_named_once_and_not_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "memory/scout/2026-11-19.md", "- a bridge\n")
    with write(tmp_path, NOTE, "- a kettle\n").open("r+b") as file:
        file.truncate(100 * 1024 * 1024)
    command = [sys.executable, "-c", _MEASURE, str(tmp_path)]
    ended = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, check=True)
    assert int(ended.stdout) < 30, "MiB more than before"
    with caplog.at_level(logging.WARNING, "harness.memory"):
        os.utime(tmp_path / NOTE, (1_795_000_000, 1_795_000_000))
        for _ in range(3):
            (gap,) = refresh(tmp_path).gaps
    assert str(gap).startswith(f"{NOTE}: has 104,857,600 bytes, and at most {MOST_BYTES:,} are read")
    assert caplog.text.count("104,857,600") == 0, "the process before has said so"
    assert found(tmp_path, "bridge") == ["- a bridge"]


def test_what_cannot_be_read_is_named_with_its_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    write(tmp_path, "memory/scout/2026-11-01.md", b"- a kettle\x00\n")
    write(tmp_path, "memory/scout/2026-11-02.md", b"- a kettle\n- caf\xe9\n")
    write(tmp_path, "agents/scout/.learnings/ERRORS.md", GARBLED)
    write(tmp_path, ".harness/artifacts/scout/morning/1795000000-cron/digest.json", "{")
    write(tmp_path, ".harness/artifacts/scout/morning/1795000001-cron/digest.json", '{"format": 7}')
    write(tmp_path, "memory/scout/2026-11-03.md", "\ufeff- a kettle with a mark\r\n")
    gaps = [str(gap) for gap in refresh(tmp_path).gaps]
    assert [gap.partition(": ")[0] for gap in gaps] == [
        "agents/scout/.learnings/ERRORS.md:4",
        "artifacts/scout/morning/1795000000-cron/digest.json",
        "artifacts/scout/morning/1795000001-cron/digest.json",
        "memory/scout/2026-11-01.md",
        "memory/scout/2026-11-02.md:2",
    ]
    assert found(tmp_path, "kettle") == ["- a kettle with a mark\r", "the kettle is hot\nRight: wait"]


def test_a_gap_is_over_when_the_file_is_mended(tmp_path: Path) -> None:
    write(tmp_path, NOTE, b"- a kettle\xff\n")
    assert refresh(tmp_path).gaps
    write(tmp_path, NOTE, "- a kettle\n")
    assert refresh(tmp_path).gaps == ()
    assert found(tmp_path, "kettle") == ["- a kettle"]


def test_pipes_and_links_in_a_circle_keep_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "memory/scout").mkdir(parents=True)
    os.mkfifo(tmp_path / NOTE)
    (tmp_path / "memory/archive").mkdir()
    (tmp_path / "memory/archive/again").symlink_to(tmp_path / "memory/archive")
    (tmp_path / "memory/archive/page.md").symlink_to("page.md")
    assert refresh(tmp_path) == Refreshed()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (b"this is no database, and never was one" * 100, "it was damaged"),
        (b"", ""),
    ],
)
def test_a_damaged_index_is_made_anew_and_the_log_says_so(
    tmp_path: Path, damage: bytes, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, NOTE, "- a kettle\n")
    refresh(tmp_path)
    (tmp_path / ".harness/index.db").write_bytes(damage)
    with caplog.at_level(logging.WARNING, "harness.memory"):
        assert found(tmp_path, "kettle") == ["- a kettle"]
    assert said in caplog.text


def test_an_index_that_is_damaged_in_its_middle_is_made_anew(tmp_path: Path) -> None:
    for day in range(1, 29):
        write(tmp_path, f"memory/scout/2026-10-{day:02d}.md", "".join(f"- kettle {n} of {day}\n\n" for n in range(40)))
    refresh(tmp_path)
    before = found(tmp_path, "kettle 7")
    path = tmp_path / ".harness/index.db"
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    assert found(tmp_path, "kettle 7") == before


def test_an_index_of_another_version_is_made_anew_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, NOTE, "- a kettle\n")
    refresh(tmp_path)
    with closing(sqlite3.connect(tmp_path / ".harness/index.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.execute("DROP TABLE file")
        connection.commit()
    with caplog.at_level(logging.WARNING, "harness.memory"):
        assert found(tmp_path, "kettle") == ["- a kettle"]
    assert "it was of format 99" in caplog.text


def test_one_that_lacks_a_table_is_made_anew(tmp_path: Path) -> None:
    write(tmp_path, NOTE, "- a kettle\n")
    refresh(tmp_path)
    with closing(sqlite3.connect(tmp_path / ".harness/index.db")) as connection:
        connection.execute("DROP TABLE words")
        connection.commit()
    assert found(tmp_path, "kettle") == ["- a kettle"]


def test_a_place_that_cannot_be_written_is_the_persons_to_mend(tmp_path: Path) -> None:
    write(tmp_path, ".harness", "a file where a folder should be")
    with pytest.raises(OwnerError, match="cannot be used"):
        refresh(tmp_path)


def test_while_another_process_writes_what_there_is_is_searched_and_nothing_waits_for_ever(tmp_path: Path) -> None:
    write(tmp_path, NOTE, "- a kettle\n")
    refresh(tmp_path)
    with index(tmp_path)._writing(1.0) as is_ours:
        assert is_ours
        write(tmp_path, NOTE, "- a bridge\n")
        look = places(tmp_path).sources
        assert not index(tmp_path).refresh(look, patience_s=0.05).is_current
        question = Question(("kettle",))
        hits = index(tmp_path).ask(look, lambda view: recall(view, question, Reader(), TODAY), patience_s=0.05)
        assert [hit.text for hit in hits] == ["- a kettle"]
        with pytest.raises(TransientError, match="another process"):
            index(tmp_path).rebuild(look, patience_s=0.05)
    assert found(tmp_path, "bridge") == ["- a bridge"]


# Every fifty instructions of the database the process may end, so that it is cut off between and within statements.
_CRASH = """
import os, sqlite3, sys
from pathlib import Path
from tests.memory.team import index, places
root, left = Path(sys.argv[1]), [int(sys.argv[2])]
def count():
    left[0] -= 1
    if left[0] < 0:
        os._exit(9)
connect = sqlite3.connect
def counting(*args, **kwargs):
    connection = connect(*args, **kwargs)
    connection.set_progress_handler(count, 50)
    return connection
sqlite3.connect = counting
index(root).refresh(places(root).sources)
"""


@pytest.mark.slow
def test_a_crash_at_any_point_leaves_an_index_that_the_next_look_makes_right(tmp_path: Path) -> None:
    def write_all(what: str) -> None:
        for day in range(1, 6):
            text = "".join(f"- {what} {n} of {day}\n\n" for n in range(6))
            write(tmp_path, f"memory/scout/2026-11-{day:02d}.md", text)

    write_all("bridge")
    refresh(tmp_path)
    wanted = contents(tmp_path)
    index(tmp_path).rebuild(places(tmp_path).sources)
    write_all("kettle")
    index(tmp_path).rebuild(places(tmp_path).sources)
    path = tmp_path / ".harness/index.db"
    before = path.read_bytes()
    write_all("bridge")
    crashes, code = 0, 9
    while code == 9:
        for end in ("-wal", "-shm"):
            path.with_name(f"{path.name}{end}").unlink(missing_ok=True)
        path.write_bytes(before)
        command = [sys.executable, "-c", _CRASH, str(tmp_path), str(3 * crashes)]
        code = subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode
        refresh(tmp_path)
        assert contents(tmp_path) == wanted
        crashes += 1
    assert code == 0
    assert crashes > 8, "it was cut off at several points"


_SEARCH = """
import sys
from pathlib import Path
from harness.memory.chunks import Reader
from harness.memory.recall import Question, recall
from tests.memory.team import TODAY, index, places
root = Path(sys.argv[1])
for _ in range(25):
    look = places(root).sources
    hits = index(root).ask(look, lambda view: recall(view, Question(("kettle",)), Reader("scout"), TODAY))
    assert any("a kettle that stays" in hit.passage for hit in hits), hits
    assert all("zoe" not in str(hit) for hit in hits)
print("fine")
"""


@pytest.mark.slow
def test_eight_processes_search_while_one_edits_and_another_makes_it_anew(tmp_path: Path) -> None:
    write(tmp_path, "memory/scout/2026-11-01.md", "- a kettle that stays\n")
    write(tmp_path, "memory/zoe/2026-11-01.md", "- zoe's kettle\n")
    refresh(tmp_path)
    command = [sys.executable, "-c", _SEARCH, str(tmp_path)]
    project = Path(__file__).parents[2]
    searching = [
        subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    turn = 0
    while any(process.poll() is None for process in searching):
        write(tmp_path, f"memory/scout/2026-10-{turn % 28 + 1:02d}.md", f"- bridge {turn}\n" * 5)
        refresh(tmp_path)
        if turn % 5 == 4:
            index(tmp_path).rebuild(places(tmp_path).sources)
        turn += 1
    for process in searching:
        out, problem = process.communicate()
        assert out == "fine\n", problem
    assert turn > 1
