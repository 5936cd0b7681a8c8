"""The commands beside a daemon that is really running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.store.state_folder import StateFolder

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

FEED = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>Example News</title><link>https://news.example.org</link><description>n</description>
<item><title>A compiler learns to explain itself</title><link>https://news.example.org/compiler</link>
<description>The new release explains each error in a sentence.</description></item>
</channel></rss>
"""


@pytest.fixture
def daemon(root: Path) -> Iterator[subprocess.Popen[str]]:
    """`harness up`, ready."""
    (root / "feed.xml").write_text(FEED)
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    environ.pop("HARNESS_HOME", None)
    command = [sys.executable, "-m", "harness", "up"]
    with subprocess.Popen(
        command, cwd=root, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stderr is not None
        assert any(line.startswith("ready") for line in process.stderr)
        yield process
        process.terminate()
        process.stderr.read()


def test_team_is_asked_watched_and_stopped(harness: CommandLine, daemon: subprocess.Popen[str]) -> None:
    ran = harness("run", "scout/morning", "--input", "feeds=feed.xml", "--json")
    fire = json.loads(ran.stdout)
    assert (ran.returncode, fire["state"], fire["kind"]) == (0, "delivered", "manual"), ran.stderr
    assert fire["run"] in ran.stderr  # progress went there, not to stdout

    status = json.loads(harness("status", "--json").stdout)
    assert (status["daemon"]["state"], status["daemon"]["pid"]) == ("alive", daemon.pid)
    assert status["last_24h"] == {"delivered": 1}

    doctor = harness("doctor")
    assert (doctor.returncode, doctor.stdout.splitlines()[0].startswith("all is well")) == (0, True), doctor.stdout
    assert harness("doctor", "--overdue").stdout == "nothing is overdue\n"

    second = harness("up")
    assert (second.returncode, len(second.stderr.splitlines())) == (75, 1), second.stderr

    stopped = harness("down")
    assert (stopped.returncode, stopped.stdout) == (0, f"stopped (pid {daemon.pid})\n")
    assert daemon.wait(10) == 0
    assert json.loads(harness("status", "--json").stdout)["daemon"]["state"] == "absent"


def test_unknown_input_is_refused_by_the_daemon_as_it_is_without_one(
    harness: CommandLine, daemon: subprocess.Popen[str]
) -> None:
    with_daemon = harness("run", "scout/morning", "--input", "pages=feed.xml")
    daemon.terminate()
    daemon.wait(10)
    without = harness("run", "scout/morning", "--input", "pages=feed.xml")
    assert (with_daemon.returncode, without.returncode) == (2, 2)
    assert with_daemon.stderr == without.stderr
    assert "has no input 'pages'" in without.stderr


def test_down_without_a_daemon_is_done_already(harness: CommandLine) -> None:
    ended = harness("down")
    assert (ended.returncode, ended.stdout) == (0, "no daemon was running\n")


def test_logs_before_the_first_start_say_where_they_will_be(harness: CommandLine) -> None:
    ended = harness("logs")
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "harness up" in ended.stderr


def test_last_lines_of_the_log_are_shown(harness: CommandLine, state: StateFolder) -> None:
    state.logs.mkdir()
    (state.logs / "harness.log").write_text("".join(f"line {number}\n" for number in range(100)))
    assert harness("logs", "--lines", "2").stdout == "line 98\nline 99\n"


def test_doctor_without_a_daemon_finds_that_nobody_will_fire(harness: CommandLine) -> None:
    ended = harness("doctor")
    assert ended.returncode == 1
    assert "no daemon is running: 1 job waits for it" in " ".join(ended.stdout.split())


def test_changed_audit_line_is_exit_code_1(harness: CommandLine, state: StateFolder) -> None:
    log = state.audit_log
    log.write_text('{"tool": "x"}\n')
    ended = harness("audit", "verify")
    assert ended.returncode == 1
    assert f"{log}:1: " in ended.stdout
