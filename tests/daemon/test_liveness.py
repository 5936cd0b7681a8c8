"""Whether a daemon is there, by its heartbeat and its process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from harness.daemon.liveness import daemon_liveness, has_process
from harness.store.heartbeat import SilentPart
from tests.daemon.health.sample_facts import BEAT, NOW


def test_heartbeat_counts_for_thirty_seconds_and_only_with_its_process() -> None:
    def liveness(age_s: float, *, exists: bool) -> str:
        beat = replace(BEAT, at=NOW.timestamp() - age_s)
        return daemon_liveness(beat, NOW, has_process=lambda pid: exists and pid == 7).state

    assert liveness(29, exists=True) == "alive"
    assert liveness(31, exists=True) == "silent"
    assert liveness(1, exists=False) == "dead"
    assert daemon_liveness(None, NOW).state == "absent"
    assert daemon_liveness(replace(BEAT, is_ready=False), NOW, has_process=lambda _: True).state == "starting"


def test_daemon_that_drains_is_alive_and_one_that_has_stalled_is_not_however_it_beats() -> None:
    draining = daemon_liveness(replace(BEAT, is_draining=True), NOW, has_process=lambda _: True)
    assert (draining.state, draining.is_alive) == ("draining", True)
    hung = replace(BEAT, silent_parts=(SilentPart("the tick", NOW.timestamp() - 40),))
    stalled = daemon_liveness(hung, NOW, has_process=lambda _: True)
    assert (stalled.state, stalled.is_alive) == ("stalled", False)
    assert daemon_liveness(hung, NOW, has_process=lambda _: False).state == "dead"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="without /proc the heartbeat alone decides")
def test_process_that_has_ended_and_was_not_noticed_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.read()  # it has closed its output: it is over, or about to be
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not has_process(child.pid)
    assert has_process(os.getpid())
