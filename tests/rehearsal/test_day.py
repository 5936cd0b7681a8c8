import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import HarnessError
from harness.domain.run import Fire, FireKind, FireState
from harness.rehearsal.day import Itinerary, RehearsalReport, find_discrepancies, is_complete, rehearse
from harness.rehearsal.wall_time import days_span, wall_moment
from harness.testing.clock import VirtualClock

ZONE = "America/Los_Angeles"
DAY = date(2026, 11, 20)
EVE_S = 1
SCAN = "ainews/overnight-scan"
CHECK = "zoe/self-check"


class Timetable:
    """A system whose jobs fire at given moments; runs end when it settles."""

    def __init__(self, clock: VirtualClock, slots: dict[str, list[datetime]]) -> None:
        self.clock = clock
        self.ahead = sorted((due_at, job_id) for job_id, moments in slots.items() for due_at in moments)
        self.ledger: list[Fire] = []
        self.ticked_at: list[datetime] = []
        self.settled_at: list[datetime] = []

    def next_due(self) -> datetime | None:
        return self.ahead[0][0] if self.ahead else None

    async def tick(self) -> int:
        now = self.clock.now()
        self.ticked_at.append(now)
        due = [slot for slot in self.ahead if slot[0] <= now]
        self.ahead = self.ahead[len(due) :]
        self.ledger += [Fire(job_id, due_at, FireKind.CRON, FireState.RUNNING) for due_at, job_id in due]
        return len(due)

    async def settle(self) -> None:
        await asyncio.sleep(0)
        self.settled_at.append(self.clock.now())
        self.ledger = [
            Fire(f.job_id, f.due_at, f.kind, FireState.DELIVERED, artifact=f"{f.job_id}.md") for f in self.ledger
        ]

    def fires(self, start: datetime, end: datetime) -> list[Fire]:
        return [fire for fire in self.ledger if start <= fire.due_at < end]


def at(hours: float, day: date = DAY) -> datetime:
    return wall_moment(day, ZONE, hours)


def clock_before(day: date = DAY) -> VirtualClock:
    return VirtualClock(at(0, day) - timedelta(seconds=EVE_S))


def walk(system: Any, clock: VirtualClock, itinerary: Itinerary, **options: Any) -> RehearsalReport:
    return asyncio.run(rehearse(system, clock, itinerary, **options))


def every_half_hour(day: date, days: int = 1, zone: str = ZONE) -> list[datetime]:
    start, end = days_span(day, days, zone)
    slots = int((end - start) / timedelta(minutes=30))
    return [start + timedelta(minutes=30) * n for n in range(slots)]


def fire(job_id: str, due_at: datetime, state: FireState = FireState.DELIVERED, kind: str = "cron") -> Fire:
    return Fire(job_id, due_at, FireKind(kind), state)


def test_the_clock_stands_exactly_at_each_due_moment_until_its_runs_have_ended() -> None:
    clock = clock_before()
    slots = {SCAN: [at(6)], CHECK: [at(6), at(6.5)]}
    system = Timetable(clock, slots)
    report = walk(system, clock, Itinerary(DAY, ZONE, slots))
    assert system.ticked_at == system.settled_at == [at(6), at(6.5)]
    assert report.is_complete
    assert report.counts == {FireState.DELIVERED: 3}
    assert [f.job_id for f in report.fires] == [SCAN, CHECK, CHECK]
    assert report.digests == (f"{SCAN}.md", f"{CHECK}.md", f"{CHECK}.md")


@pytest.mark.parametrize(("day", "hours"), [(DAY, 24), (date(2026, 3, 8), 23), (date(2026, 11, 1), 25)])
def test_a_day_is_walked_from_its_midnight_to_the_next_also_when_the_clock_changes(day: date, hours: int) -> None:
    clock = clock_before(day)
    slots = {CHECK: every_half_hour(day)}
    beyond = {CHECK: [*slots[CHECK], at(24, day), at(24.5, day)]}
    report = walk(Timetable(clock, beyond), clock, Itinerary(day, ZONE, slots))
    assert report.is_complete
    assert len(report.fires) == 2 * hours
    assert report.fires[0].due_at == report.start == at(0, day)
    assert report.fires[-1].due_at == report.end - timedelta(minutes=30)
    assert report.end - report.start == timedelta(hours=hours)
    assert clock.now() < report.end


def test_several_days_are_one_walk() -> None:
    day = date(2026, 10, 31)
    clock = clock_before(day)
    slots = {CHECK: every_half_hour(day, days=3)}
    report = walk(Timetable(clock, slots), clock, Itinerary(day, ZONE, slots, days=3))
    assert report.is_complete
    assert len(report.fires) == 2 * (24 + 25 + 24)


def test_a_system_with_nothing_due_ends_at_once_and_is_complete_only_if_nothing_was_expected() -> None:
    clock = clock_before()
    assert walk(Timetable(clock, {}), clock, Itinerary(DAY, ZONE, {})).is_complete
    report = walk(Timetable(clock, {}), clock, Itinerary(DAY, ZONE, {SCAN: [at(6)]}))
    assert [str(d) for d in report.discrepancies] == [f"{SCAN} due 2026-11-20 14:00 UTC: no fire in the ledger"]


def test_what_was_due_before_the_first_day_is_walked_without_turning_the_clock_back() -> None:
    clock = clock_before()
    slots = {SCAN: [at(6)]}
    system = Timetable(clock, {SCAN: [at(-3), at(6)]})
    report = walk(system, clock, Itinerary(DAY, ZONE, slots))
    assert system.ticked_at == [at(0) - timedelta(seconds=EVE_S), at(6)]
    assert [f.due_at for f in report.fires] == [at(6)]
    assert report.is_complete


def test_progress_is_told_from_the_start_and_after_each_moment() -> None:
    clock = clock_before()
    slots = {SCAN: [at(6)], CHECK: [at(6), at(7)]}
    told: list[tuple[datetime, int, int]] = []
    walk(
        Timetable(clock, slots),
        clock,
        Itinerary(DAY, ZONE, slots),
        on_progress=lambda moment, done, expected: told.append((moment, done, expected)),
    )
    assert told == [(at(0) - timedelta(seconds=EVE_S), 0, 3), (at(6), 2, 3), (at(7), 3, 3)]


def test_a_system_that_stays_due_without_planning_is_stopped() -> None:
    class Stuck(Timetable):
        async def tick(self) -> int:
            return 0

    clock = clock_before()
    slots = {SCAN: [at(6)]}
    with pytest.raises(HarnessError, match=r"stuck at 2026-11-20T14:00:00\+00:00"):
        walk(Stuck(clock, slots), clock, Itinerary(DAY, ZONE, slots))


def test_a_tick_that_only_moves_a_deadline_on_is_no_standstill() -> None:
    class WithDeadline(Timetable):
        deadlines = 2

        def next_due(self) -> datetime | None:
            return at(3 - self.deadlines) if self.deadlines else super().next_due()

        async def tick(self) -> int:
            if self.deadlines:
                self.deadlines -= 1
                return 0
            return await super().tick()

    clock = clock_before()
    slots = {SCAN: [at(6)]}
    assert walk(WithDeadline(clock, slots), clock, Itinerary(DAY, ZONE, slots)).is_complete


def test_runs_that_never_end_stop_the_rehearsal_with_the_moment_named() -> None:
    class Endless(Timetable):
        async def settle(self) -> None:
            await asyncio.Event().wait()

    clock = clock_before()
    slots = {SCAN: [at(6)]}
    with pytest.raises(HarnessError, match="runs of 2026-11-20T14:00:00"):
        walk(Endless(clock, slots), clock, Itinerary(DAY, ZONE, slots), settle_timeout_s=0.01)


@pytest.mark.parametrize("state", [state for state in FireState if not state.is_open])
def test_a_slot_is_complete_in_every_closed_state(state: FireState) -> None:
    assert is_complete([fire(SCAN, at(6), state)], {SCAN: [at(6)]})


@pytest.mark.parametrize(
    ("fires", "problem"),
    [
        ([], "no fire in the ledger"),
        ([fire(SCAN, at(6)), fire(SCAN, at(6))], "2 fires for one slot"),
        ([fire(SCAN, at(6), FireState.PLANNED)], "still planned"),
        ([fire(SCAN, at(6), FireState.RUNNING)], "still running"),
        ([fire(SCAN, at(6), FireState.SUSPENDED)], "still suspended"),
        ([fire(SCAN, at(6), kind="manual")], "no fire in the ledger"),
        ([fire(SCAN, at(6)), fire(CHECK, at(6))], "fired although nothing was planned"),
    ],
)
def test_a_slot_that_departs_from_the_plan_is_named(fires: Sequence[Fire], problem: str) -> None:
    [found] = find_discrepancies(fires, {SCAN: [at(6)]})
    assert found.problem == problem
    assert not is_complete(fires, {SCAN: [at(6)]})


def test_fires_without_a_slot_of_their_own_do_not_disturb_the_ledger() -> None:
    extra = [fire(SCAN, at(6), kind=kind) for kind in ("manual", "bus", "retry")]
    assert is_complete([fire(SCAN, at(6)), *extra], {SCAN: [at(6)]})


@given(
    hours=st.lists(st.integers(0, 23), unique=True, min_size=1),
    spoil=st.sampled_from([lambda fires: fires[:-1], lambda fires: [*fires, fires[-1]]]),
)
def test_a_ledger_is_complete_exactly_when_each_slot_has_one_fire(
    hours: list[int], spoil: Callable[[list[Fire]], list[Fire]]
) -> None:
    slots = {SCAN: [at(hour) for hour in hours]}
    fires = [fire(SCAN, due_at.astimezone(UTC)) for due_at in reversed(slots[SCAN])]
    assert is_complete(fires, slots)
    assert not is_complete(spoil(fires), slots)
