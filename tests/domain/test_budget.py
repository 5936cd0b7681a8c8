from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.agent import Agent
from harness.domain.budget import (
    Amount,
    DayBudget,
    cannot_be_counted,
    day_budgets,
    is_budgeted,
    may_cost,
    nearest,
    shed_at,
    shed_by_stop,
    shed_for,
)
from harness.domain.job import Job, Priority
from harness.domain.run import BudgetSpent
from harness.domain.settings import Profile, Settings, Shedding

NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
ZONE = "America/Los_Angeles"
AGENT = Agent("scout", "looks", "", "", budget_usd=1.0)
JOB = Job("scout", "morning", "agents/scout/jobs/morning.md", (), "UTC")
CHEAP = Profile("cheap", "openai", input_usd_per_mtok=1.0)


@given(used=st.floats(0, 10), coming=st.floats(0, 10), limit=st.floats(0, 10))
def test_a_call_is_let_through_exactly_where_it_fits(used: float, coming: float, limit: float) -> None:
    stop = DayBudget("team", "", limit).stop(Amount(used), Amount(coming))
    assert (stop is None) == (coming == 0 or used + coming <= limit)


def test_tokens_are_held_to_also_where_they_cost_nothing() -> None:
    budget = DayBudget("profile", "local", None, 1000)
    assert budget.stop(Amount(0.0, 900), Amount(0.0, 100)) is None
    assert budget.stop(Amount(0.0, 900), Amount(0.0, 101)) == BudgetSpent("tokens", 900, 1000, "the profile local")


def test_a_call_is_held_to_the_budgets_of_team_agent_and_profile_that_exist() -> None:
    settings = Settings(budget_usd=5.0)
    assert [budget.whose for budget in day_budgets(settings, AGENT, CHEAP)] == ["the team", "the agent scout"]
    limited = Profile("cheap", "openai", budget_tokens=0)
    assert day_budgets(Settings(), Agent("x", "", "", ""), limited) == (DayBudget("profile", "cheap", None, 0),)


def test_the_share_is_that_of_the_part_nearest_to_its_end() -> None:
    budget = DayBudget("profile", "cheap", 2.0, 1000)
    assert budget.share(Amount(0.5, 900)) == pytest.approx(0.9)
    assert budget.in_words(Amount(0.5, 900)) == "900 of 1,000 tokens"
    assert budget.in_words(Amount(1.9, 900)) == "$1.90 of $2"
    assert DayBudget("team", "", 0.0).share(Amount()) == 1.0, "of a budget of nothing, all is spent"


# Limits are told with six digits: to the cent below $10,000.
@given(
    used=st.floats(0, 2_000),
    limits=st.lists(st.integers(1, 999_999).map(lambda cents: cents / 100), min_size=2, max_size=2, unique=True),
    unit=st.sampled_from(["usd", "tokens"]),
)
def test_whatever_tells_of_a_limit_names_it_and_no_other_one(used: float, limits: list[float], unit: str) -> None:
    def of(limit: float) -> DayBudget:
        return DayBudget("team", "", limit) if unit == "usd" else DayBudget("team", "", None, round(limit * 100))

    spent, budget, other = Amount(used, round(used)), of(limits[0]), of(limits[1])
    stop = BudgetSpent(unit, used, limits[0] if unit == "usd" else round(limits[0] * 100), "the team")
    told = (
        shed_for(budget, spent, "low", now=NOW, zone=ZONE).reason,
        shed_by_stop(stop, now=NOW, zone=ZONE).reason,
        f"{stop}; its fallbacks are asked until the day is over",
    )
    for words in told:
        assert budget.is_named_in(words)
        assert not other.is_named_in(words)


def test_low_goes_first_then_normal_and_high_only_at_the_end() -> None:
    shares = [shed_at(priority, Shedding()) for priority in ("low", "normal", "high")]
    assert shares == [0.8, 0.95, 1.0]


def test_the_nearest_budget_is_the_one_that_decides() -> None:
    team, agent = DayBudget("team", "", 5.0), DayBudget("agent", "scout", 1.0)
    assert nearest([(team, Amount(3.0)), (agent, Amount(0.9))]) == (agent, Amount(0.9))
    assert nearest([]) is None


@pytest.mark.parametrize(
    ("priority", "used", "words"),
    [
        ("low", 4.1, "82% spent ($4.10 of $5), so that jobs of low priority do without a language model until "),
        ("high", 5.0, "spent ($5.00 of $5), so that every job does without a language model until "),
    ],
)
def test_who_is_shed_reads_which_budget_it_was_and_until_when(priority: Priority, used: float, words: str) -> None:
    shed = shed_for(DayBudget("team", "", 5.0), Amount(used), priority, now=NOW, zone=ZONE)
    assert shed.reason == f"today's budget of the team is {words}Sat 21 Nov 00:00"
    assert shed.cause == "budget the team"


def test_a_first_call_without_room_reads_the_same_way() -> None:
    shed = shed_by_stop(BudgetSpent("usd", 4.98, 5.0, "the agent scout"), now=NOW, zone=ZONE)
    assert shed.cause == "budget the agent scout"
    assert "$4.98 of $5 until Sat 21 Nov 00:00" in shed.reason


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        (CHEAP, True),
        (replace(CHEAP, base_url="http://127.0.0.1:11434/v1"), True),
        (Profile("a", "openai", base_url="https://models.example/v1"), True),
        (Profile("a", "anthropic"), True),
        (Profile("a", "openai", base_url="http://10.0.0.5:8000/v1"), True),
        (Profile("a", "openai", base_url="http://127.0.0.1:11434/v1"), False),
        (Profile("a", "openai", base_url="http://[::1]:11434/v1"), False),
        (Profile("a", "openai", base_url="http://localhost/v1"), False),
        (Profile("a", "extractive"), False),
        (Profile("a", "scripted"), False),
    ],
)
def test_what_may_cost_money_is_what_has_a_price_and_what_nobody_priced_elsewhere(
    profile: Profile, expected: bool
) -> None:
    assert may_cost(profile) is expected
    assert cannot_be_counted(profile) is (expected and not profile.is_paid)


def test_any_budget_that_bounds_a_job_is_one() -> None:
    nobody = Agent("x", "", "", "")
    assert not is_budgeted(Settings(), nobody, JOB, CHEAP)
    assert is_budgeted(Settings(budget_usd=0.0), nobody, JOB, CHEAP)
    assert is_budgeted(Settings(), AGENT, JOB, CHEAP)
    assert is_budgeted(Settings(), nobody, JOB, Profile("cheap", "openai", budget_tokens=5))
