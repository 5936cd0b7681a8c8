"""Files that are waited for: new, not empty, where the sender may read; and errors that are told."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.bus.watched_files import MAX_NAMES, Hopeless, Trouble, first_match
from harness.domain.request import Evidence
from harness.gate.paths import PathRules

SINCE = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)


def write(root: Path, path: str, text: str = "news", *, age_s: float = -60) -> None:
    """Write a file whose stamp is so much older than the request; by default it is newer."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    stamp = SINCE.timestamp() - age_s
    os.utime(file, (stamp, stamp))


def found(root: Path, pattern: str, *grants: str, since: datetime | None = SINCE) -> str | None:
    evidence = first_match(pattern, PathRules(root, read_paths=grants or (".",)), since)
    return None if evidence is None else evidence.path


def test_a_file_that_is_there_is_evidence_with_its_size_and_hash(tmp_path: Path) -> None:
    write(tmp_path, "intel/today.md", "news")
    expected = Evidence("intel/today.md", 4, hashlib.sha256(b"news").hexdigest())
    assert first_match("intel/today.md", PathRules(tmp_path, read_paths=(".",)), SINCE) == expected


@pytest.mark.parametrize(("text", "age_s"), [("", -60), (" \n\t ", -60), ("news", 60)])
def test_an_empty_file_and_an_old_one_are_still_waited_for(tmp_path: Path, text: str, age_s: float) -> None:
    write(tmp_path, "intel/today.md", text, age_s=age_s)
    assert found(tmp_path, "intel/today.md") is None


def test_where_age_does_not_count_an_old_file_does(tmp_path: Path) -> None:
    write(tmp_path, "intel/today.md", age_s=10**6)
    assert found(tmp_path, "intel/today.md", since=None) == "intel/today.md"


@pytest.mark.parametrize("pattern", ["intel/none.md", "none/today.md", "intel/today.md/x", "none/*.md", "**/none"])
def test_what_is_missing_is_waited_for(tmp_path: Path, pattern: str) -> None:
    write(tmp_path, "intel/today.md")
    assert found(tmp_path, pattern) is None


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("intel/*.md", "intel/a.md"),
        ("intel/?.txt", "intel/c.txt"),
        ("intel/[b-z].*", "intel/b.md"),
        ("*/a.md", "intel/a.md"),
        ("**/deep.md", "intel/x/y/deep.md"),
        ("intel/**", "intel/a.md"),
        ("**/*.txt", "intel/c.txt"),
        ("intel/**/y/*.md", "intel/x/y/deep.md"),
        ("intel/x", None),
        ("intel/x/*", None),
    ],
)
def test_patterns_find_the_first_by_name(tmp_path: Path, pattern: str, expected: str | None) -> None:
    for path in ("intel/a.md", "intel/b.md", "intel/c.txt", "intel/x/y/deep.md"):
        write(tmp_path, path)
    if pattern == "intel/x":
        with pytest.raises(Trouble):
            found(tmp_path, pattern)
    else:
        assert found(tmp_path, pattern) == expected


def test_an_old_match_does_not_hide_a_new_one(tmp_path: Path) -> None:
    write(tmp_path, "intel/a.md", age_s=60)
    write(tmp_path, "intel/b.md")
    assert found(tmp_path, "intel/*.md") == "intel/b.md"


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../other/x", "a/../../x", ".git/config", "notes/secrets.env"])
def test_what_no_tool_may_read_can_never_be_found(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(Hopeless):
        found(tmp_path, pattern)


def test_an_agent_watches_only_what_it_may_read(tmp_path: Path) -> None:
    write(tmp_path, "private/diary.md")
    with pytest.raises(Hopeless, match="not granted"):
        found(tmp_path, "private/*.md", "shared-context")


def test_a_link_is_not_followed_and_told(tmp_path: Path) -> None:
    write(tmp_path, "outside.md")
    (tmp_path / "ws" / "intel").mkdir(parents=True)
    (tmp_path / "ws" / "intel" / "today.md").symlink_to(tmp_path / "outside.md")
    with pytest.raises(Trouble, match=r"intel/today\.md cannot be looked at"):
        found(tmp_path / "ws", "intel/today.md")
    assert found(tmp_path / "ws", "intel/*.md") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("pattern", ["intel/today.md", "intel/*.md"])
def test_a_folder_that_may_not_be_read_is_told(tmp_path: Path, pattern: str) -> None:
    write(tmp_path, "intel/today.md")
    (tmp_path / "intel").chmod(0)
    try:
        with pytest.raises(Trouble, match="Permission denied"):
            found(tmp_path, pattern)
    finally:
        (tmp_path / "intel").chmod(0o700)


def test_a_pipe_is_told_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Trouble, match="pipe cannot be looked at"):
        found(tmp_path, "pipe")


@pytest.mark.parametrize("pattern", [f"{'n' * 300}.md", f"{'n' * 300}/*.md"])
def test_what_the_system_refuses_is_told(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(Trouble, match="File name too long"):
        found(tmp_path, pattern)


def test_a_pattern_that_would_look_at_everything_is_told(tmp_path: Path) -> None:
    for number in range(MAX_NAMES + 1):
        (tmp_path / f"n{number}").touch()
    with pytest.raises(Trouble, match="name the folder more closely"):
        found(tmp_path, "**/never.md")
