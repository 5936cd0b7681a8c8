"""The index of memory under a real daemon: kept up to date while files are edited, also after a kill."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harness.testing.workspace import write_workspace_files
from tests.daemon.daemon_process import Daemon, daemon_on, wait_until

pytestmark = pytest.mark.slow


def indexed(daemon: Daemon) -> list[str]:
    """Return the texts in the index, without bringing it up to date."""
    if not daemon.state.memory_index.exists():
        return []
    with closing(sqlite3.connect(daemon.state.memory_index, timeout=30)) as connection:
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            return []
        return [text for (text,) in connection.execute("SELECT text FROM chunk ORDER BY text")]


def test_an_edit_is_in_the_index_soon_though_nobody_asks(tmp_path: Path) -> None:
    root = write_workspace_files(tmp_path, {"memory/scout/2026-11-19.md": "- a bridge\n"})
    with daemon_on(root) as daemon:
        daemon.start()
        wait_until(lambda: "- a bridge" in indexed(daemon))
        write_workspace_files(root, {"memory/scout/2026-11-20.md": "- a kettle\n"})
        wait_until(lambda: "- a kettle" in indexed(daemon))
        write_workspace_files(root, {"memory/scout/2026-11-20.md": None})
        wait_until(lambda: "- a kettle" not in indexed(daemon))
        daemon.end(signal.SIGKILL)
        write_workspace_files(root, {"memory/scout/2026-11-19.md": "- a lamp\n"})
        daemon.start()
        wait_until(lambda: "- a lamp" in indexed(daemon) and "- a bridge" not in indexed(daemon))
