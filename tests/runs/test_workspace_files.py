"""Files are found inside the workspace, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.domain.errors import OwnerError
from harness.runs.workspace_files import matches


@pytest.fixture
def root(tmp_path: Path) -> Path:
    home = tmp_path / "workspace"
    (home / "inbox/deep/er").mkdir(parents=True)
    (home / "inbox/note.md").write_text("A note.")
    (home / "inbox/deep/er/far.txt").write_text("Far.")
    (tmp_path / "secret.md").write_text("Outside.")
    return home


@pytest.mark.parametrize(
    "pattern", ["inbox/note.md", "inbox/*.md", "inbox", "**/far.txt", "inbox/**/*.txt", "./inbox/note.md", "inb?x/n*"]
)
def test_what_is_there_is_found_by_path_and_by_pattern(root: Path, pattern: str) -> None:
    assert matches(root, pattern)


@pytest.mark.parametrize(
    "pattern",
    ["inbox/*.txt", "outbox/*", "inbox/none.md", "", ".", "../secret.md", "inbox/../../secret.md", "../*", "a\0b"],
)
def test_what_is_not_there_or_lies_outside_is_not_found(root: Path, pattern: str) -> None:
    assert not matches(root, pattern)


def test_an_absolute_path_is_not_found_even_if_it_leads_inside(root: Path) -> None:
    assert not matches(root, str(root / "inbox/note.md"))
    assert not matches(root, str(root.parent / "*.md"))


def test_a_link_that_leads_out_is_not_found_and_one_that_stays_inside_is(root: Path) -> None:
    (root / "out.md").symlink_to(root.parent / "secret.md")
    (root / "away").symlink_to(root.parent)
    (root / "in.md").symlink_to("inbox/note.md")
    for pattern in ("out.md", "out.*", "away/secret.md", "away/*.md"):
        assert not matches(root, pattern), pattern
    assert matches(root, "in.md")


def test_a_name_with_brackets_is_found_as_it_is_written(root: Path) -> None:
    (root / "inbox/[draft].md").write_text("x")
    assert matches(root, "inbox/[draft].md")


@pytest.mark.parametrize("pattern", ["drop", "drop/note.md", "drop/*.md", "*/note.txt", "dr*", "drop/**/x"])
def test_what_cannot_be_looked_at_is_not_taken_for_absent(root: Path, pattern: str) -> None:
    (root / "drop").symlink_to("drop")
    with pytest.raises(
        OwnerError, match=r"drop.*: cannot be looked at \(too many levels of symbolic links\)"
    ) as caught:
        matches(root, pattern)
    assert caught.value.path.startswith("drop")
    assert f"whether {pattern} is there" in caught.value.problem


def test_a_name_that_is_too_long_is_told_and_not_waited_for(root: Path) -> None:
    with pytest.raises(OwnerError, match="file name too long"):
        matches(root, "inbox/" + "x" * 300)


def test_what_is_found_beside_a_folder_that_cannot_be_looked_at_is_found(root: Path) -> None:
    (root / "a-loop").symlink_to("a-loop")
    assert matches(root, "*/note.md")
    assert matches(root, "**/far.txt")


@pytest.mark.parametrize("pattern", ["inbox/note.md/x", "inbox/note.md/*", "*/note.md/x", "gone/*", "gone"])
def test_a_file_where_a_folder_would_be_and_a_link_to_nothing_are_absent(root: Path, pattern: str) -> None:
    (root / "gone").symlink_to("nowhere")
    assert not matches(root, pattern)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
@pytest.mark.parametrize("pattern", ["inbox/*.txt", "inbox/none.md", "**/none.md"])
def test_a_folder_without_permission_is_named(root: Path, pattern: str) -> None:
    (root / "inbox").chmod(0)
    try:
        with pytest.raises(OwnerError, match=r"^inbox: cannot be looked at \(permission denied\)"):
            matches(root, pattern)
    finally:
        (root / "inbox").chmod(0o755)
