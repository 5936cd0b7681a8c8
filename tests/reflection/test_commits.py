"""The commit of a night: what the night changed, and nothing else of the person's."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from harness.reflection.commits import Committed, commit_night, unsaved_in

MEMORY = "agents/scout/MEMORY.md"
RUN = "cron:scout/reflect:1"


def git(root: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "team"
    (root / "agents/scout").mkdir(parents=True)
    git(root, "init", "-q")
    git(root, "config", "user.name", "Sam")
    git(root, "config", "user.email", "sam@home.example")
    for name in ("harness.toml", MEMORY, "USER.md"):
        (root / name).write_text("one\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "mine")
    return root


def commit(root: Path, *paths: str, unsaved: tuple[str, ...] = (), patience_s: float = 60.0) -> Committed:
    return commit_night(root, paths, "scout", "2026-11-24", RUN, unsaved, patience_s=patience_s)


def test_only_what_the_night_changed_is_committed_and_what_the_person_staged_stays_staged(root: Path) -> None:
    (root / MEMORY).write_text("two\n")
    (root / "new.md").write_text("new\n")
    (root / "USER.md").write_text("staged\n")
    git(root, "add", "USER.md")
    (root / "harness.toml").write_text("not staged\n")
    done = commit(root, MEMORY, "new.md")
    assert done.problem == ""
    assert git(root, "show", "--name-only", "--format=%an: %s").split("\n") == [
        "harness: Reflect on 2026-11-24 for scout", "", MEMORY, "new.md", ""
    ]  # fmt: skip
    assert RUN in git(root, "log", "-1", "--format=%b")
    assert git(root, "status", "--porcelain").split("\n") == ["M  USER.md", " M harness.toml", ""]
    assert git(root, "rev-parse", "--short", "HEAD").strip() == done.commit
    assert commit(root, MEMORY, "new.md") == done


def test_what_the_person_had_not_committed_in_a_file_is_named_in_the_message(root: Path) -> None:
    (root / MEMORY).write_text("one\nmine\n")
    unsaved = unsaved_in(root, (MEMORY, "USER.md"))
    assert unsaved == (MEMORY,)
    (root / MEMORY).write_text("one\nmine\nlearned\n")
    commit(root, MEMORY, unsaved=unsaved)
    assert f"- {MEMORY}" in git(root, "log", "-1", "--format=%b")


def test_no_hook_is_run_and_what_git_is_told_to_ignore_stays_out(root: Path) -> None:
    hook = root / ".git/hooks/pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (root / ".gitignore").write_text("private.md\n")
    (root / "private.md").write_text("x\n")
    (root / MEMORY).write_text("two\n")
    assert commit(root, MEMORY, "private.md", "gone.md").problem == ""
    assert "private.md" not in git(root, "ls-files")


def test_what_git_refuses_is_told_and_is_no_failure(root: Path) -> None:
    (root / MEMORY).write_text("two\n")
    (root / ".git/index.lock").write_text("")
    refused = commit(root, MEMORY, patience_s=0.0)
    assert (refused.commit, "index.lock" in refused.problem) == ("", True)


def test_a_lock_of_another_git_is_waited_for(root: Path) -> None:
    (root / MEMORY).write_text("two\n")
    lock = root / ".git/index.lock"
    lock.write_text("")
    releasing = threading.Timer(0.3, lock.unlink)
    releasing.start()
    done = commit(root, MEMORY)
    releasing.join()
    assert (bool(done.commit), done.problem) == (True, "")


def test_a_copy_that_lies_in_somebody_else_s_repository_commits_nothing(root: Path) -> None:
    inside = root / "out/workspace"
    inside.mkdir(parents=True)
    for name in ("harness.toml", "MEMORY.md"):
        (inside / name).write_text("x\n")
    assert commit(inside, "MEMORY.md") == Committed()
    assert git(root, "log", "--format=%s") == "mine\n"


def test_a_workspace_that_is_a_folder_of_a_repository_is_kept_there(root: Path) -> None:
    inside = root / "my team/home"
    (inside / "agents/scout").mkdir(parents=True)
    for name in ("harness.toml", MEMORY):
        (inside / name).write_text("one\n")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "moved in")
    (inside / MEMORY).write_text("two\n")
    (root / MEMORY).write_text("mine\n")
    assert unsaved_in(inside, (MEMORY, "harness.toml")) == (MEMORY,)
    done = commit(inside, MEMORY, "memory/archive/scout/Archive of scout.md")
    assert (bool(done.commit), done.problem) == (True, "")
    assert git(root, "show", "--name-only", "--format=").split("\n") == [f"my team/home/{MEMORY}", ""]
    assert git(root, "status", "--porcelain") == f" M {MEMORY}\n"


def test_without_a_repository_there_is_nothing_to_commit_and_nothing_wrong(tmp_path: Path) -> None:
    (tmp_path / "MEMORY.md").write_text("x\n")
    assert commit(tmp_path, "MEMORY.md") == Committed()
    assert unsaved_in(tmp_path, ("MEMORY.md",)) == ()
