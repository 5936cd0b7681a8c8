"""The budgets of the day, on a file and on a server, with runs at work at the same time and runs that die."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from harness.domain.budget import Amount, BudgetReached, DayBudget
from harness.domain.message import Usage
from harness.domain.run import BudgetSpent, FireKind
from harness.gate.budgets import Budgets, used_of
from harness.store.database import Database
from harness.store.runs import NewRun, claim_runs, end_run, queue_run, suspend_run
from harness.store.tables import reservation, run, usage
from harness.store.usage import BookedCall, ReservedCall, record_usage

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
ZONE = "America/Los_Angeles"
TEAM = DayBudget("team", "", 1.0)


def begin(database: Database, *agents: str, now: datetime = NOW) -> list[str]:
    """Have a run of each agent at work; return their ids."""
    with database.write() as connection:
        for agent in agents:
            queue_run(connection, NewRun(f"cron:{agent}/x:1", f"{agent}/x", "agent", FireKind.CRON, 1, 1), now)
        claim_runs(connection, "me", 99, now)
    return [f"cron:{agent}/x:1" for agent in agents]


def asked(run_id: str, usd: float, call: str = "model-1", *, profile: str = "cheap", tokens: int = 0) -> ReservedCall:
    agent = run_id.removeprefix("cron:").partition("/")[0]
    return ReservedCall(run_id, call, agent, profile, Amount(usd, tokens))


def book(database: Database, call: ReservedCall, usd: float, now: datetime = NOW) -> None:
    booked = BookedCall(call.run_id, call.call_id, f"{call.agent}/x", call.profile, "m", Usage(1, 0, 1), usd, 0.1)
    with database.write() as connection:
        record_usage(connection, booked, now)


def used(database: Database, budget: DayBudget = TEAM, now: datetime = NOW) -> Amount:
    with database.read() as connection:
        return used_of(connection, budget, now, ZONE)


def no_room(budgets: Budgets, call: ReservedCall, *held_to: DayBudget) -> BudgetSpent:
    """Return what is said of a call for which there is no room, and will be none today."""
    with pytest.raises(BudgetReached) as reached:
        budgets.reserve(call, held_to or (TEAM,), ZONE)
    assert not reached.value.is_for_now
    return reached.value.stop


def test_what_calls_in_flight_may_use_is_not_there_for_others(database: Database) -> None:
    budgets = Budgets(database, lambda: NOW)
    zoe, scout = begin(database, "zoe", "scout")
    budgets.reserve(asked(zoe, 0.7), (TEAM,), ZONE)
    with pytest.raises(BudgetReached) as reached:
        budgets.reserve(asked(scout, 0.4), (TEAM,), ZONE)
    assert (reached.value.stop, reached.value.is_for_now) == (BudgetSpent("usd", 0.7, 1.0, "the team"), True)
    book(database, asked(zoe, 0.7), 0.1)
    budgets.reserve(asked(scout, 0.4), (TEAM,), ZONE)
    assert used(database).usd == pytest.approx(0.5)


def test_what_a_call_that_failed_had_set_aside_is_given_back(database: Database) -> None:
    budgets = Budgets(database, lambda: NOW)
    (zoe,) = begin(database, "zoe")
    budgets.reserve(asked(zoe, 0.7), (TEAM,), ZONE)
    budgets.give_back(zoe, "model-1")
    assert used(database) == Amount()


def test_the_same_call_made_again_takes_its_own_place(database: Database) -> None:
    budgets = Budgets(database, lambda: NOW)
    (zoe,) = begin(database, "zoe")
    for profile in ("cheap", "good"):
        budgets.reserve(asked(zoe, 0.7, profile=profile), (TEAM,), ZONE)
    assert used(database).usd == pytest.approx(0.7)
    assert used(database, DayBudget("profile", "cheap", 1.0)) == Amount()


@pytest.mark.parametrize("is_suspended", [False, True])
def test_what_a_run_had_set_aside_lapses_with_it(database: Database, is_suspended: bool) -> None:
    budgets = Budgets(database, lambda: NOW)
    zoe, scout = begin(database, "zoe", "scout")
    budgets.reserve(asked(zoe, 0.9), (TEAM,), ZONE)
    with database.write() as connection:
        if is_suspended:
            suspend_run(connection, zoe, stop="suspended", outcome={})
        else:
            end_run(connection, zoe, NOW)
    assert used(database) == Amount()
    budgets.reserve(asked(scout, 0.9), (TEAM,), ZONE)
    with database.read() as connection:
        assert [row.run_id for row in connection.execute(reservation.select())] == [scout]


def test_each_budget_counts_its_own(database: Database) -> None:
    budgets = Budgets(database, lambda: NOW)
    zoe, scout = begin(database, "zoe", "scout")
    book(database, asked(zoe, 0.0, "model-0"), 0.5)
    of_zoe, of_cheap = DayBudget("agent", "zoe", 0.6), DayBudget("profile", "cheap", None, 100)
    assert no_room(budgets, asked(zoe, 0.2), TEAM, of_zoe).whose == "the agent zoe"
    budgets.reserve(asked(scout, 0.2), (TEAM, DayBudget("agent", "scout", 0.6)), ZONE)
    budgets.reserve(asked(zoe, 0.0, tokens=98), (of_cheap,), ZONE)
    assert no_room(budgets, asked(scout, 0.0, "model-2", tokens=99), of_cheap) == BudgetSpent(
        "tokens", 2, 100, "the profile cheap"
    )
    with pytest.raises(BudgetReached, match="stopped at 100 of 100 tokens of today's budget of the profile cheap"):
        budgets.reserve(asked(scout, 0.0, "model-2", tokens=1), (of_cheap,), ZONE)


def test_the_day_is_that_of_the_home_zone(database: Database) -> None:
    midnight = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
    zoe, _ = begin(database, "zoe", "scout")
    book(database, asked(zoe, 0.0), 1.0, midnight - timedelta(seconds=1))
    assert no_room(Budgets(database, lambda: midnight - timedelta(seconds=1)), asked(zoe, 0.1, "model-2")).spent == 1.0
    Budgets(database, lambda: midnight).reserve(asked(zoe, 0.1, "model-2"), (TEAM,), ZONE)


def test_a_call_is_booked_once(database: Database) -> None:
    (zoe,) = begin(database, "zoe")
    for _ in range(2):
        book(database, asked(zoe, 0.0), 0.25)
    assert used(database) == Amount(0.25, 2)


def test_of_many_runs_at_once_no_more_are_let_through_than_fit(database: Database) -> None:
    runs = begin(database, *(f"agent{n}" for n in range(8)))
    others = Database.connect(database.address)
    all_there = threading.Barrier(len(runs))

    def ask(number: int) -> bool:
        budgets = Budgets((database, others)[number % 2], lambda: NOW)
        all_there.wait(60)
        try:
            budgets.reserve(asked(runs[number], 0.3), (TEAM,), ZONE)
        except BudgetReached:
            return False
        return True

    try:
        with ThreadPoolExecutor(len(runs)) as pool:
            let_through = list(pool.map(ask, range(len(runs))))
    finally:
        others.close()
    assert sum(let_through) == 3
    assert used(database).usd == pytest.approx(0.9)


_AGENTS = ("a", "b", "c", "d")
_HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(("ask", "ask again", "answer", "fail", "die")),
        st.integers(0, len(_AGENTS) - 1),
        st.integers(1, 60),
        st.integers(0, 100),
    ),
    max_size=30,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happenings=_HAPPENINGS)
def test_whatever_is_asked_answered_or_dies_the_budget_is_never_exceeded(
    database: Database, happenings: list[tuple[str, int, int, int]]
) -> None:
    with database.write() as connection:
        for table in (reservation, usage, run):
            connection.execute(delete(table))
    budgets = Budgets(database, lambda: NOW)
    runs = begin(database, *_AGENTS)
    alive, in_flight, calls = set(runs), dict[str, ReservedCall](), 0
    for happening, number, cents, percent in happenings:
        run_id = runs[number]
        if run_id not in alive:
            continue
        call = in_flight.get(run_id)
        match happening:
            case "ask" | "ask again":
                if call is None:
                    calls += 1
                again = call is not None and happening == "ask again"
                asking = asked(run_id, cents / 100, call.call_id if again and call else f"model-{calls}")
                if call is not None and not again:
                    continue  # a run makes one call after the other
                try:
                    budgets.reserve(asking, (TEAM,), ZONE)
                except BudgetReached:
                    continue
                in_flight[run_id] = asking
            case "answer" if call is not None:
                book(database, call, call.most.usd * percent / 100)
                del in_flight[run_id]
            case "fail" if call is not None:
                budgets.give_back(run_id, call.call_id)
                del in_flight[run_id]
            case "die":
                with database.write() as connection:
                    end_run(connection, run_id, NOW)
                alive.discard(run_id)
                in_flight.pop(run_id, None)
        assert used(database).usd <= 1.0 + 1e-9
        reserved_for = sum(each.most.usd for each in in_flight.values())
        with database.read() as connection:
            booked = sum(row.cost_usd for row in connection.execute(usage.select()))
        assert used(database).usd == pytest.approx(booked + reserved_for)
