"""Daily notes: a line a fact, and none is lost or torn, whoever writes beside."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path, PurePosixPath

import pytest

from harness.domain.errors import OwnerError
from harness.memory.notes import add_note, add_notes, note_path

WRITE = """
import sys
from pathlib import Path
from harness.memory.notes import add_note

print("here", flush=True)
sys.stdin.readline()
for number in range(100):
    add_note(Path(sys.argv[1]), f"{sys.argv[2]} wrote {number} " + "x" * (number % 7) * 60 + ".")
"""


def test_a_day_has_a_file_of_its_own_for_each_agent() -> None:
    assert note_path("scout", date(2026, 11, 21)) == PurePosixPath("memory/scout/2026-11-21.md")


def test_eight_processes_add_a_hundred_lines_each_and_none_is_lost_or_torn(tmp_path: Path) -> None:
    path = tmp_path / "memory" / "scout" / "2026-11-21.md"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, str(path), f"w{number}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for number in range(8)
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "here\n"
    for writer in writers:
        writer.communicate("go\n")
    assert [writer.returncode for writer in writers] == [0] * 8
    expected = {f"- w{writer} wrote {n} {'x' * (n % 7) * 60}." for writer in range(8) for n in range(100)}
    lines = path.read_text().split("\n")
    assert lines.pop() == ""
    assert (len(lines), set(lines)) == (800, expected)


def test_what_a_person_wrote_stays_and_a_line_without_an_end_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_text("# Saturday\n\nI moved the desk", encoding="utf-8")
    add_note(path, "the run\nfailed")
    assert path.read_text() == "# Saturday\n\nI moved the desk\n- the run failed\n"


def test_facts_that_stand_there_are_not_added_again(tmp_path: Path) -> None:
    path = tmp_path / "memory" / "note.md"
    assert add_notes(path, ["one", "two", "one"]) == ("one", "two")
    assert add_notes(path, ["two", "three " + "x" * 900]) == ("three " + "x" * 900,)
    assert add_notes(path, ["three " + "x" * 900]) == ()
    assert [len(line) for line in path.read_text().splitlines()] == [5, 5, 502]


def test_a_file_that_is_no_text_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(OwnerError, match=r"note\.md: is no UTF-8 text; save the file as UTF-8"):
        add_notes(path, ["one"])
    assert path.read_bytes() == b"\xff\xfe\x00"
