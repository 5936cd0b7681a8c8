"""Chaos in short, on a file and on PostgreSQL: what `make chaos` does for longer, with seeds that stay the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.crash_loop import play_crash_loop
from chaos.sleep import SleepSpec, play_sleep, play_sleep_of_one
from chaos.storm import StormSpec, play_storm
from harness.runs.engine import MAX_RECOVERIES
from harness.runs.nodes import LOST_AFTER_S
from harness.store.address import DatabaseAddress, file_address

pytestmark = pytest.mark.slow

ASLEEP = SleepSpec(asleep_s=int(LOST_AFTER_S) + 3, every_s=2)


def hush(line: str) -> None:
    """Progress is for people who wait."""


def test_nothing_is_missed_doubled_or_forgotten_whenever_daemons_die(address: DatabaseAddress, tmp_path: Path) -> None:
    storm = play_storm(StormSpec(seed=3, kills=8, daemons=2, jobs=10, agents=2), address, tmp_path, hush)
    assert list(storm.violations) == []
    assert storm.evidence.effects


def test_a_machine_that_slept_treats_every_slot_as_its_job_says(address: DatabaseAddress, tmp_path: Path) -> None:
    assert list(play_sleep(ASLEEP, address, tmp_path, hush).violations) == []


def test_a_run_of_a_machine_that_sleeps_goes_on_at_another_one(address: DatabaseAddress, tmp_path: Path) -> None:
    assert list(play_sleep_of_one(ASLEEP, address, tmp_path, hush).violations) == []


def test_a_run_that_is_in_flight_in_every_crash_fails_alone_and_is_told_once(tmp_path: Path) -> None:
    report = play_crash_loop(MAX_RECOVERIES + 3, file_address(tmp_path / "shared.db"), tmp_path, hush)
    assert list(report.violations) == []
