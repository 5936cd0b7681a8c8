"""`harness cost`: what models used and cost, by whom, and what is left of the day's budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from harness.cli.cost_forecast import emit_forecast, say_forecast
from harness.cli.failures import Misused
from harness.cli.fires import iso, local_day
from harness.cli.lazy_group import new_app
from harness.cli.ledger import parse_day
from harness.cli.loading import load_workspace
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width, wrap
from harness.daemon.wording import local_time
from harness.domain.budget import Amount, DayBudget, budgets_of, cannot_be_counted
from harness.domain.latency import Latency, latency_of
from harness.domain.moments import day_end
from harness.domain.sizes import dollars, short
from harness.domain.workspace import Workspace
from harness.store.peek import Peek, peek
from harness.store.usage_records import Grouping, Used

app = new_app()

_BAR = 20
_EMPTY = "no model call was made"
_EXAMPLES = """\b
Examples:
  harness cost
  harness cost --since 2026-11-01 --by job
  harness cost --forecast
  harness cost --json | jq .total.cost_usd

\b
JSON: since, until, zone, by, rows [{name, calls, input_tokens, cached_tokens,
cache_write_tokens, output_tokens, cache_share, cost_usd, latency {count,
p50_s, p95_s, p99_s}}], total {the same}, budgets of today [{scope, name, usd,
tokens, used_usd, used_tokens, in_flight_usd, in_flight_tokens, share,
ends_at}], uncounted [profile without prices].

\b
JSON with --forecast: now, zone, day_until, month_until, agents [{agent, day
{runs, unknown, usd, usd_high, tokens, tokens_high}, month {the same},
bus_usd_per_day, bus_tokens_per_day}], total {day, month, bus_usd_per_day,
bus_tokens_per_day}, budgets [{scope, name, usd, tokens, reached_at,
reached_at_worst}], jobs [{job, profile, source, runs, usd, usd_high, tokens,
tokens_high, is_counted}], unknown [job], paused [job]. The amounts are those
of the middle run, with _high those of the run that nine in ten do not exceed."""


class By(StrEnum):
    agent = "agent"
    job = "job"
    profile = "profile"
    model = "model"


@app.command(epilog=_EXAMPLES)
def cost(
    since: Annotated[
        str,
        typer.Option("--since", metavar="DAY", help="From this day on: YYYY-MM-DD, today or yesterday, at home."),
    ] = "today",
    by: Annotated[
        By | None, typer.Option("--by", help="A line for each of these; for each agent if nothing is said.")
    ] = None,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="What is to come in a day and in a month, by schedules and last runs.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what models used and cost, how fast they were, and what is left of the budgets.

    The p50, p95 and p99 are of whole calls, tries again included, exact, by the nearest rank.
    """
    place = find_place(workspace)
    chosen = parse_day(since, place, "--since")
    if chosen > place.now.astimezone(ZoneInfo(place.zone)).date():
        raise Misused(f"--since {since} has not begun; what is to come says: harness cost --forecast")
    if forecast and by is not None:
        raise Misused("--forecast has a line for each agent; leave out --by")
    loaded = load_workspace(place)
    if forecast:
        (emit_forecast if as_json else say_forecast)(place, loaded)
        return
    by = by or By.agent
    read = _read(place, loaded, chosen, by.value)
    if as_json:
        emit_json(_document(place, read, by))
    else:
        _say(place, read, chosen, by)


@dataclass(frozen=True, slots=True)
class _Costs:
    """What was used since a day, and how far each budget of today is used up: spent, and set aside for calls in flight.

    `uncounted` are the profiles without a price among those that answered.
    """

    start: datetime
    used: Mapping[str, Used] = field(default_factory=dict)
    latencies: Mapping[str, Sequence[float]] = field(default_factory=dict)
    budgets: Sequence[tuple[DayBudget, Amount, Amount]] = ()
    uncounted: Sequence[str] = ()

    @property
    def total(self) -> Used:
        return sum(self.used.values(), Used())

    @property
    def all_latencies(self) -> list[float]:
        return [each for seconds in self.latencies.values() for each in seconds]


def _read(place: Place, workspace: Workspace, day: date, grouping: Grouping) -> _Costs:
    start, _ = local_day(day, place.zone)
    end = day_end(place.now, place.zone)
    budgets = budgets_of(workspace.settings, workspace.agents.values())
    with peek(place.database) as look:
        if look is None:
            return _Costs(start, budgets=[(budget, Amount(), Amount()) for budget in budgets])
        unpriced = {name for name, one in workspace.settings.profiles.items() if cannot_be_counted(one)}
        return _Costs(
            start,
            look.usage.used_by(grouping, start, end),
            look.usage.latencies_by(grouping, start, end),
            standings(place, look, budgets),
            sorted(unpriced & look.usage.used_by("profile", start, end).keys()),
        )


def standings(place: Place, look: Peek, budgets: Sequence[DayBudget]) -> list[tuple[DayBudget, Amount, Amount]]:
    """Return what is spent of each budget today, and what is set aside for calls in flight."""
    today = local_day(place.now.astimezone(ZoneInfo(place.zone)).date(), place.zone)
    spent, reserved = look.usage.used_by("agent", *today), look.usage.reserved_by("agent")
    of_profiles, on_profiles = look.usage.used_by("profile", *today), look.usage.reserved_by("profile")
    found = []
    for budget in budgets:
        used, held = (of_profiles, on_profiles) if budget.scope == "profile" else (spent, reserved)
        names = used.keys() | held.keys() if budget.scope == "team" else {budget.name}
        in_sum = sum((used[name] for name in names if name in used), Used())
        tokens = in_sum.tokens.input_tokens + in_sum.tokens.output_tokens
        in_flight = sum((Amount(*held[name]) for name in names if name in held), Amount())
        found.append((budget, Amount(in_sum.cost_usd, tokens), in_flight))
    return found


# ── For the person ───────────────────────────────────────────────────────────────────────────────


def _say(place: Place, read: _Costs, day: date, by: By) -> None:
    last = place.now.astimezone(ZoneInfo(place.zone)).date()
    days = day.isoformat() if day == last else f"{day.isoformat()} to {last.isoformat()}"
    if not read.used:
        _say_wrapped(
            f"{_EMPTY} on {days} ({place.zone}); harness run AGENT/JOB makes one, --since DAY looks further back"
        )
    else:
        say(f"{days}, {place.zone}")
        for line in table_lines(_rows(read, by), terminal_width()):
            say(line)
    if read.uncounted:
        say()
        _say_wrapped(f"not counted in dollars, as they have no prices: {', '.join(read.uncounted)}")
    say()
    if not read.budgets:
        _say_wrapped('no budget is set, and nothing that costs money runs without: budget = "$5/day" in harness.toml')
        return
    say(f"budgets of today, until {local_time(day_end(place.now, place.zone), place.zone, place.now)}")
    for line in table_lines([_budget_row(*each) for each in read.budgets], terminal_width()):
        say(line)


def _say_wrapped(text: str) -> None:
    for line in wrap(text, terminal_width()):
        say(line)


def _rows(read: _Costs, by: By) -> list[Sequence[str]]:
    dearest = sorted(read.used.items(), key=lambda each: (-each[1].cost_usd, -each[1].tokens.input_tokens, each[0]))
    lines = [_line(name or "(not recorded)", used, read.latencies.get(name, ())) for name, used in dearest]
    if len(lines) > 1:
        lines.append(_line("total", read.total, read.all_latencies))
    heading = (by.value, "calls", "in", "cached", "out", "cost", "p50 / p95 / p99")
    return _to_the_right([heading, *lines])


def _line(name: str, used: Used, seconds: Sequence[float]) -> tuple[str, ...]:
    share = "-" if used.cache_share is None else f"{used.cache_share:.0%}"
    tokens = (short(used.tokens.input_tokens), share, short(used.tokens.output_tokens))
    return (name, f"{used.calls:,}", *tokens, dollars(used.cost_usd), _in_words(latency_of(seconds)))


def _in_words(latency: Latency | None) -> str:
    if latency is None:
        return "-"
    three = (latency.p50_s, latency.p95_s, latency.p99_s)
    return " / ".join(f"{each:.1f}" if each < 99.95 else f"{each:.0f}" for each in three) + " s"


def _to_the_right(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return the rows with their numbers to the right of their columns; the first and the last cell are words."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        (row[0], *(cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)), row[-1])
        for row in rows
    ]


def _budget_row(budget: DayBudget, spent: Amount, in_flight: Amount) -> tuple[str, str, str]:
    share = budget.share(spent + in_flight)
    filled = min(_BAR, round(share * _BAR))
    aside = f", {dollars(in_flight.usd)} of it in flight" if in_flight.usd else ""
    return (
        budget.whose.removeprefix("the "),
        f"[{'#' * filled}{'.' * (_BAR - filled)}]",
        f"{share:.0%} {budget.in_words(spent + in_flight)}{aside}",
    )


# ── For programs ─────────────────────────────────────────────────────────────────────────────────


def _document(place: Place, read: _Costs, by: By) -> dict[str, Any]:
    ends_at = iso(day_end(place.now, place.zone))
    return {
        "since": iso(read.start),
        "until": iso(place.now),
        "zone": place.zone,
        "by": by.value,
        "rows": [
            {"name": name, **_used_json(used, read.latencies.get(name, ()))} for name, used in sorted(read.used.items())
        ],
        "total": _used_json(read.total, read.all_latencies),
        "budgets": [
            {
                "scope": budget.scope,
                "name": budget.name,
                "usd": budget.usd,
                "tokens": budget.tokens,
                "used_usd": spent.usd,
                "used_tokens": spent.tokens,
                "in_flight_usd": in_flight.usd,
                "in_flight_tokens": in_flight.tokens,
                "share": budget.share(spent + in_flight),
                "ends_at": ends_at,
            }
            for budget, spent, in_flight in read.budgets
        ],
        "uncounted": list(read.uncounted),
    }


def _used_json(used: Used, seconds: Sequence[float]) -> dict[str, Any]:
    latency = latency_of(seconds)
    return {
        "calls": used.calls,
        "input_tokens": used.tokens.input_tokens,
        "cached_tokens": used.tokens.cached_tokens,
        "cache_write_tokens": used.tokens.cache_write_tokens,
        "output_tokens": used.tokens.output_tokens,
        "cache_share": used.cache_share,
        "cost_usd": used.cost_usd,
        "latency": None
        if latency is None
        else {"count": latency.count, "p50_s": latency.p50_s, "p95_s": latency.p95_s, "p99_s": latency.p99_s},
    }
