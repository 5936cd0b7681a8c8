"""`harness prompt`: what a model is sent, and what differs from what a run was sent."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

FEED = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>Example News</title><link>https://news.example.org</link><description>n</description>
<item><title>A compiler learns to explain itself</title><link>https://news.example.org/compiler</link>
<description>The new release explains each error in a sentence.</description></item>
</channel></rss>
"""
JOB = "scout/morning"


def git(root: Path, *words: str) -> str:
    as_sam = ("-c", "user.name=Sam", "-c", "user.email=sam@example.org", "-c", "commit.gpgsign=false")
    return subprocess.run(["git", *as_sam, *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def done(harness: CommandLine, root: Path) -> str:
    """A run of the job in a workspace that is a repository; the feed lies beside what the job names."""
    (root / "feed.xml").write_text(FEED, encoding="utf-8")
    job = root / "agents/scout/jobs/morning.md"
    job.write_text(job.read_text(encoding="utf-8").replace("feeds/ai", "feed.xml"), encoding="utf-8")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "the team")
    ended = harness("run", JOB, "--json")
    assert ended.returncode == 0, ended.stderr
    return str(json.loads(ended.stdout)["run"])


def test_a_run_keeps_the_revision_that_its_prompt_was_made_from(harness: CommandLine, root: Path, done: str) -> None:
    commit = git(root, "rev-parse", "HEAD")[:12]
    shown = json.loads(harness("runs", "show", done, "--json").stdout)
    assert shown["revision"] == commit
    assert f"from revision {commit}" in " ".join(harness("runs", "show", done).stdout.split())


def test_an_unchanged_workspace_would_send_the_same_but_for_the_news(harness: CommandLine, done: str) -> None:
    found = json.loads(harness("prompt", "show", JOB, "--diff", done, "--json").stdout)
    assert {part["part"]: part["same"] for part in found["parts"]}["system message"] is True
    assert found["run"] == done
    again = json.loads(harness("prompt", "show", JOB, "--diff", done, "--json").stdout)
    assert again == found


def test_an_edit_is_shown_line_by_line_with_what_it_costs(harness: CommandLine, root: Path, done: str) -> None:
    (root / "agents/scout/SOUL.md").write_text("You say little, and you say it in one line.\n", encoding="utf-8")
    ended = harness("prompt", "show", JOB, "--diff", done)
    assert ended.returncode == 0, ended.stderr
    assert "+You say little, and you say it in one line." in ended.stdout
    soul = next(line for line in ended.stdout.splitlines() if line.startswith("SOUL"))
    assert soul.split()[-1].startswith(("+", "-"))
    assert max(len(line) for line in ended.stdout.splitlines() if done not in line) <= 80
    found = json.loads(harness("prompt", "show", JOB, "--diff", done, "--json").stdout)
    assert found["same"] is False
    assert found["sha256"]["recorded"] != found["sha256"]["now"]
    assert next(row for row in found["sections"] if row["section"] == "SOUL")["recorded"] is not None


def test_a_run_of_another_job_is_refused_with_the_right_command(harness: CommandLine, root: Path, done: str) -> None:
    other = root / "agents/scout/jobs/evening.md"
    other.write_text((root / "agents/scout/jobs/morning.md").read_text(encoding="utf-8"), encoding="utf-8")
    ended = harness("prompt", "show", "scout/evening", "--diff", done)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"it is a run of {JOB}; harness prompt show {JOB} --diff RUN" in ended.stderr


def test_an_unknown_run_is_exit_code_2_with_the_one_that_may_be_meant(harness: CommandLine, done: str) -> None:
    ended = harness("prompt", "show", JOB, "--diff", f"{done}9")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"did you mean {done}?" in ended.stderr
