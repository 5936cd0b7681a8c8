"""The action `cost-report`: what models used today and cost, beside the budgets, and what tomorrow will."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.domain.budget import Amount, DayBudget, budgets_of, cannot_be_counted
from harness.domain.job import Job
from harness.domain.moments import day_end, day_start
from harness.domain.sizes import counted, dollars, short
from harness.domain.workspace import Workspace
from harness.runs.actions import Action, ActionResult
from harness.runs.followups.told import in_code
from harness.runs.forecast import Sum, planned_runs
from harness.runs.outlook import LOOK_BACK, bus_per_day, estimate_jobs
from harness.store.database import Database
from harness.store.peek import Peek, peek
from harness.store.usage_records import Grouping, Used

_JOBS_NAMED = 10
_GROUPINGS: tuple[Grouping, ...] = ("agent", "job", "profile")


@dataclass(frozen=True, slots=True)
class _Day:
    """What was used on one day of the home zone, by what; `late` is what the day before used after its own report."""

    used: Mapping[Grouping, Mapping[str, Used]]
    late: Amount
    uncounted: Sequence[str]


def cost_report(database: Database, workspace: Callable[[], Workspace]) -> Action:
    """Return the action: it is silent where no language model was asked and nothing is to be paid for.

    The day is that of the home zone up to the report; what a day used after its report stands in the next one.
    """

    def report(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        here = workspace()
        with peek(database.address) as look:
            if look is None:
                return ActionResult("no run was ever planned")
            day = _day(look, here, due_at)
            tomorrow = _tomorrow(look, here, due_at)
        total = sum(day.used["agent"].values(), Used())
        if not _tokens(total) and not total.cost_usd and not day.late.tokens:
            calls = counted(total.calls, "call")
            return ActionResult(f"no language model was asked today ({calls} without one); nothing was spent")
        budgets = budgets_of(here.settings, here.agents.values())
        parts = [
            "## What models cost today",
            _summary(total, day),
            *(_table(grouping, day.used[grouping], budgets) for grouping in _GROUPINGS),
            "## Tomorrow",
            _coming(tomorrow, budgets),
        ]
        reason = f"{dollars(total.cost_usd)} and {short(_tokens(total))} tokens today"
        return ActionResult(reason, "\n\n".join(parts) + "\n")

    return report


def _day(look: Peek, workspace: Workspace, until: datetime) -> _Day:
    zone = workspace.settings.home_zone
    start = day_start(until, zone)
    used = {grouping: look.usage.used_by(grouping, start, until) for grouping in _GROUPINGS}
    before = sum(look.usage.used_by("agent", until - timedelta(days=1), start).values(), Used())
    unpriced = {name for name, one in workspace.settings.profiles.items() if cannot_be_counted(one)}
    return _Day(used, Amount(before.cost_usd, _tokens(before)), sorted(unpriced & used["profile"].keys()))


def _tomorrow(look: Peek, workspace: Workspace, now: datetime) -> Sum:
    """Return what the schedules of tomorrow will use, and the requests of an average day."""
    zone = workspace.settings.home_zone
    begins = day_end(now, zone)
    past = look.usage.used_by_runs(now - LOOK_BACK)
    jobs, _ = estimate_jobs(workspace, past, look.pauses())
    # A slot at midnight itself is tomorrow's.
    just_before = begins - timedelta(seconds=1)
    ends = day_end(begins, zone) - timedelta(seconds=1)
    coming = Sum()
    for run in planned_runs(jobs, workspace.calendars, just_before, ends):
        coming = coming.plus(run.estimate)
    bus = sum(bus_per_day(past, now).values(), Amount())
    return Sum(coming.runs, coming.typical + bus, coming.high + bus, coming.unknown)


def _summary(total: Used, day: _Day) -> str:
    share = total.cache_share
    cached = f", {share:.0%} of the input from the cache" if share else ""
    words = [
        f"**{dollars(total.cost_usd)}** for {counted(total.calls, 'call')} and {short(_tokens(total))} tokens{cached}."
    ]
    if day.late.tokens:
        words.append(f"Yesterday, after its report: {dollars(day.late.usd)} and {short(day.late.tokens)} tokens.")
    if day.uncounted:
        words.append(f"Not counted in dollars, as they have no prices: {', '.join(map(in_code, day.uncounted))}.")
    return " ".join(words)


def _table(grouping: Grouping, used: Mapping[str, Used], budgets: Sequence[DayBudget]) -> str:
    """Return a table of the dearest, the rest in one line; with budgets, where there are any of that kind."""
    dearest = sorted(used.items(), key=lambda each: (-each[1].cost_usd, -_tokens(each[1]), each[0]))
    rows = [
        (in_code(name or "(not recorded)"), one, _budget(grouping, name, one, budgets))
        for name, one in dearest[:_JOBS_NAMED]
    ]
    rest = dearest[_JOBS_NAMED:]
    if rest:
        rows.append((f"{len(rest)} more", sum((one for _, one in rest), Used()), ""))
    if grouping == "agent":
        total = sum(used.values(), Used())
        rows.append(("**the team**", total, _budget("team", "", total, budgets)))
    has_budgets = any(budget for _, _, budget in rows)
    head = f"| {grouping} | calls | tokens | cost |{' budget of the day |' if has_budgets else ''}"
    lines = [head, f"|---|--:|--:|--:|{'---|' if has_budgets else ''}"]
    for name, one, budget in rows:
        cells = f"| {name} | {one.calls:,} | {short(_tokens(one))} | {dollars(one.cost_usd)} |"
        lines.append(f"{cells} {budget} |" if has_budgets else cells)
    return "\n".join(lines)


def _budget(scope: str, name: str, used: Used, budgets: Sequence[DayBudget]) -> str:
    amount = Amount(used.cost_usd, _tokens(used))
    found = next((one for one in budgets if (one.scope, one.name) == (scope, name)), None)
    return "" if found is None else f"{found.share(amount):.0%}: {found.in_words(amount)}"


def _coming(coming: Sum, budgets: Sequence[DayBudget]) -> str:
    if not coming.runs and not coming.typical.tokens:
        return "No schedule of tomorrow asks a language model."
    words = [
        f"{counted(coming.runs, 'planned run')}: {dollars(coming.typical.usd)} if they go like the last ones, "
        f"{dollars(coming.high.usd)} if they go as nine in ten did not exceed, what is asked over the bus included."
    ]
    if coming.unknown:
        words.append(f"Of {coming.unknown} nobody can say: they have not run, or their profile has no price.")
    words += _against(coming, budgets)
    return " ".join(words)


def _against(coming: Sum, budgets: Sequence[DayBudget]) -> Iterator[str]:
    team = next((one for one in budgets if one.scope == "team" and one.usd is not None), None)
    if team is None or team.usd is None:
        yield "The team has no budget of its own."
    elif coming.typical.usd > team.usd:
        yield f"**That is more than the team's budget of ${team.usd:,g}**: what matters least is given up first."
    elif coming.high.usd > team.usd:
        yield f"If it goes badly, that is more than the team's budget of ${team.usd:,g}."
    else:
        yield f"The team's budget of ${team.usd:,g} is enough."


def _tokens(used: Used) -> int:
    return used.tokens.input_tokens + used.tokens.output_tokens
