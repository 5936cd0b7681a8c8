"""Duties beside the tick, by real timers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from harness.daemon.duties import Duty, WaitingDuty, timers_for
from harness.daemon.supervise import Supervisor

LONG_AGO = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class Board:
    """The causes that were opened."""

    opened: list[str] = field(default_factory=list)

    def open(self, cause: str, message: str, *, run_id: str | None = None) -> None:
        self.opened.append(cause)

    def resolve(self, cause: str) -> None:
        """Nothing here looks at what is over."""


def work_until(done: threading.Event, duties: Iterable[Duty | WaitingDuty], board: Board) -> None:
    async def work() -> None:
        supervisor = Supervisor(board)
        timers = timers_for(duties, supervisor, asyncio.get_running_loop())
        timers.start()
        try:
            assert await asyncio.to_thread(done.wait, 20)
        finally:
            timers.shutdown(wait=False)
            await supervisor.close()

    asyncio.run(work())


def test_a_duty_that_fails_is_told_and_done_again() -> None:
    board, again = Board(), threading.Event()

    def fail() -> None:
        if board.opened:
            again.set()
        raise OSError("no")

    work_until(again, [Duty("outbox", 0.02, fail)], board)
    assert set(board.opened) == {"daemon outbox"}


def test_a_duty_whose_beginning_is_past_is_done_at_once_and_not_only_after_its_hour() -> None:
    done = threading.Event()
    work_until(done, [Duty("retention", 3600, done.set, begins_at=LONG_AGO)], Board())


def test_a_duty_that_waits_does_so_on_the_event_loop() -> None:
    done, threads = threading.Event(), set()

    async def ping() -> None:
        threads.add(threading.current_thread())
        done.set()

    work_until(done, [WaitingDuty("ping", 0.02, ping)], Board())
    assert threads == {threading.main_thread()}
