"""Evidence: which files count, which do not, and what a worker is told of those."""

from __future__ import annotations

import hashlib
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bus.evidence import MAX_BYTES, MAX_FILES, STAMP_TOLERANCE, Folders, look_at
from harness.domain.errors import ToolError
from harness.domain.request import Evidence
from harness.gate.paths import PathRules

SINCE = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return folders_in(tmp_path)


def folders_in(tmp_path: Path) -> Folders:
    workspace, state = tmp_path / "workspace", tmp_path / "state"
    runs = (state / "artifacts" / "scout" / "2-bus", state / "artifacts" / "scout" / "1-bus")
    for folder in (workspace / "notes", workspace / "private", *runs):
        folder.mkdir(parents=True, exist_ok=True)
    return Folders(PathRules(workspace, ("notes",), ("drafts",)), runs, state)


def write(path: Path, content: bytes = b"found it", at: datetime = SINCE + timedelta(minutes=1)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_that_was_written_after_the_request_counts_with_its_size_and_hash(folders: Folders) -> None:
    write(folders.paths.root / "notes" / "a.md")
    write(folders.paths.root / "drafts" / "b.md", b"b")
    assert look_at(["notes/a.md", "drafts/b.md"], folders, SINCE) == (
        Evidence("notes/a.md", 8, sha256(b"found it")),
        Evidence("drafts/b.md", 1, sha256(b"b")),
    )


def test_one_file_named_in_several_ways_is_recorded_once(folders: Folders) -> None:
    write(folders.paths.root / "notes" / "a.md")
    found = look_at(["notes/a.md", "notes//a.md", "./notes/a.md"], folders, SINCE)
    assert [one.path for one in found] == ["notes/a.md"]


def test_a_file_of_the_run_is_recorded_where_others_find_it(folders: Folders) -> None:
    write(folders.runs[0] / "web.read-c1.txt")
    (found,) = look_at(["@run/web.read-c1.txt"], folders, SINCE)
    assert found.path == ".harness/artifacts/scout/2-bus/web.read-c1.txt"


def test_what_the_run_wrote_before_it_waited_counts_after_it(folders: Folders) -> None:
    write(folders.runs[1] / "before.txt")
    (found,) = look_at(["@run/before.txt"], folders, SINCE)
    assert found.path == ".harness/artifacts/scout/1-bus/before.txt"


def test_nothing_named_is_no_evidence_and_no_error(folders: Folders) -> None:
    assert look_at([], folders, SINCE) == ()


def test_a_file_as_old_as_a_coarse_stamp_may_be_counts_and_an_older_one_does_not(folders: Folders) -> None:
    write(folders.paths.root / "notes" / "a.md", at=SINCE - STAMP_TOLERANCE)
    assert look_at(["notes/a.md"], folders, SINCE)
    write(folders.paths.root / "notes" / "a.md", at=SINCE - STAMP_TOLERANCE - timedelta(milliseconds=10))
    with pytest.raises(ToolError, match=r"last written before the request was made \(2026-11-21 16:00:00 UTC\)"):
        look_at(["notes/a.md"], folders, SINCE)
    assert look_at(["notes/a.md"], folders, None)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("notes/none.md", "there is no such file; write it first"),
        ("notes/a.md/below", "there is no such file"),
        ("@run/none.txt", "there is no such file"),
        ("notes/empty.md", "it is empty"),
        ("notes/blank.md", "nothing in it but white space"),
        ("notes", "notes is a folder"),
        ("notes/huge.bin", f"longer than {MAX_BYTES:,} bytes"),
        ("notes/pipe", "path-special"),
        ("notes/socket", "path-special"),
        ("notes/zero", "path-link"),
        ("notes/inside", "path-link"),
        ("notes/loop", "path-link"),
        ("notes/away/b.md", "path-link"),
        ("@run/zero", "path-link"),
        ("@run/../1-bus/x", "path-parent"),
        ("@run/", "path-invalid"),
        ("@run/.", "is a folder"),
        ("/etc/passwd", "path-absolute"),
        ("../outside.md", "path-parent"),
        ("private/b.md", "path-outside"),
        (".harness/harness.db", "path-hidden"),
        ("notes/server.pem", "path-secret"),
        ("notes/" + "n" * 300, "File name too long"),
        ("notes/" + "n" * 2_000, "path-invalid"),
        ("notes/a\nb.md", "path-invalid"),
        ("", "path-invalid"),
    ],
)
def test_what_is_no_evidence_is_named_with_what_is_wrong(folders: Folders, path: str, words: str) -> None:
    notes = folders.paths.root / "notes"
    write(notes / "a.md")
    write(notes / "empty.md", b"")
    write(notes / "blank.md", b" \n\t\n" * 1000)
    with (notes / "huge.bin").open("wb") as huge:
        huge.truncate(MAX_BYTES + 1)
    os.mkfifo(notes / "pipe")
    (notes / "zero").symlink_to("/dev/zero")
    (folders.runs[0] / "zero").symlink_to("/dev/zero")
    (notes / "inside").symlink_to("a.md")
    (notes / "loop").symlink_to("loop")
    (notes / "away").symlink_to(folders.paths.root / "private")
    write(folders.paths.root / "private" / "b.md")
    listener = socket.socket(socket.AF_UNIX)
    here = os.open(notes, os.O_RDONLY)
    try:
        listener.bind(f"/proc/self/fd/{here}/socket" if Path("/proc/self/fd").exists() else str(notes / "socket"))
        with pytest.raises(ToolError, match=words) as error:
            look_at([path], folders, SINCE)
    finally:
        listener.close()
        os.close(here)
    assert str(error.value).startswith("the file does not count as evidence:\n- ")


def test_a_stamp_that_no_calendar_has_is_judged_like_any_other(folders: Folders) -> None:
    path = write(folders.paths.root / "notes" / "a.md")
    os.utime(path, (0, -(10**11)))
    with pytest.raises(ToolError, match="before the request was made"):
        look_at(["notes/a.md"], folders, SINCE)
    os.utime(path, (0, 10**12))
    assert look_at(["notes/a.md"], folders, SINCE)


def test_every_file_that_does_not_count_is_named_at_once_and_only_those(folders: Folders) -> None:
    write(folders.paths.root / "notes" / "a.md")
    with pytest.raises(ToolError) as error:
        look_at(["notes/a.md", "notes/b.md", "private/c.md"], folders, SINCE)
    assert str(error.value) == (
        "2 of 3 files do not count as evidence:\n"
        "- notes/b.md: there is no such file; write it first, or leave it out\n"
        "- private/c.md: is not granted for read; granted: drafts, notes (path-outside); "
        "name a regular file that you may read"
    )


def test_a_name_with_line_ends_cannot_add_lines_to_what_the_worker_reads(folders: Folders) -> None:
    with pytest.raises(ToolError) as error:
        look_at(["notes/a\n- notes/b.md: fine"], folders, SINCE)
    assert len(str(error.value).splitlines()) == 2


@given(st.lists(st.text(max_size=2_000), min_size=1, max_size=MAX_FILES, unique=True))
def test_the_error_fits_into_what_a_model_is_shown_and_counts_what_it_leaves_out(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str]
) -> None:
    folders = folders_in(tmp_path_factory.getbasetemp() / "no-evidence")
    with pytest.raises(ToolError) as error:
        look_at(paths, folders, SINCE)
    _, *lines = str(error.value).split("\n")
    left_out = int(lines.pop().split()[2]) if lines[-1].startswith("… and ") else 0
    assert len(str(error.value)) < 980
    assert len(lines) + left_out == len(paths)


def test_more_files_than_anybody_would_look_at_are_refused(folders: Folders) -> None:
    with pytest.raises(ToolError, match=f"{MAX_FILES + 1} files are named as evidence; name at most {MAX_FILES}"):
        look_at([f"notes/{number}" for number in range(MAX_FILES + 1)], folders, SINCE)


def test_a_file_replaced_after_it_was_seen_stays_recorded_as_it_was(folders: Folders) -> None:
    path = write(folders.paths.root / "notes" / "a.md", b"first")
    (found,) = look_at(["notes/a.md"], folders, SINCE)
    replacement = write(path.with_name("new.md"), b"second")
    replacement.replace(path)
    assert found == Evidence("notes/a.md", 5, sha256(b"first"))
    assert look_at(["notes/a.md"], folders, SINCE)[0].sha256 == sha256(b"second")


def test_a_workspace_that_is_not_there_is_told_and_does_not_escape(tmp_path: Path) -> None:
    gone = Folders(PathRules(tmp_path / "gone", (".",)), (tmp_path / "gone" / "run",), tmp_path)
    with pytest.raises(ToolError, match=r"2 of 2 files[\s\S]*no such file[\s\S]*no such file"):
        look_at(["a.md", "@run/a.md"], gone, SINCE)


@given(paths=st.lists(st.one_of(st.text(max_size=40), st.sampled_from(["notes/a.md", "notes", "@run/x", "@run/.."]))))
def test_whatever_is_named_only_a_real_file_counts_and_nothing_but_a_tool_error_escapes(
    tmp_path_factory: pytest.TempPathFactory, paths: list[str]
) -> None:
    folders = folders_in(tmp_path_factory.getbasetemp() / "evidence")
    write(folders.paths.root / "notes" / "a.md")
    try:
        found = look_at(paths, folders, SINCE)
    except ToolError as error:
        assert set(paths) - {"notes/a.md"}
        # One line for each file that does not count, whatever its name holds.
        assert len(str(error).split("\n")) <= len(set(paths)) + 1
    else:
        assert [one.path for one in found] == (["notes/a.md"] if paths else [])


@given(content=st.binary(max_size=3_000))
def test_the_record_says_what_was_in_the_file(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folders = folders_in(tmp_path_factory.getbasetemp() / "evidence")
    write(folders.paths.root / "notes" / "a.md", content)
    if not content.strip():
        with pytest.raises(ToolError, match=r"empty|white space"):
            look_at(["notes/a.md"], folders, SINCE)
    else:
        assert look_at(["notes/a.md"], folders, SINCE) == (Evidence("notes/a.md", len(content), sha256(content)),)
