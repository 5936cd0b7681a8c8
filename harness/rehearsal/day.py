"""Walks the fire times of one or more days with a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Protocol

from harness.domain.errors import HarnessError
from harness.domain.run import Fire, FireKind, FireState
from harness.rehearsal.wall_time import days_span
from harness.testing.clock import VirtualClock

ExpectedSlots = Mapping[str, Sequence[datetime]]
"""Job ids, each with the moments (aware) at which it must fire, computed without the system's help."""

Progress = Callable[[datetime, int, int], None]
"""Told where the rehearsal is: the virtual moment, how many fires were walked, how many are expected."""


class RehearsedSystem(Protocol):
    """The system whose day is rehearsed: the scheduler, dispatcher and engine that the daemon uses."""

    def next_due(self) -> datetime | None:
        """Return the next moment (aware) at which a tick has something to do; None if there is none."""
        ...

    async def tick(self) -> int:
        """Plan what is due at the clock's moment, start it, and return how many fires were planned."""
        ...

    async def settle(self) -> None:
        """Return when no run is queued or running."""
        ...

    def fires(self, start: datetime, end: datetime) -> list[Fire]:
        """Return the ledger's fires that were due from `start` on and before `end`."""
        ...


@dataclass(frozen=True, slots=True)
class Itinerary:
    """Which days are walked, in which zone a day begins and ends, and which fires they must have."""

    first_day: date
    zone: str
    expected: ExpectedSlots
    days: int = 1

    @property
    def span(self) -> tuple[datetime, datetime]:
        """The first moment of the first day and the first one after the last day, aware UTC."""
        return days_span(self.first_day, self.days, self.zone)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A slot for which planned and actual differ."""

    job_id: str
    due_at: datetime
    problem: str

    def __str__(self) -> str:
        return f"{self.job_id} due {self.due_at:%Y-%m-%d %H:%M} UTC: {self.problem}"


@dataclass(frozen=True, slots=True)
class RehearsalReport:
    """What became of the rehearsed days: the ledger from `start` on and before `end`, by time and job."""

    start: datetime
    end: datetime
    fires: tuple[Fire, ...]
    discrepancies: tuple[Discrepancy, ...]

    @property
    def is_complete(self) -> bool:
        return not self.discrepancies

    @property
    def counts(self) -> dict[FireState, int]:
        """How many fires ended in which state, in the order of the states; states without fires left out."""
        counted = Counter(fire.state for fire in self.fires)
        return {state: counted[state] for state in FireState if counted[state]}

    @property
    def digests(self) -> tuple[str, ...]:
        """The artifacts that fires left, in the order in which they were due."""
        return tuple(fire.artifact for fire in self.fires if fire.artifact is not None)


async def rehearse(
    system: RehearsedSystem,
    clock: VirtualClock,
    itinerary: Itinerary,
    *,
    on_progress: Progress = lambda moment, done, expected: None,
    settle_timeout_s: float = 1800.0,
) -> RehearsalReport:
    """Walk from the first local midnight to the last and return what the ledger holds then.

    The clock is moved exactly to each moment at which the system is due, and stands there until all runs
    have ended. It should start just before the first midnight, so that a job of midnight is still ahead;
    what is due before the first day is walked too, and left out of the report.

    Raises HarnessError if the system makes no progress: it stays due at a moment without planning
    anything, or does not settle within `settle_timeout_s` of real time.
    """
    start, end = itinerary.span
    expected = sum(len(slots) for slots in itinerary.expected.values())
    done = 0
    on_progress(clock.now(), done, expected)
    while (due := system.next_due()) is not None and due < end:
        if due > clock.now():
            clock.advance_to(due)
        planned = await system.tick()
        await _settle(system, clock, settle_timeout_s)
        if not planned and system.next_due() == due:
            raise HarnessError(f"stuck at {due.astimezone(UTC).isoformat()}: due, but its tick plans nothing")
        done += planned
        on_progress(clock.now(), done, expected)
    fires = tuple(sorted(system.fires(start, end), key=lambda fire: (fire.due_at, fire.job_id, fire.kind)))
    return RehearsalReport(start, end, fires, find_discrepancies(fires, itinerary.expected))


def is_complete(fires: Sequence[Fire], expected: ExpectedSlots) -> bool:
    """Return whether every expected slot has exactly one closed fire, and no job fired at another time."""
    return not find_discrepancies(fires, expected)


def find_discrepancies(fires: Sequence[Fire], expected: ExpectedSlots) -> tuple[Discrepancy, ...]:
    """Return where the ledger departs from the expected slots, by time and job.

    Only fires by schedule are compared: those by hand, over the bus and repeated ones have no slot.
    """
    by_slot: dict[tuple[datetime, str], list[Fire]] = {
        (due_at.astimezone(UTC), job_id): [] for job_id, slots in expected.items() for due_at in slots
    }
    planned = set(by_slot)
    for fire in fires:
        if fire.kind is FireKind.CRON:
            by_slot.setdefault((fire.due_at.astimezone(UTC), fire.job_id), []).append(fire)
    problems = ((slot, _problem(by_slot[slot], slot in planned)) for slot in sorted(by_slot))
    return tuple(Discrepancy(job_id, due_at, problem) for (due_at, job_id), problem in problems if problem)


def _problem(fires: Sequence[Fire], is_expected: bool) -> str:
    if not is_expected:
        return "fired although nothing was planned"
    if not fires:
        return "no fire in the ledger"
    if len(fires) > 1:
        return f"{len(fires)} fires for one slot"
    return f"still {fires[0].state}" if fires[0].state.is_open else ""


async def _settle(system: RehearsedSystem, clock: VirtualClock, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await system.settle()
    except TimeoutError as error:
        raise HarnessError(f"runs of {clock.now().isoformat()} did not end within {timeout_s:g} s") from error
