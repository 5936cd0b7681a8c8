"""What a run made is whole on the disk, or not there under its name."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError
from harness.runs.artifact_files import write_files

TEXTS = {"digest.json": '{"a": "ü"}', "digest.md": "# a", "transcript.json": "[]"}


def test_every_file_is_there_with_its_text_and_nothing_else_is(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    write_files(folder, TEXTS)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == TEXTS


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    write_files(tmp_path / "a", TEXTS)
    write_files(tmp_path / "a", {"digest.md": "# b"})
    assert (tmp_path / "a" / "digest.md").read_text(encoding="utf-8") == "# b"
    assert (tmp_path / "a" / "digest.json").read_text(encoding="utf-8") == TEXTS["digest.json"]


def test_nothing_to_write_makes_no_folder(tmp_path: Path) -> None:
    write_files(tmp_path / "a", {})
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_made_is_the_owners_to_correct(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file", encoding="utf-8")
    with pytest.raises(OwnerError, match="cannot be written"):
        write_files(tmp_path / "a", TEXTS)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_leaves_no_name_behind_and_names_the_file_that_had_no_room(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    write_files(folder, {"digest.json": "old"})
    draft = next(iter(_drafts_of(folder, "digest.md", TEXTS["digest.md"])))
    draft.symlink_to("/dev/full")
    with pytest.raises(OwnerError, match=os.strerror(errno.ENOSPC)) as raised:
        write_files(folder, TEXTS)
    assert "digest.md" in str(raised.value)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {"digest.json": "old"}


def _drafts_of(folder: Path, name: str, text: str) -> list[Path]:
    """Return where a killed writer of this text would have left its draft."""
    code = (
        "import os, sys, pathlib\n"
        "from harness.runs.artifact_files import write_files\n"
        "os.fsync = lambda descriptor: os._exit(9)\n"
        "write_files(pathlib.Path(sys.argv[1]), {sys.argv[2]: sys.argv[3]})"
    )
    before = set(folder.iterdir())
    ended = subprocess.run([sys.executable, "-c", code, str(folder), name, text], check=False)
    assert ended.returncode == 9
    left = set(folder.iterdir()) - before
    for path in left:
        path.unlink()
    return sorted(left)


def test_a_kill_before_all_is_on_the_disk_leaves_no_name_and_the_next_writer_no_trace_of_it(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    left = _drafts_of(folder, "digest.md", TEXTS["digest.md"])
    assert [path.name.startswith(".digest.md.") for path in left] == [True]
    left[0].write_text("half", encoding="utf-8")
    write_files(folder, TEXTS)
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == TEXTS
