"""A part of the daemon that hangs is noticed by something that does not hang with it."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.daemon.watchdog import Look, Patience, Stall, StallDetector, Watchdog
from harness.domain.errors import TransientError

LOOP = "the event loop"
TICK = "the tick"


def look_each_second(detector: StallDetector, seconds: range, *answering: str) -> list[Look]:
    looks = []
    for second in seconds:
        for part in answering:
            detector.answered(part)
        looks.append(detector.look(float(second)))
    return looks


def detector_of(*parts: str) -> StallDetector:
    detector = StallDetector(Patience())
    for part in parts:
        detector.expect(part)
    return detector


# Judging


def test_a_part_that_is_silent_for_ten_seconds_is_a_stall_that_is_told_once() -> None:
    looks = look_each_second(detector_of(LOOP, TICK), range(41), TICK)
    assert [second for second, look in enumerate(looks) if look.stalls] == list(range(10, 41))
    assert [second for second, look in enumerate(looks) if look.begun] == [10]
    assert looks[40].stalls == (Stall(LOOP, 40.0),)
    assert not any(look.is_hopeless for look in looks)


def test_a_silence_of_two_minutes_is_hopeless() -> None:
    looks = look_each_second(detector_of(LOOP), range(122))
    assert [second for second, look in enumerate(looks) if look.is_hopeless] == [120, 121]


@pytest.mark.parametrize("asleep_s", [11, 90, 3600, 30_000])
def test_a_machine_that_slept_has_not_stalled(asleep_s: int) -> None:
    detector = detector_of(LOOP, TICK)
    look_each_second(detector, range(9), LOOP, TICK)
    awake = detector.look(8.0 + asleep_s)
    assert awake == Look()
    assert look_each_second(detector, range(9 + asleep_s, 12 + asleep_s)) == [Look()] * 3


def test_a_part_that_hung_before_the_machine_slept_still_hangs_after_it() -> None:
    detector = detector_of(LOOP)
    look_each_second(detector, range(7))
    detector.look(5000.0)
    assert [bool(look.begun) for look in look_each_second(detector, range(5001, 5004))] == [False, True, False]


def test_a_part_behind_a_silent_one_is_not_told_as_well() -> None:
    detector = StallDetector(Patience())
    detector.expect(LOOP)
    detector.expect(TICK, behind=LOOP)
    assert {stall.part for look in look_each_second(detector, range(30)) for stall in look.stalls} == {LOOP}
    assert look_each_second(detector, range(30, 31), LOOP)[0].stalls == (Stall(TICK, 30.0),)


def test_a_stall_is_over_after_a_minute_of_answers_and_not_at_the_first_one() -> None:
    detector = detector_of(LOOP)
    look_each_second(detector, range(16))
    looks = look_each_second(detector, range(16, 100), LOOP)
    assert [second for second, look in enumerate(looks, 16) if look.over] == [75]
    assert looks[-1] == Look()


def test_a_part_that_hangs_again_within_the_minute_is_the_same_stall() -> None:
    detector = detector_of(LOOP)
    looks = look_each_second(detector, range(16))
    looks += look_each_second(detector, range(16, 30), LOOP)
    looks += look_each_second(detector, range(30, 60))
    assert sum(len(look.begun) for look in looks) == 1


def test_what_had_stalled_in_a_former_life_is_over_after_a_calm_minute_of_this_one() -> None:
    detector = StallDetector(Patience(), earlier=(TICK,))
    detector.expect(TICK)
    looks = look_each_second(detector, range(62), TICK)
    assert [second for second, look in enumerate(looks) if look.over == (TICK,)] == [60]


@given(st.lists(st.tuples(st.floats(0.0, 1e5), st.booleans()), max_size=60))
def test_whoever_answers_between_any_two_looks_never_stalls(pauses: list[tuple[float, bool]]) -> None:
    detector = detector_of(LOOP, TICK)
    now_s = 0.0
    for pause_s, tick_answers in pauses:
        now_s += pause_s
        detector.answered(LOOP)
        if tick_answers:
            detector.answered(TICK)
        look = detector.look(now_s)
        assert LOOP not in [stall.part for stall in look.stalls]
        # Of each pause two seconds count at most, however long it was.
        assert all(stall.silent_s <= 2.0 * len(pauses) for stall in look.stalls)


# Watching


class Told:
    """Incidents that are remembered, and those who wait for one are woken."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, str]] = []
        self.resolved: list[str] = []
        self.is_open = threading.Event()
        self.is_over = threading.Event()

    def open(self, cause: str, message: str, *, run_id: str | None = None) -> None:
        self.opened.append((cause, message))
        self.is_open.set()

    def resolve(self, cause: str) -> None:
        self.resolved.append(cause)
        self.is_over.set()


QUICK = Patience(stall_s=0.05, give_up_s=0.1, calm_s=0.05, look_every_s=0.01)


def hang_until(happened: threading.Event) -> None:
    """What a bug in a run does to the event loop: it waits without giving the loop back."""
    assert happened.wait(30)


def ask_loop(loop: asyncio.AbstractEventLoop) -> Callable[[Callable[[], None]], None]:
    def ask(answered: Callable[[], None]) -> None:
        loop.call_soon_threadsafe(answered)

    return ask


def test_a_loop_that_hangs_is_told_with_its_stack_and_its_recovery_as_well(caplog: pytest.LogCaptureFixture) -> None:
    told, shown = Told(), list[tuple[Stall, ...]]()

    async def scenario() -> None:
        watchdog = Watchdog(incidents=told, show=shown.append, stopwatch=time.monotonic, give_up=None, patience=QUICK)
        watchdog.ask(LOOP, ask_loop(asyncio.get_running_loop()))
        watchdog.start()
        try:
            hang_until(told.is_open)
            await asyncio.to_thread(told.is_over.wait, 30)
        finally:
            watchdog.stop()

    asyncio.run(scenario())
    [(cause, message)] = told.opened
    assert cause == "stall the event loop"
    assert message.startswith("the event loop has not answered for ")
    assert "harness up" in message
    assert told.resolved == [cause]
    assert [bool(stalls) for stalls in shown] == [True, False]
    assert "in hang_until" in caplog.text


def test_a_loop_that_answers_is_asked_again_and_again_and_nothing_is_told() -> None:
    told = Told()
    answers = itertools.count()

    async def scenario() -> None:
        enough = asyncio.Event()
        loop = asyncio.get_running_loop()

        def ask(answered: Callable[[], None]) -> None:
            def answer() -> None:
                answered()
                if next(answers) == 20:
                    enough.set()

            loop.call_soon_threadsafe(answer)

        watchdog = Watchdog(
            incidents=told,
            show=lambda _: None,
            stopwatch=time.monotonic,
            give_up=None,
            patience=Patience(look_every_s=0.001),
        )
        watchdog.ask(LOOP, ask)
        watchdog.start()
        try:
            await asyncio.wait_for(enough.wait(), 30)
        finally:
            watchdog.stop()

    asyncio.run(scenario())
    assert told.opened == []


def test_a_question_that_was_lost_with_its_loop_is_put_to_the_next_one() -> None:
    answered, questions = threading.Event(), itertools.count()
    watchdog = Watchdog(
        incidents=Told(),
        show=lambda _: None,
        stopwatch=time.monotonic,
        give_up=None,
        patience=Patience(look_every_s=0.001),
    )

    def ask(answer: Callable[[], None]) -> None:
        if next(questions) > 0:  # the first one is never answered
            answer()
            answered.set()

    watchdog.ask(LOOP, ask)
    watchdog.start()
    try:
        assert answered.wait(30)
    finally:
        watchdog.stop()


def test_a_part_that_cannot_even_be_asked_is_a_stall(caplog: pytest.LogCaptureFixture) -> None:
    told = Told()

    def ask(_answered: Callable[[], None]) -> None:
        raise RuntimeError("the loop is closed")

    watchdog = Watchdog(incidents=told, show=lambda _: None, stopwatch=time.monotonic, give_up=None, patience=QUICK)
    watchdog.ask(LOOP, ask)
    watchdog.start()
    try:
        hang_until(told.is_open)
    finally:
        watchdog.stop()
    assert "the event loop could not be asked" in caplog.text


def test_neither_a_hanging_database_nor_a_full_disk_keeps_it_from_giving_up() -> None:
    gave_up, may_end = threading.Event(), threading.Event()

    class Hanging(Told):
        def open(self, cause: str, message: str, *, run_id: str | None = None) -> None:
            may_end.wait(30)

    def full_disk(_stalls: tuple[Stall, ...]) -> None:
        raise OSError("no space left on device")

    watchdog = Watchdog(
        incidents=Hanging(), show=full_disk, stopwatch=time.monotonic, give_up=gave_up.set, patience=QUICK
    )
    watchdog.expect(TICK)
    watchdog.start()
    try:
        assert gave_up.wait(30)
    finally:
        may_end.set()
        watchdog.stop()


def test_an_incident_that_cannot_be_written_is_logged_and_the_next_one_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Locked(Told):
        def open(self, cause: str, message: str, *, run_id: str | None = None) -> None:
            super().open(cause, message)
            raise TransientError("the database is locked")

    told = Locked()
    watchdog = Watchdog(incidents=told, show=lambda _: None, stopwatch=time.monotonic, give_up=None, patience=QUICK)
    watchdog.expect(TICK)
    watchdog.start()
    try:
        hang_until(told.is_open)
        while not told.is_over.is_set():
            watchdog.answered(TICK)
    finally:
        watchdog.stop()
    assert "the database is locked" in caplog.text


@pytest.mark.slow
def test_a_process_whose_loop_hangs_ends_with_a_failure_and_the_stacks_of_its_threads() -> None:
    program = textwrap.dedent("""
        import asyncio, sys, threading, time
        from harness.daemon.watchdog import Patience, Watchdog, end_process

        class Nobody:
            def open(self, cause, message, *, run_id=None): pass
            def resolve(self, cause): pass

        def hang_for_ever():
            threading.Event().wait()

        async def main():
            loop = asyncio.get_running_loop()
            watchdog = Watchdog(
                incidents=Nobody(), show=lambda stalls: None, stopwatch=time.monotonic, give_up=end_process,
                patience=Patience(stall_s=0.05, give_up_s=0.1, look_every_s=0.01),
            )
            watchdog.ask("the event loop", lambda answered: loop.call_soon_threadsafe(answered))
            watchdog.start()
            hang_for_ever()

        asyncio.run(main())
    """)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert "hang_for_ever" in ended.stderr
