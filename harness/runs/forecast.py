"""What is to come: the runs that the schedules plan, and what they will use if they go like the last ones. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Literal

from harness.domain.budget import Amount, DayBudget, cannot_be_counted
from harness.domain.job import Job
from harness.domain.latency import percentile
from harness.domain.message import Usage
from harness.domain.moments import day_end, day_start
from harness.domain.schedule import Calendar
from harness.domain.settings import Profile
from harness.llm.usage import cost_usd
from harness.schedule.due import slots_after
from harness.schedule.exclusions import why_excluded

RUNS_LOOKED_AT = 20
"""So many of the last runs of a job say what its next one will use."""

Source = Literal["runs", "budget", "unknown"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one run will use: `typical` in half of the cases at most, `high` in nine of ten.

    `source` says where it is from: the last `runs` runs, the job's own budget, or nowhere: then the amounts are no
    estimate at all. `is_counted`: the tokens have a price, or need none.
    """

    typical: Amount = field(default_factory=Amount)
    high: Amount = field(default_factory=Amount)
    source: Source = "unknown"
    runs: int = 0
    is_counted: bool = True


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One run that a schedule plans."""

    at: datetime
    agent: str
    job_id: str
    profile: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Sum:
    """What a number of planned runs will use; `unknown` are those of which nobody can say."""

    runs: int = 0
    typical: Amount = field(default_factory=Amount)
    high: Amount = field(default_factory=Amount)
    unknown: int = 0

    def plus(self, estimate: Estimate) -> Sum:
        """Return the sum with one more run."""
        is_unknown = estimate.source == "unknown" or not estimate.is_counted
        return Sum(self.runs + 1, self.typical + estimate.typical, self.high + estimate.high, self.unknown + is_unknown)


def estimate_of(job: Job, profile: Profile, last: Sequence[Usage]) -> Estimate:
    """Return what the job's next run will use of the profile; `last` is what its last runs used, the latest first.

    Tokens are taken as they were, and priced as they are today. A job that has not run is taken to use all of its
    own budget.
    """
    counted = not cannot_be_counted(profile)
    amounts = [
        Amount(cost_usd(profile, used), used.input_tokens + used.output_tokens) for used in last[:RUNS_LOOKED_AT]
    ]
    if amounts:
        typical, high = (_percentile(amounts, percent) for percent in (50, 90))
        return Estimate(typical, high, "runs", len(amounts), counted)
    if job.budget_usd is not None and profile.is_paid:
        return Estimate(Amount(job.budget_usd), Amount(job.budget_usd), "budget")
    return Estimate(is_counted=counted)


def planned_runs(
    jobs: Iterable[tuple[Job, Profile, Estimate]],
    calendars: Mapping[str, Calendar],
    after: datetime,
    until: datetime,
) -> list[PlannedRun]:
    """Return the runs that the schedules plan in (after, until], in order of time, without those that are excluded."""
    found = [
        PlannedRun(slot, job.agent, job.id, profile.name, estimate)
        for job, profile, estimate in jobs
        for slot in takewhile(lambda slot: slot <= until, slots_after(job.schedules, job.zone, after))
        if why_excluded(job, calendars, slot) is None
    ]
    return sorted(found, key=lambda run: (run.at, run.job_id))


def sums_by_agent(runs: Iterable[PlannedRun], until: datetime) -> dict[str, Sum]:
    """Return what the runs up to then will use, by agent."""
    sums: dict[str, Sum] = {}
    for run in runs:
        if run.at <= until:
            sums[run.agent] = sums.get(run.agent, Sum()).plus(run.estimate)
    return sums


def reached_at(
    budget: DayBudget,
    runs: Iterable[PlannedRun],
    amount: Callable[[Estimate], Amount],
    *,
    used_today: Amount,
    beside_per_day: Amount,
    now: datetime,
    zone: str,
) -> datetime | None:
    """Return when the budget of a day of the zone is first used up; None if on no day of the planned runs.

    `used_today` is what is used of it already. `beside_per_day` is what is used beside the schedules, evenly over the
    day. `amount` picks the estimate that counts.
    """
    if budget.share(used_today) >= 1:
        return now
    used, today = used_today, day_start(now, zone)
    for run in _asking(budget, runs):
        if run.at >= day_end(today, zone):
            used, today = Amount(), day_start(run.at, zone)
        used += amount(run.estimate)
        begun = max(today, now)
        passed = (run.at - begun) / timedelta(days=1)
        beside = Amount(beside_per_day.usd * passed, round(beside_per_day.tokens * passed))
        if budget.share(used + beside) >= 1:
            return run.at
    return None


def _asking(budget: DayBudget, runs: Iterable[PlannedRun]) -> Iterator[PlannedRun]:
    for run in runs:
        if budget.agent in (None, run.agent) and budget.profile in (None, run.profile):
            yield run


def _percentile(amounts: Sequence[Amount], percent: float) -> Amount:
    usd = percentile(sorted(amount.usd for amount in amounts), percent)
    return Amount(usd, int(percentile(sorted(amount.tokens for amount in amounts), percent)))
