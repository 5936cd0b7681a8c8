"""A file that is replaced is whole at every moment, and keeps what is its own."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.store.durable_file import read_if_there, replace_text, sync_folder

WRITES_FOR_EVER = """\
import itertools, sys
from pathlib import Path
from harness.store.durable_file import replace_text
for number in itertools.count():
    replace_text(Path(sys.argv[1]), f"{number % 10}" * 200_000)
    if number == 3:
        print("writing", flush=True)
"""


def test_what_cannot_be_written_is_told_by_its_own_name_and_leaves_nothing_behind(tmp_path: Path) -> None:
    in_the_way = tmp_path / "harness.toml"
    in_the_way.mkdir()
    with pytest.raises(IsADirectoryError) as told:
        replace_text(in_the_way, "home = 'Etc/UTC'")
    assert told.value.filename == str(in_the_way)
    assert list(tmp_path.iterdir()) == [in_the_way]


def test_text_link_and_permissions_are_kept_and_folders_are_made(tmp_path: Path) -> None:
    file, link = tmp_path / "deep/er/notes.md", tmp_path / "link.md"
    replace_text(file, "one\r\ntwo é\n")
    assert file.read_bytes() == "one\r\ntwo é\n".encode()
    file.chmod(0o640)
    link.symlink_to(file)
    replace_text(link, "three")
    assert (link.is_symlink(), file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (True, "three", 0o640)
    assert list(file.parent.iterdir()) == [file]


def test_new_file_has_the_permissions_that_others_of_the_user_have(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("x")
    replace_text(tmp_path / "new", "x")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_name_as_long_as_names_may_be_is_replaced_as_well(tmp_path: Path) -> None:
    replace_text(tmp_path / ("n" * 255), "x")
    assert (tmp_path / ("n" * 255)).read_text() == "x"


def test_two_writers_of_one_file_leave_the_text_of_one_of_them(tmp_path: Path) -> None:
    texts = [str(number) * 50_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: replace_text(tmp_path / "file", text), texts))
    assert (tmp_path / "file").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_kill_in_the_middle_leaves_the_whole_text_of_one_moment(tmp_path: Path) -> None:
    file = tmp_path / "file"
    with subprocess.Popen([sys.executable, "-c", WRITES_FOR_EVER, str(file)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        os.kill(writer.pid, signal.SIGKILL)
    text = file.read_text()
    assert (len(text), len(set(text))) == (200_000, 1)


def test_nothing_is_told_from_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "loop").symlink_to("loop")
    assert read_if_there(tmp_path / "file") == "text"
    assert read_if_there(tmp_path / "absent") is None
    assert read_if_there(tmp_path / "file/below") is None
    for unreadable in (tmp_path, tmp_path / "loop"):
        with pytest.raises(OSError, match=r"directory|symbolic links"):
            read_if_there(unreadable)


def test_folder_that_is_gone_cannot_be_flushed(tmp_path: Path) -> None:
    sync_folder(tmp_path)
    with pytest.raises(OSError) as told:
        sync_folder(tmp_path / "absent")
    assert told.value.errno == errno.ENOENT
