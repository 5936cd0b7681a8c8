"""A daemon that died, hangs or is missing elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.daemon.liveness import Liveness
from harness.daemon.nodes import Waiting
from harness.store.heartbeat import SilentPart
from tests.daemon.health.sample_facts import BEAT, DEAD, NOW, WELL, codes, only_finding


@pytest.mark.parametrize(
    ("state", "code"), [("dead", "no-daemon"), ("absent", "no-daemon"), ("silent", "silent-daemon")]
)
def test_daemon_that_does_not_beat_is_a_finding(state: str, code: str) -> None:
    liveness = Liveness(state, None if state == "absent" else BEAT)  # type: ignore[arg-type]
    assert codes(replace(WELL, liveness=liveness)) == [code]


def test_no_daemon_is_no_finding_while_nothing_is_scheduled() -> None:
    assert codes(replace(DEAD, scheduled_jobs=0)) == []


def test_daemon_whose_process_lives_and_whose_loop_hangs_is_named_with_what_hangs() -> None:
    hung = replace(BEAT, silent_parts=(SilentPart("the daemon's event loop", NOW.timestamp() - 40),))
    finding = only_finding(replace(WELL, liveness=Liveness("stalled", hung)), "stalled-daemon")
    assert finding.startswith("the daemon's event loop has not answered since 09:17 (40 s ago) (pid 7); ")
    assert "kill -9 7" in finding


def test_jobs_that_wait_for_a_node_that_is_gone_are_a_finding_while_others_work() -> None:
    waiting = replace(WELL, waiting=(Waiting("mac", ("macro/morning",), None),))
    assert only_finding(waiting, "waiting").startswith("macro/morning is bound to mac, which has never been there; ")
    assert codes(replace(waiting, liveness=DEAD.liveness)) == ["no-daemon"]
