"""The daemon on a server that goes away and comes back: it says so, goes on, and loses no fire."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.domain.run import Fire, FireState
from harness.store.address import URL_VARIABLE, parse_address
from harness.store.database import Database
from harness.store.fires import fires_between
from harness.testing.workspace import SAMPLE_FILES, write_workspace_files
from tests.daemon.daemon_process import Daemon, daemon_on, wait_until
from tests.postgres_server import PASSWORD, Server

EVERY_S = 5
JOB = f"---\nschedule: every {EVERY_S}s\nif_missed: {{run: latest, within: 1m}}\naction: self-check\n---\nChecks.\n"


@pytest.fixture
def daemon(tmp_path: Path, own_postgres: Server) -> Iterator[Daemon]:
    files = {"harness.toml": f'team = "kitchen"\n{SAMPLE_FILES["harness.toml"]}', "agents/scout/jobs/morning.md": JOB}
    root = write_workspace_files(tmp_path / "workspace", files)
    with daemon_on(root, {URL_VARIABLE: own_postgres.url}) as made:
        yield made


def harness(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *arguments, "--workspace", str(daemon.root)],
        capture_output=True, text=True, check=False, env={**os.environ, **daemon.environ},
    )  # fmt: skip


def status(daemon: Daemon) -> Any:
    return json.loads(harness(daemon, "status", "--json").stdout)


def fires(server: Server) -> list[Fire]:
    with closing(Database.connect(parse_address(server.url, Path()))) as database, database.read() as connection:
        return fires_between(connection, datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def log_of(daemon: Daemon) -> str:
    return (daemon.state.logs / "harness.log").read_text()


@pytest.mark.slow
def test_a_server_that_stops_and_comes_back_costs_no_fire(daemon: Daemon, own_postgres: Server) -> None:
    daemon.start()
    wait_until(lambda: any(not fire.state.is_open for fire in fires(own_postgres)))
    own_postgres.stop(signal.SIGQUIT)
    wait_until(lambda: "tick failed: " in log_of(daemon))
    asked = harness(daemon, "status")
    assert (asked.returncode, "cannot be reached" in asked.stderr) == (75, True)
    wait_until(lambda: log_of(daemon).count("tick failed: ") > EVERY_S)  # once a second: a slot has come meanwhile
    own_postgres.start()
    before = len(fires(own_postgres))
    wait_until(lambda: len([fire for fire in fires(own_postgres) if not fire.state.is_open]) > before + 1)
    assert status(daemon)["daemon"]["state"] == "alive"
    assert daemon.end(signal.SIGTERM) == 0
    seen = fires(own_postgres)
    due = [fire.due_at.timestamp() for fire in seen]
    assert due == [due[0] + EVERY_S * number for number in range(len(due))]
    assert {fire.state for fire in seen} <= {FireState.SILENT, FireState.DELIVERED, FireState.MISSED, FireState.PLANNED}
    everything = f"{log_of(daemon)}{asked.stderr}{''.join(daemon.said)}"
    assert PASSWORD not in everything
    assert "incident database: for a while nothing could be recorded: " in everything


@pytest.mark.slow
def test_a_daemon_can_be_stopped_while_its_server_is_away(daemon: Daemon, own_postgres: Server) -> None:
    daemon.start()
    own_postgres.stop()
    wait_until(lambda: "tick failed: " in log_of(daemon))
    daemon.end(signal.SIGTERM)
    assert not daemon.state.heartbeat.exists()


@pytest.mark.slow
def test_a_daemon_does_not_start_without_its_server_and_says_why(daemon: Daemon, own_postgres: Server) -> None:
    own_postgres.stop()
    asked = harness(daemon, "up")
    assert asked.returncode == 75
    assert "the database cannot be reached" in asked.stderr
    assert PASSWORD not in asked.stderr
