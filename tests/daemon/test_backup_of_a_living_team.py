"""Backups made while a real daemon works, and what comes of its runs when one is put back."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from harness.domain.run import FireState
from harness.testing.openai_server import OpenAIServer, delay, say
from harness.testing.web_server import WebServer
from tests.daemon.daemon_process import Daemon, daemon_on, serve_feed, wait_until, write_workspace

pytestmark = pytest.mark.slow


def backup(daemon: Daemon, folder: Path) -> Path:
    made = daemon.harness("backup", "--to", str(folder), "--json")
    assert made.returncode == 0, made.stderr
    return Path(json.loads(made.stdout)["path"])


def test_run_in_flight_when_the_backup_was_made_is_closed_and_not_gone_on_with(tmp_path: Path) -> None:
    with WebServer() as web:
        serve_feed(web)
        # The model does not answer while the backup is made: the run hangs in a paid call.
        with (
            OpenAIServer(lambda _: delay(say("x"), None)) as model,
            daemon_on(write_workspace(tmp_path / "team", web, model)) as daemon,
        ):
            daemon.start()
            client = daemon.order()
            wait_until(lambda: len(model.requests) == 1)
            made = backup(daemon, tmp_path / "safe")
            refused = daemon.harness("restore", str(made), "--force")
            assert refused.returncode == 75, "the daemon is at work"
            daemon.end(signal.SIGKILL)
            client.join()
            restored = daemon.harness("restore", str(made), "--force")
            assert restored.returncode == 0, restored.stderr
            assert steps_in(daemon.state.database) == {"CANCELLED"}
            daemon.start()
            [fire] = daemon.fires()
            assert (fire.state, "it is not known whether this was finished" in fire.reason) == (FireState.FAILED, True)
            assert daemon.end(signal.SIGTERM) == 0
            assert len(model.requests) == 1, "the paid call was not made again"


def test_backups_beside_a_daemon_at_work_are_sound_and_disturb_no_run(tmp_path: Path) -> None:
    with WebServer() as web:
        link = serve_feed(web)
        answer = say(f"- [A story]({link}) — read.")
        with (
            OpenAIServer(lambda _: answer) as model,
            daemon_on(write_workspace(tmp_path / "team", web, model)) as daemon,
        ):
            daemon.start()
            clients = []
            for _ in range(3):
                clients.append(daemon.order())
                backup(daemon, tmp_path / "safe")
            for client in clients:
                client.join()
            wait_until(lambda: len(daemon.fires()) == 3 and all(not fire.state.is_open for fire in daemon.fires()))
            assert {fire.state for fire in daemon.fires()} == {FireState.DELIVERED}
            assert daemon.end(signal.SIGTERM) == 0
        newest = sorted((tmp_path / "safe").glob("*.tar.gz"))[-1]
        with tarfile.open(newest) as packed, (tmp_path / "looked.db").open("wb") as copied:
            member = packed.extractfile("database/harness.db")
            assert member is not None
            shutil.copyfileobj(member, copied)
        with closing(sqlite3.connect(tmp_path / "looked.db")) as copy:
            assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def steps_in(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {row[0] for row in connection.execute("SELECT status FROM workflow_status")}
