"""Files are found inside the workspace, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    (root / "loop").symlink_to("loop")
    for pattern in ("out.md", "out.*", "away/secret.md", "away/*.md", "loop"):
        assert not matches(root, pattern), pattern
    assert matches(root, "in.md")


def test_a_name_with_brackets_is_found_as_it_is_written(root: Path) -> None:
    (root / "inbox/[draft].md").write_text("x")
    assert matches(root, "inbox/[draft].md")
