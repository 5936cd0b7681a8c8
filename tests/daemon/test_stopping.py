"""The end of a daemon: runs in flight are given their time, and no more than that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harness.daemon.stopping import Stopping, drain_line, let_runs_end, stop_line


class InFlight:
    """Runs that end when they are told to; whoever waits for news of them is woken."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.counted = asyncio.Event()
        self.changed = asyncio.Event()
        self.told: list[int] = []

    async def count(self) -> int:
        self.counted.set()
        return self.number

    def end_one(self) -> None:
        self.number -= 1
        self.changed.set()

    def drain(self, stopping: Stopping, within_s: float) -> Awaitable[int]:
        return let_runs_end(
            self.count, within_s=within_s, changed=self.changed, urgent=stopping.urgent, tell=self.told.append
        )


def drained(number: int, within_s: float, meanwhile: Callable[[InFlight, Stopping], Awaitable[None]]) -> InFlight:
    async def scenario() -> InFlight:
        flight, stopping = InFlight(number), Stopping()
        stopping.ask()
        ending = asyncio.ensure_future(flight.drain(stopping, within_s))
        await flight.counted.wait()
        await meanwhile(flight, stopping)
        assert await asyncio.wait_for(ending, 30) == flight.number
        return flight

    return asyncio.run(scenario())


async def nothing(_flight: InFlight, _stopping: Stopping) -> None:
    """The runs go on."""


def test_it_waits_until_the_last_run_in_flight_has_ended() -> None:
    async def end_both(flight: InFlight, _stopping: Stopping) -> None:
        flight.end_one()
        await asyncio.sleep(0)
        flight.end_one()

    flight = drained(2, 600, end_both)
    assert (flight.number, flight.told) == (0, [2])


def test_nothing_is_said_and_nothing_waited_for_if_no_run_is_in_flight() -> None:
    assert drained(0, 600, nothing).told == []


def test_a_run_that_takes_longer_is_left_to_the_next_start() -> None:
    assert drained(1, 0.01, nothing).number == 1


def test_told_again_it_waits_no_longer() -> None:
    async def hurry(_flight: InFlight, stopping: Stopping) -> None:
        stopping.ask()

    assert drained(3, 600, hurry).number == 3


def test_a_patience_of_zero_waits_for_nothing() -> None:
    flight = drained(1, 0, nothing)
    assert (flight.number, flight.told) == (1, [])


def test_the_person_is_told_what_is_waited_for_and_what_is_left() -> None:
    assert drain_line(2, 20) == "draining: 2 runs in flight, at most 20 s (again to stop at once)"
    assert stop_line(0) == "stopping"
    assert stop_line(1) == "stopping; 1 run in flight goes on at the next start"
    assert stop_line(3) == "stopping; 3 runs in flight go on at the next start"
