"""`harness cost --forecast`: what is to come in a day and in a month, and when a budget would be used up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from harness.cli.fires import iso
from harness.cli.output import emit_json, say
from harness.cli.place import Place
from harness.cli.table import table_lines, terminal_width, wrap
from harness.daemon.wording import local_time
from harness.domain.budget import Amount, DayBudget, budgets_of
from harness.domain.job import Job
from harness.domain.moments import day_start
from harness.domain.pause import PauseRow
from harness.domain.settings import Profile
from harness.domain.sizes import counted
from harness.domain.workspace import Workspace
from harness.runs.forecast import Estimate, PlannedRun, Sum, planned_runs, reached_at, sums_by_agent
from harness.runs.outlook import LOOK_BACK, bus_per_day, estimate_jobs
from harness.store.peek import peek
from harness.store.usage_records import UsedByRun

_DAY, _MONTH = timedelta(days=1), timedelta(days=30)
_NAMED = 5
_HEAD = "if the runs to come go like the last ones; in brackets, what nine in ten of them did not exceed"


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known of the past: runs, latest first; what is used today, by scope and name; and what is paused."""

    runs: Sequence[UsedByRun] = ()
    today: Mapping[tuple[str, str], Amount] = field(default_factory=dict)
    pauses: Mapping[str, PauseRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Forecast:
    """What is to come. `bus` is what each agent uses a day for requests; `reached` says of each budget when it would be
    used up if all goes as it mostly does, and if it goes badly; None where it is not."""

    place: Place
    jobs: Sequence[tuple[Job, Profile, Estimate]]
    day: Mapping[str, Sum]
    month: Mapping[str, Sum]
    bus: Mapping[str, Amount]
    reached: Sequence[tuple[DayBudget, datetime | None, datetime | None]]
    paused: Sequence[str]

    @property
    def unknown(self) -> list[str]:
        return [job.id for job, _, each in self.jobs if each.source == "unknown"]

    @property
    def agents(self) -> list[str]:
        return sorted(self.month.keys() | self.bus.keys())


def say_forecast(place: Place, workspace: Workspace) -> None:
    """Print the forecast for the person."""
    seen = _forecast(place, workspace)
    if not seen.agents:
        say("no job asks a language model: nothing is to come that costs anything")
        return
    for line in wrap(_HEAD, terminal_width()):
        say(line)
    say()
    rows: list[Sequence[str]] = [_agent_row(seen, agent) for agent in seen.agents]
    if len(rows) > 1:
        totals = (_in_words(_total(sums), seen, None, days) for sums, days in ((seen.day, 1), (seen.month, 30)))
        rows.append(("total", *totals))
    for line in table_lines(rows, terminal_width(), ("agent", "next 24 hours", "next 30 days")):
        say(line)
    say()
    for line in table_lines(_remarks(seen), terminal_width()):
        say(line)


def emit_forecast(place: Place, workspace: Workspace) -> None:
    """Print the forecast as one JSON document."""
    emit_json(_document(_forecast(place, workspace)))


def _forecast(place: Place, workspace: Workspace) -> _Forecast:
    past = _past(place)
    jobs, paused = estimate_jobs(workspace, past.runs, past.pauses)
    runs = planned_runs(jobs, workspace.calendars, place.now, place.now + _MONTH)
    bus = bus_per_day(past.runs, place.now)
    budgets = budgets_of(workspace.settings, workspace.agents.values())
    return _Forecast(
        place,
        jobs,
        sums_by_agent(runs, place.now + _DAY),
        sums_by_agent(runs, place.now + _MONTH),
        bus,
        [(budget, *_reached(budget, runs, past, bus, place)) for budget in budgets],
        paused,
    )


def _past(place: Place) -> _Past:
    with peek(place.database) as look:
        if look is None:
            return _Past()
        today = day_start(place.now, place.zone)
        used: dict[tuple[str, str], Amount] = defaultdict(Amount)
        for scope in ("agent", "profile"):
            for name, each in look.usage.used_by(scope, today, place.now + _DAY).items():
                amount = Amount(each.cost_usd, each.tokens.input_tokens + each.tokens.output_tokens)
                used[scope, name] += amount
                if scope == "agent":
                    used["team", ""] += amount
        return _Past(look.usage.used_by_runs(place.now - LOOK_BACK), used, look.pauses())


def _reached(
    budget: DayBudget, runs: Sequence[PlannedRun], past: _Past, bus: Mapping[str, Amount], place: Place
) -> tuple[datetime | None, datetime | None]:
    # Which profile answers requests depends on the agent: they count for agents and team.
    beside = sum((each for agent, each in bus.items() if budget.agent in (None, agent)), Amount())
    typical, high = (
        reached_at(
            budget,
            runs,
            amount,
            used_today=past.today.get((budget.scope, budget.name), Amount()),
            beside_per_day=Amount() if budget.scope == "profile" else beside,
            now=place.now,
            zone=place.zone,
        )
        for amount in (_typical, _high)
    )
    return typical, high


def _typical(estimate: Estimate) -> Amount:
    return estimate.typical


def _high(estimate: Estimate) -> Amount:
    return estimate.high


def _total(sums: Mapping[str, Sum]) -> Sum:
    return Sum(
        sum(each.runs for each in sums.values()),
        sum((each.typical for each in sums.values()), Amount()),
        sum((each.high for each in sums.values()), Amount()),
        sum(each.unknown for each in sums.values()),
    )


# ── For the person ───────────────────────────────────────────────────────────────────────────────


def _agent_row(seen: _Forecast, agent: str) -> tuple[str, str, str]:
    day, month = (sums.get(agent, Sum()) for sums in (seen.day, seen.month))
    return (agent, _in_words(day, seen, agent, 1), _in_words(month, seen, agent, 30))


def _in_words(each: Sum, seen: _Forecast, agent: str | None, days: int) -> str:
    bus = sum((amount for name, amount in seen.bus.items() if agent in (None, name)), Amount())
    beside = bus.usd * days
    unknown = f", {each.unknown} unknown" if each.unknown else ""
    usd = f"${each.typical.usd + beside:,.2f} (${each.high.usd + beside:,.2f})"
    return f"{usd}, {counted(each.runs, 'run')}{unknown}"


def _remarks(seen: _Forecast) -> list[tuple[str, str]]:
    rows = []
    for budget, typical, worst in seen.reached:
        rows.append((budget.whose.removeprefix("the "), _reached_in_words(seen, budget, typical, worst)))
    if seen.unknown:
        rows.append(("unknown", f"{_named(seen.unknown)}: no run yet and no budget of its own, so counted as nothing"))
    unpriced = sorted({profile.name for _, profile, each in seen.jobs if not each.is_counted})
    if unpriced:
        rows.append(("no prices", f"{', '.join(unpriced)}: what the runs on it cost cannot be told"))
    if seen.paused:
        rows.append(("paused", f"{_named(seen.paused)}: not counted"))
    return rows


def _reached_in_words(seen: _Forecast, budget: DayBudget, typical: datetime | None, worst: datetime | None) -> str:
    limit = " and ".join(
        [
            *([] if budget.usd is None else [f"${budget.usd:,g}"]),
            *([] if budget.tokens is None else [f"{budget.tokens:,} tokens"]),
        ]
    )
    if typical is not None:
        return f"{limit} a day: used up {_moment(seen, typical)}"
    if worst is not None:
        return f"{limit} a day: enough as it mostly goes, used up {_moment(seen, worst)} if it goes badly"
    return f"{limit} a day: enough for the next 30 days"


def _moment(seen: _Forecast, moment: datetime) -> str:
    if moment <= seen.place.now:
        return "now"
    return local_time(moment, seen.place.zone, seen.place.now)


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


# ── For programs ─────────────────────────────────────────────────────────────────────────────────


def _document(seen: _Forecast) -> dict[str, Any]:
    now, bus = seen.place.now, sum(seen.bus.values(), Amount())
    return {
        "now": iso(now),
        "zone": seen.place.zone,
        "day_until": iso(now + _DAY),
        "month_until": iso(now + _MONTH),
        "agents": [
            {
                "agent": agent,
                "day": _sum_json(seen.day.get(agent, Sum())),
                "month": _sum_json(seen.month.get(agent, Sum())),
                **_bus_json(seen.bus.get(agent, Amount())),
            }
            for agent in seen.agents
        ],
        "total": {"day": _sum_json(_total(seen.day)), "month": _sum_json(_total(seen.month)), **_bus_json(bus)},
        "budgets": [
            {
                "scope": budget.scope,
                "name": budget.name,
                "usd": budget.usd,
                "tokens": budget.tokens,
                "reached_at": None if typical is None else iso(typical),
                "reached_at_worst": None if worst is None else iso(worst),
            }
            for budget, typical, worst in seen.reached
        ],
        "jobs": [_job_json(job, profile, each) for job, profile, each in seen.jobs],
        "unknown": seen.unknown,
        "paused": list(seen.paused),
    }


def _job_json(job: Job, profile: Profile, each: Estimate) -> dict[str, Any]:
    is_known = each.source != "unknown"
    return {
        "job": job.id,
        "profile": profile.name,
        "source": each.source,
        "runs": each.runs,
        "usd": each.typical.usd if is_known and each.is_counted else None,
        "usd_high": each.high.usd if is_known and each.is_counted else None,
        "tokens": each.typical.tokens if each.source == "runs" else None,
        "tokens_high": each.high.tokens if each.source == "runs" else None,
        "is_counted": each.is_counted,
    }


def _sum_json(each: Sum) -> dict[str, Any]:
    return {
        "runs": each.runs,
        "unknown": each.unknown,
        "usd": each.typical.usd,
        "usd_high": each.high.usd,
        "tokens": each.typical.tokens,
        "tokens_high": each.high.tokens,
    }


def _bus_json(bus: Amount) -> dict[str, Any]:
    return {"bus_usd_per_day": bus.usd, "bus_tokens_per_day": bus.tokens}
