from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.budget import Amount, DayBudget
from harness.domain.job import Job
from harness.domain.message import Usage
from harness.domain.schedule import Cron, QuietHours
from harness.domain.settings import Profile
from harness.runs.forecast import Estimate, PlannedRun, Sum, estimate_of, planned_runs, reached_at, sums_by_agent

ZONE = "America/Los_Angeles"
NOW = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)
CHEAP = Profile("cheap", "openai", input_usd_per_mtok=1.0, output_usd_per_mtok=10.0)


def job(name: str = "morning", cron: str = "0 8 * * *", **more: object) -> Job:
    return Job("scout", name, f"agents/scout/jobs/{name}.md", (Cron(cron),), ZONE, **more)  # type: ignore[arg-type]


def costs(usd: float, high: float | None = None) -> Estimate:
    return Estimate(Amount(usd, 100), Amount(usd if high is None else high, 200), "runs", 5)


def planned(*at_usd: tuple[datetime, float], agent: str = "scout") -> list[PlannedRun]:
    return [PlannedRun(at, agent, f"{agent}/x", "cheap", costs(usd)) for at, usd in at_usd]


def when(
    runs: list[PlannedRun],
    budget: DayBudget,
    *,
    used_today: float = 0.0,
    beside: float = 0.0,
    is_high: bool = False,
) -> datetime | None:
    return reached_at(
        budget,
        runs,
        lambda estimate: estimate.high if is_high else estimate.typical,
        used_today=Amount(used_today),
        beside_per_day=Amount(beside),
        now=NOW,
        zone=ZONE,
    )


TEAM = DayBudget("team", "", 1.0)


def test_an_estimate_is_the_middle_and_the_ninetieth_of_the_last_runs_at_todays_prices() -> None:
    last = [Usage(10_000 * n, 0, 0) for n in range(1, 11)]
    estimate = estimate_of(job(), CHEAP, last)
    assert (estimate.typical, estimate.high) == (Amount(0.05, 50_000), Amount(0.09, 90_000))
    assert (estimate.source, estimate.runs) == ("runs", 10)
    assert estimate_of(job(), CHEAP, [Usage(1_000, 0, 0)] * 20 + [Usage(9_000_000, 0, 0)] * 30).high.usd == 0.001


def test_a_job_that_never_ran_is_taken_to_use_its_budget_and_without_one_is_unknown() -> None:
    assert estimate_of(job(budget_usd=0.15), CHEAP, []).typical == Amount(0.15)
    assert estimate_of(job(), CHEAP, []).source == "unknown"


def test_what_has_no_price_is_not_taken_for_free() -> None:
    far = Profile("far", "openai", base_url="https://models.example/v1")
    local = Profile("local", "openai", base_url="http://localhost:11434/v1")
    assert not estimate_of(job(), far, [Usage(1, 0, 1)]).is_counted
    assert estimate_of(job(budget_usd=0.15), far, []).source == "unknown", "its budget in dollars never bites"
    assert estimate_of(job(), local, [Usage(1, 0, 1)]).is_counted


def test_slots_follow_the_calendar_over_a_change_of_the_clock() -> None:
    # On 1 November 2026 the clock is put back at 02:00: that day has 25 hours.
    start = datetime(2026, 10, 31, 0, 0, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    hourly, daily = job("hourly", "0 * * * *"), job("daily", "30 1 * * *")
    runs = planned_runs(
        [(hourly, CHEAP, costs(0.1)), (daily, CHEAP, costs(0.1))], {}, start, start + timedelta(hours=49)
    )
    local = [run.at.astimezone(ZoneInfo(ZONE)) for run in runs if run.job_id == "scout/daily"]
    assert [(at.day, at.hour, at.minute) for at in local] == [(31, 1, 30), (1, 1, 30)]
    assert sum(run.job_id == "scout/hourly" for run in runs) == 49
    assert [run.at for run in runs] == sorted(run.at for run in runs)


def test_slots_in_quiet_hours_cost_nothing() -> None:
    quiet = job("hourly", "0 * * * *", quiet_hours=QuietHours(12 * 60, 0))
    assert len(planned_runs([(quiet, CHEAP, costs(0.1))], {}, NOW, NOW + timedelta(days=1))) == 12


def test_what_is_unknown_is_counted_as_such() -> None:
    runs = [
        *planned((NOW, 0.5), (NOW + timedelta(hours=1), 0.5)),
        PlannedRun(NOW, "zoe", "zoe/y", "cheap", Estimate()),
    ]
    sums = sums_by_agent(runs, NOW)
    assert sums == {"scout": Sum(1, Amount(0.5, 100), Amount(0.5, 200)), "zoe": Sum(1, unknown=1)}


def test_a_budget_is_used_up_by_the_run_that_brings_it_there() -> None:
    runs = planned(*((NOW + timedelta(hours=n), 0.3) for n in range(1, 6)))
    assert when(runs, TEAM) == NOW + timedelta(hours=4)
    assert when(runs, TEAM, used_today=0.5) == NOW + timedelta(hours=2)
    assert when(runs, TEAM, used_today=1.0) == NOW
    assert when(runs, DayBudget("agent", "zoe", 1.0)) is None
    assert when(runs, DayBudget("profile", "cheap", None, 250)) == NOW + timedelta(hours=3)


def test_with_a_new_day_nothing_is_used() -> None:
    # Midnight in Los Angeles is 08:00 UTC: the second run is the first of the new day.
    runs = planned(*((NOW + timedelta(hours=6 * n), 0.4) for n in range(1, 9)))
    assert when(runs, TEAM, used_today=0.5) == runs[3].at


def test_what_is_used_beside_the_schedules_counts_for_the_part_of_the_day_that_has_passed() -> None:
    tomorrow_noon = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
    assert when(planned((tomorrow_noon, 0.6)), TEAM, beside=0.7) is None
    assert when(planned((tomorrow_noon, 0.6)), TEAM, beside=0.9) == tomorrow_noon


def test_a_bad_case_counts_what_nine_in_ten_do_not_exceed() -> None:
    runs = [PlannedRun(NOW + timedelta(hours=1), "scout", "scout/x", "cheap", costs(0.5, 1.5))]
    assert (when(runs, TEAM), when(runs, TEAM, is_high=True)) == (None, runs[0].at)


@given(
    usd=st.lists(st.floats(0, 1), max_size=40), limit=st.floats(0.1, 3), more=st.floats(0, 1), hours=st.integers(1, 9)
)
def test_a_larger_budget_is_never_used_up_earlier(usd: list[float], limit: float, more: float, hours: int) -> None:
    runs = planned(*((NOW + timedelta(hours=hours * n), each) for n, each in enumerate(usd, start=1)))
    small, large = (when(runs, DayBudget("team", "", each)) for each in (limit, limit + more))
    assert large is None or (small is not None and small <= large)


@pytest.mark.parametrize("hours", [1, 5])
def test_a_forecast_of_nothing_reaches_nothing(hours: int) -> None:
    assert when([], TEAM) is None
    assert planned_runs([], {}, NOW, NOW + timedelta(hours=hours)) == []
