import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from harness.testing.clock import VirtualClock

START = datetime(2026, 11, 1, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONG_S = 30.0
"""Real seconds that a wait must never need: a test that fails would take this long."""


def test_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock(START)
    assert clock.now() == START
    clock.advance(90)
    assert clock.now() == START + timedelta(seconds=90)
    clock.advance_to(START + HOUR)
    assert clock.now() == START + HOUR


def test_shows_utc_whatever_zone_it_was_given() -> None:
    clock = VirtualClock(START.astimezone(timezone(timedelta(hours=-8))))
    assert clock.now().utcoffset() == timedelta(0)
    clock.advance_to((START + HOUR).astimezone(timezone(timedelta(hours=9))))
    assert clock.now() == START + HOUR
    assert clock.now().utcoffset() == timedelta(0)


def test_refuses_to_go_backwards_except_by_a_jump() -> None:
    clock = VirtualClock(START)
    with pytest.raises(ValueError, match="in its past"):
        clock.advance_to(START - HOUR)
    with pytest.raises(ValueError, match="in its past"):
        clock.advance(-1)
    assert clock.now() == START
    clock.jump_to(START - HOUR)
    assert clock.now() == START - HOUR


def test_refuses_moments_without_a_zone() -> None:
    naive = START.replace(tzinfo=None)
    with pytest.raises(ValueError, match="time zone"):
        VirtualClock(naive)
    with pytest.raises(ValueError, match="time zone"):
        VirtualClock(START).advance_to(naive)


def test_sleeper_wakes_when_the_clock_reaches_its_moment_and_not_before() -> None:
    async def scenario() -> None:
        clock = VirtualClock(START, longest_wait_s=LONG_S)
        sleeper = asyncio.create_task(clock.sleep_until(START + HOUR))
        await asyncio.sleep(0)
        clock.advance_to(START + HOUR - timedelta(microseconds=1))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not sleeper.done()
        clock.advance_to(START + HOUR)
        await asyncio.wait_for(sleeper, LONG_S / 10)

    asyncio.run(scenario())


def test_sleeping_until_a_past_moment_returns_but_lets_others_run() -> None:
    async def scenario() -> None:
        clock = VirtualClock(START, longest_wait_s=LONG_S)
        other = asyncio.create_task(asyncio.sleep(0))
        await clock.sleep_until(START)
        await clock.sleep_until(START - HOUR)
        assert other.done()

    asyncio.run(scenario())


def test_sleeper_looks_up_after_the_longest_real_wait_although_the_clock_stands_still() -> None:
    async def scenario() -> None:
        clock = VirtualClock(START, longest_wait_s=0.01)
        await asyncio.wait_for(clock.sleep_until(START + HOUR), LONG_S)
        assert clock.now() == START

    asyncio.run(scenario())


def test_one_move_wakes_sleepers_in_the_loops_of_several_threads() -> None:
    clock = VirtualClock(START, longest_wait_s=LONG_S)
    asleep = threading.Barrier(4)
    woken: list[datetime] = []

    async def sleep() -> None:
        sleeper = asyncio.create_task(clock.sleep_until(START + HOUR))
        await asyncio.sleep(0)  # the sleeper has registered itself when it is first suspended
        asleep.wait(timeout=LONG_S)
        await sleeper
        woken.append(clock.now())

    threads = [threading.Thread(target=lambda: asyncio.run(sleep())) for _ in range(3)]
    for thread in threads:
        thread.start()
    asleep.wait(timeout=LONG_S)
    clock.advance_to(START + HOUR)
    for thread in threads:
        thread.join(timeout=LONG_S / 3)
    assert woken == [START + HOUR] * 3


def test_a_cancelled_sleeper_is_forgotten() -> None:
    async def scenario() -> None:
        clock = VirtualClock(START, longest_wait_s=LONG_S)
        sleeper = asyncio.create_task(clock.sleep_until(START + HOUR))
        await asyncio.sleep(0)
        sleeper.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeper
        clock.advance_to(START + HOUR)

    asyncio.run(scenario())


def test_moving_on_after_a_loop_was_closed_with_a_sleeper_inside_does_no_harm() -> None:
    clock = VirtualClock(START, longest_wait_s=LONG_S)
    sleep = clock.sleep_until(START + HOUR)

    async def abandon_sleep() -> None:
        sleep.send(None)  # as far as its first suspension, in a loop that ends without it

    asyncio.run(abandon_sleep())
    clock.advance_to(START + HOUR)
    assert clock.now() == START + HOUR
    sleep.close()


def test_many_threads_move_it_without_losing_a_second() -> None:
    clock = VirtualClock(START)

    def move() -> None:
        for _ in range(500):
            clock.advance(1)

    threads = [threading.Thread(target=move) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == START + timedelta(seconds=2000)
