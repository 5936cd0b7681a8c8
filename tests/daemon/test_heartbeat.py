from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.daemon.heartbeat import HeartbeatWriter
from harness.store.heartbeat import read_heartbeat
from harness.store.state_folder import StateFolder

FULL = """\
import errno, os, sys
from pathlib import Path
from harness.daemon.heartbeat import HeartbeatWriter
from harness.store.state_folder import StateFolder
writer = HeartbeatWriter(StateFolder(Path(sys.argv[1])), lambda: "me.1", 1.0)
writer.write(10.0, is_ready=True, running=3, held_back=["agents/a/jobs/long-name.md"])
def refuse(event, args):
    # A disk that has no room for a new file, and lets one that is there be written over.
    if event == "open" and str(args[0]).endswith("heartbeat.beat") and "w" in str(args[1]):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), args[0])
sys.addaudithook(refuse)
for at, held_back in ((20.0, []), (30.0, ["agents/a/jobs/an-even-longer-name-than-before.md"]), (40.0, [])):
    writer.write(at, is_ready=True, running=0, held_back=held_back)
"""


def test_daemon_on_a_full_disk_still_beats(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], check=True)
    beat = read_heartbeat(tmp_path / "heartbeat")
    assert beat is not None
    assert (beat.at, beat.running, beat.held_back) == (40.0, 0, ())
    assert [path.name for path in tmp_path.iterdir()] == ["heartbeat"]


def test_folder_that_cannot_be_written_is_not_kept_quiet(tmp_path: Path) -> None:
    writer = HeartbeatWriter(StateFolder(tmp_path / "gone"), lambda: "me.1", 1.0)
    with pytest.raises(FileNotFoundError):
        writer.write(10.0, is_ready=True, running=0, held_back=[])
