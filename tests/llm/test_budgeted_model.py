"""The budgets of the day around a model: what is set aside while it works, and what is left when it has."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from harness.domain.budget import Amount, BudgetReached, DayBudget
from harness.domain.errors import TransientError
from harness.domain.message import Message, ModelReply, ModelRequest, Spent, Usage
from harness.domain.run import FireKind
from harness.domain.settings import Profile
from harness.gate.budgets import Budgets, used_of
from harness.llm.budgeted_model import BudgetedModel
from harness.store.database import Database
from harness.store.runs import NewRun, claim_runs, queue_run
from harness.store.usage import BookedCall, ReservedCall, record_usage, usage_of_run
from harness.testing.models import Reply, ScriptedModel

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
PAID = Profile("cheap", "openai", input_usd_per_mtok=1.0, output_usd_per_mtok=10.0)
FREE = Profile("local", "openai")
RUN = "cron:scout/x:1"
REQUEST = ModelRequest((Message("user", "Hello"),), max_output_tokens=1_000, key=f"{RUN}/model-1")
TEAM = DayBudget("team", "", 0.02)


def begin(database: Database) -> None:
    with database.write() as connection:
        queue_run(connection, NewRun(RUN, "scout/x", "agent", FireKind.CRON, 1, 1), NOW)
        claim_runs(connection, "me", 9, NOW)


async def no_time(_seconds: float) -> None:
    """Wait for nothing."""


def model(
    database: Database,
    reply: Reply,
    profile: Profile = PAID,
    *held_to: DayBudget,
    sleep: Callable[[float], Awaitable[None]] = no_time,
) -> BudgetedModel:
    inner = ScriptedModel(lambda request: reply)
    budgets = Budgets(database, lambda: NOW)
    return BudgetedModel(
        inner, profile, "scout/x", budgets=budgets, held_to=held_to or (TEAM,), zone="UTC", sleep=sleep
    )


def in_use(database: Database, budget: DayBudget = TEAM) -> Amount:
    with database.read() as connection:
        return used_of(connection, budget, NOW, "UTC")


def test_what_the_call_may_cost_at_most_stays_set_aside_until_it_is_booked(database: Database) -> None:
    begin(database)
    reply = asyncio.run(model(database, ModelReply("Hi", "m", usage=Usage(10, 0, 1))).complete(REQUEST))
    assert reply.text == "Hi"
    used = in_use(database)
    assert 0.01 < used.usd < 0.011, "1,000 tokens may be written, at 10 dollars a million, and some are read"
    assert used.tokens > 1_000


def test_a_call_that_does_not_fit_is_not_made(database: Database) -> None:
    begin(database)
    budgeted = model(database, AssertionError("it was asked"), PAID, DayBudget("team", "", 0.005))
    with pytest.raises(BudgetReached) as reached:
        asyncio.run(budgeted.complete(REQUEST))
    assert reached.value.stop.whose == "the team"


def test_a_call_that_fails_gives_back_what_was_set_aside(database: Database) -> None:
    begin(database)
    with pytest.raises(TransientError):
        asyncio.run(model(database, TransientError("no answer")).complete(REQUEST))
    assert in_use(database) == Amount()


@pytest.mark.parametrize("held_to", [(TEAM,), (DayBudget("profile", "other", 5.0),)])
def test_what_was_paid_for_a_call_that_failed_is_booked_on_its_profile_each_time(
    database: Database, held_to: tuple[DayBudget, ...]
) -> None:
    begin(database)
    error = TransientError("malformed body")
    error.paid = Spent(Usage(900, 0, 100), 2**-9)
    for _ in range(2):
        with pytest.raises(TransientError):
            asyncio.run(model(database, error, PAID, *held_to).complete(REQUEST))
    assert in_use(database) == Amount(2**-8, 2000)
    assert in_use(database, DayBudget("profile", "cheap")) == Amount(2**-8, 2000)
    booked = BookedCall(RUN, "model-1", "scout/x", "cheap", "m", Usage(10, 0, 1), 2**-7)
    with database.write() as connection:
        record_usage(connection, booked, NOW)
        assert usage_of_run(connection, RUN) == (Usage(1810, 0, 201), 3 * 2**-8, 3)


def test_what_a_call_without_a_budget_was_paid_is_booked_too(database: Database) -> None:
    error = TransientError("malformed body")
    error.paid = Spent(Usage(900, 0, 100))
    with pytest.raises(TransientError):
        asyncio.run(model(database, error, FREE, DayBudget("team", "", 1.0)).complete(REQUEST))
    assert in_use(database) == Amount(0.0, 1000)


def test_what_costs_nothing_is_held_to_budgets_of_tokens_alone(database: Database) -> None:
    begin(database)
    asyncio.run(model(database, "Hi", FREE, DayBudget("team", "", 0.0)).complete(REQUEST))
    assert in_use(database) == Amount(), "nothing was set aside"
    tokens = DayBudget("profile", "local", None, 900)
    with pytest.raises(BudgetReached):
        asyncio.run(model(database, "Hi", FREE, tokens).complete(REQUEST))


def test_a_call_of_no_run_is_held_to_nothing(database: Database) -> None:
    outside = ModelRequest(REQUEST.messages)
    assert asyncio.run(model(database, "Hi", PAID, DayBudget("team", "", 0.0)).complete(outside)).text == "Hi"


def test_a_call_waits_for_calls_in_flight_that_leave_it_room_when_they_are_booked(database: Database) -> None:
    begin(database)
    other, pauses = ReservedCall(RUN, "model-0", "scout", "cheap", Amount(0.015)), []
    Budgets(database, lambda: NOW).reserve(other, (TEAM,), "UTC")

    async def book_the_other(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            with database.write() as connection:
                booked = BookedCall(RUN, "model-0", "scout/x", "cheap", "m", Usage(1, 0, 1), 0.001)
                record_usage(connection, booked, NOW)

    assert asyncio.run(model(database, "Hi", sleep=book_the_other).complete(REQUEST)).text == "Hi"
    assert pauses == [1.0, 1.0, 1.0]


def test_a_call_does_not_wait_for_ever_and_not_at_all_for_what_is_spent(database: Database) -> None:
    begin(database)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    Budgets(database, lambda: NOW).reserve(
        ReservedCall(RUN, "model-0", "scout", "cheap", Amount(0.015)), (TEAM,), "UTC"
    )
    with pytest.raises(BudgetReached):
        asyncio.run(model(database, "Hi", sleep=pause).complete(REQUEST))
    assert 30 < sum(pauses) < 90
    pauses.clear()
    with pytest.raises(BudgetReached):
        asyncio.run(model(database, "Hi", PAID, DayBudget("team", "", 0.001), sleep=pause).complete(REQUEST))
    assert pauses == []
