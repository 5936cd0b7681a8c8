"""The check on a machine that has no daemon: it knows of the others by the database alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from harness.cli.place import present_moment
from harness.runs.expectations import schedule_fingerprint
from harness.store.address import parse_address
from harness.store.database import Database
from harness.store.fires import JobState, save_job_state
from harness.store.nodes import NodeRow, add_node, beat
from harness.testing.workspace import write_workspace_files
from harness.wiring.files import load

pytestmark = pytest.mark.slow


class OtherMachine:
    """A copy of the workspace whose state folder is empty, and the real command in it."""

    def __init__(self, root: Path, url: str) -> None:
        self.root = write_workspace_files(root)
        source = str(Path(__file__).parents[2])
        self._environ = {"HARNESS_DATABASE_URL": url, "PATH": "/usr/bin:/bin", "PYTHONPATH": source}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "harness", *arguments, "--workspace", str(self.root)]
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, timeout=60, check=False)


def test_the_check_works_where_there_is_nothing_but_the_database(tmp_path: Path, postgres_url: str) -> None:
    machine = OtherMachine(tmp_path / "copy", postgres_url)
    database = Database.connect(parse_address(postgres_url, tmp_path))
    now = present_moment()
    daemon = NodeRow("box-1.1", 1, "box", 1, now.timestamp(), now.timestamp(), "box-1", "box", "up", None, "", "daemon")
    try:
        database.migrate()
        with database.write() as connection:
            add_node(connection, daemon)
        assert machine("doctor", "--overdue").returncode == 0
        assert json.loads(machine("status", "--json").stdout)["daemon"]["state"] == "elsewhere"
        assert [node["name"] for node in json.loads(machine("nodes", "--json").stdout)["nodes"]] == ["box"]

        [job] = load(machine.root, {}, now=now).workspace.jobs()
        since = int((now - timedelta(days=2)).timestamp())
        lost = JobState(job.id, schedule_fingerprint(job), since, since, since + 60)
        with database.write() as connection:
            save_job_state(connection, lost)
        overdue = machine("doctor", "--overdue")
        assert (overdue.returncode, overdue.stdout.count("\n")) == (1, 1)
        assert overdue.stdout.startswith(f"1 job is overdue: {job.id} since ")

        with database.write() as connection:
            beat(connection, "box-1.1", now.timestamp() - 3600)
        assert "no daemon is running" in machine("doctor").stdout
    finally:
        database.close()


def test_what_a_dead_machine_had_bound_is_told_by_the_living_one(tmp_path: Path, postgres_url: str) -> None:
    machine = OtherMachine(tmp_path / "copy", postgres_url)
    settings = machine.root / "agents/scout/agent.toml"
    settings.write_text(settings.read_text() + 'on = "mac"\n')
    database = Database.connect(parse_address(postgres_url, tmp_path))
    at = present_moment().timestamp()
    box = NodeRow("box-1.1", 1, "box", 1, at, at, "box-1", "box", "up", None, "", "daemon")
    mac = replace(box, executor_id="mac-1.1", node_id="mac-1", name="mac", heartbeat_at=at - 3 * 3600)
    try:
        database.migrate()
        with database.write() as connection:
            add_node(connection, box)
            add_node(connection, mac)
        findings = json.loads(machine("doctor", "--json").stdout)["findings"]
    finally:
        database.close()
    [waiting] = [finding for finding in findings if finding["code"] == "waiting"]
    assert waiting["message"].startswith("scout is bound to mac, which was last heard of ")
    assert "(3 h ago)" in waiting["message"]
