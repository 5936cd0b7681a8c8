"""What others are told of a daemon's life, with a real engine and a real database."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.daemon.heartbeat import HeartbeatWriter
from harness.daemon.notify import ServiceManager
from harness.daemon.vital_signs import ENGINE, LOOP, TICK, VitalSigns
from harness.daemon.watchdog import Patience
from harness.pytest_plugin import NOW, Workbench
from harness.store.heartbeat import SilentPart, read_heartbeat
from harness.store.state_folder import StateFolder

QUICK = Patience(stall_s=0.1, give_up_s=1e9, calm_s=0.1, look_every_s=0.01)


@pytest.fixture
def heart(workbench: Workbench) -> HeartbeatWriter:
    made = HeartbeatWriter(workbench.system.state, lambda: "me", NOW.timestamp())
    made.write(NOW.timestamp(), is_ready=True, running=0, held_back=())
    return made


@pytest.fixture
def signs(workbench: Workbench, heart: HeartbeatWriter) -> Iterator[VitalSigns]:
    made = VitalSigns(workbench.system, heart, ServiceManager(), None, patience=QUICK)
    yield made
    made.stop()


def until(claim: Callable[[], bool]) -> bool:
    pause = threading.Event()
    return any(claim() or pause.wait(0.01) for _ in range(3000))


def silent_parts(state: StateFolder) -> list[str]:
    beat = read_heartbeat(state.heartbeat)
    assert beat is not None
    return [silent.part for silent in beat.silent_parts]


def test_a_tick_that_does_not_end_is_an_incident_and_stands_in_the_heartbeat_until_it_ends(
    workbench: Workbench, signs: VitalSigns, heart: HeartbeatWriter
) -> None:
    state, incidents = workbench.system.state, workbench.system.incidents

    async def scenario() -> None:
        signs.start(asyncio.get_running_loop())
        await asyncio.to_thread(until, lambda: incidents.open_causes("stall ") == [f"stall {TICK}"])
        assert silent_parts(state) == [TICK]
        # The daemon's own beat goes on meanwhile, and does not wipe it out.
        heart.write(NOW.timestamp() + 5, is_ready=True, running=0, held_back=())
        assert silent_parts(state) == [TICK]

        def end_ticks() -> bool:
            signs.tick_ended()
            return not incidents.open_causes("stall ")

        assert await asyncio.to_thread(until, end_ticks)
        assert silent_parts(state) == []

    asyncio.run(scenario())


def test_a_hanging_event_loop_is_named_and_the_tick_behind_it_is_not(workbench: Workbench, signs: VitalSigns) -> None:
    incidents = workbench.system.incidents

    async def scenario() -> None:
        signs.start(asyncio.get_running_loop())
        assert until(lambda: bool(incidents.open_causes("stall ")))  # without ever giving the loop back

    asyncio.run(scenario())
    assert incidents.open_causes("stall ") == [f"stall {LOOP}"]


def test_an_engine_that_is_launched_anew_is_watched_on_its_new_loop(
    workbench: Workbench, signs: VitalSigns, caplog: pytest.LogCaptureFixture
) -> None:
    system = workbench.system
    looks = threading.Event()

    async def scenario() -> None:
        signs.start(asyncio.get_running_loop())

        def relaunch() -> None:
            system.engine.close()
            system.launch("daemon")
            for _ in range(50):
                signs.tick_ended()
                looks.wait(0.01)

        await asyncio.to_thread(relaunch)

    asyncio.run(scenario())
    assert f"stall {ENGINE}" not in system.incidents.open_causes("stall ")


def test_what_had_hung_in_the_last_life_is_told_in_this_one(workbench: Workbench, heart: HeartbeatWriter) -> None:
    system = workbench.system
    heart.write_silent([SilentPart(TICK, NOW.timestamp() - 300)])
    signs = VitalSigns(system, heart, ServiceManager(), read_heartbeat(system.state.heartbeat))
    signs.tell_of_the_last_life()
    assert system.incidents.open_causes("stall ") == [f"stall {TICK}"]


def test_only_a_tick_that_worked_counts_for_the_ping(signs: VitalSigns) -> None:
    signs.tick_ended()
    assert signs.tick_age_s() is None
    signs.tick_worked()
    age_s = signs.tick_age_s()
    assert age_s is not None
    assert age_s < 30


def test_systemd_hears_of_a_tick_that_failed_as_well(
    workbench: Workbench, heart: HeartbeatWriter, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manager = ServiceManager(str(tmp_path / "nobody"), starts_again=True)
    with caplog.at_level(logging.WARNING, "harness.notify"):
        VitalSigns(workbench.system, heart, manager, None).tick_ended()
    assert "did not take 'WATCHDOG=1'" in caplog.text
