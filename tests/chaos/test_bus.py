"""The bus under kills in short, on a file and on PostgreSQL: what `make chaos` does for longer, with one seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.bus import BusSpec, play_bus
from chaos.bus_work import plan_work
from harness.store.address import DatabaseAddress

AGENTS = ("a", "b", "c", "d")


def hush(line: str) -> None:
    """Progress is for people who wait."""


@pytest.mark.slow
def test_no_request_is_lost_doubled_or_stuck_whenever_daemons_die(address: DatabaseAddress, tmp_path: Path) -> None:
    spec = BusSpec(seed=5, requests=30, kills=6, daemons=2, agents=4)
    play = play_bus(spec, address, tmp_path, hush)
    assert list(play.violations) == []
    assert len(play.bus.logs) == spec.requests
    assert play.bus.waited, "somebody has to have waited, or nothing is shown"


def test_the_same_seed_plans_the_same_work_and_every_work_is_asked_for_once() -> None:
    works = plan_work(7, 100, AGENTS)
    assert works == plan_work(7, 100, AGENTS)
    asked = [number for work in works for number in work.asks]
    assert sorted([*asked, *(work.number for work in works if work.is_first)]) == list(range(100))


def test_nobody_is_asked_for_something_that_they_stand_above_of() -> None:
    works = plan_work(8, 200, AGENTS)
    assert all(work.agent not in work.path for work in works)
    for work in works:
        assert all(works[number].path == (*work.path, work.agent) for number in work.asks)
