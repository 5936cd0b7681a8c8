"""Which git revision a prompt was made from, against real repositories."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import pytest

from harness.testing.workspace import write_workspace_files
from harness.workspace.revision import UNKNOWN, Revision, git_folder, read_revision

AS_SAM = ("-c", "user.name=Sam", "-c", "user.email=sam@example.org", "-c", "commit.gpgsign=false")


def git(root: Path, *words: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *AS_SAM, *words], cwd=root, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace that is a repository with one commit."""
    root = write_workspace_files(tmp_path / "workspace")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "the team")
    return root


def test_the_commit_is_named_and_a_plus_where_files_differ_from_it(root: Path) -> None:
    commit = git(root, "rev-parse", "HEAD")[:12]
    assert read_revision(root) == commit
    (root / "agents/scout/SOUL.md").write_text("Another one.\n", encoding="utf-8")
    assert read_revision(root) == f"{commit}+"
    git(root, "commit", "-q", "-a", "-m", "another soul")
    assert read_revision(root) == git(root, "rev-parse", "HEAD")[:12] != commit


def test_a_new_job_makes_a_difference_and_what_agents_share_does_not(root: Path) -> None:
    clean = read_revision(root)
    for written in ("shared-context/job-status/r-1.json", "memory/scout/2026-11-21.md"):
        (root / written).parent.mkdir(parents=True, exist_ok=True)
        (root / written).write_text("{}", encoding="utf-8")
    assert read_revision(root) == clean
    (root / "agents/scout/jobs/new.md").write_text("---\n---\n", encoding="utf-8")
    assert read_revision(root) == f"{clean}+"


def test_git_is_asked_again_when_the_workspace_a_commit_or_a_further_file_has_changed(root: Path) -> None:
    revision, loaded, memory = Revision(root), object(), root / "agents/scout/MEMORY.md"
    first = revision.of(loaded, [memory])
    git(root, "commit", "-q", "--allow-empty", "-m", "nothing")
    second = revision.of(loaded, [memory])
    assert second != first
    memory.write_text("- Sam reads on a phone.\n", encoding="utf-8")
    assert revision.of(loaded, [memory]) == f"{second}+"
    (root / "USER.md").write_text("Somebody else.\n", encoding="utf-8")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "all of it")
    assert revision.of(object(), [memory]) not in (first, second, f"{second}+")


def test_what_has_not_changed_is_not_asked_for_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    revision, loaded = Revision(root), object()
    first = revision.of(loaded)
    monkeypatch.setenv("PATH", "")  # nobody can be asked any more
    assert revision.of(loaded) == first


def test_without_a_repository_there_is_no_revision(tmp_path: Path) -> None:
    assert git_folder(tmp_path) is None
    assert Revision(tmp_path).of(object()) == ""


def test_a_repository_that_git_cannot_read_is_said_once_and_is_unknown(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (root / ".git" / "HEAD").write_text("nonsense\n", encoding="utf-8")
    revision = Revision(root)
    with caplog.at_level(logging.WARNING):
        assert [revision.of(object()), revision.of(object())] == [UNKNOWN, UNKNOWN]
    assert len(caplog.records) == 1
    assert "git does not say which revision" in caplog.text


def test_a_workspace_below_the_repository_and_a_worktree_are_known_too(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "-q", str(tmp_path / "tree"))
    assert Revision(tmp_path / "tree").of(object()) == read_revision(root)
    assert Revision(root / "agents").of(object()) == read_revision(root)


def test_a_repository_before_its_first_commit_says_so(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert read_revision(tmp_path) == "no commit yet"


def test_no_command_that_the_repository_names_is_run(root: Path, tmp_path: Path) -> None:
    trace = tmp_path / "was-run"
    script = tmp_path / "monitor"
    script.write_text(f"#!/bin/sh\ntouch {trace}\n", encoding="utf-8")
    script.chmod(0o755)
    git(root, "config", "core.fsmonitor", str(script))
    git(root, "status")
    assert trace.exists(), "git itself runs it"
    trace.unlink()
    assert read_revision(root)
    assert not trace.exists()
