"""Fires of the ledger as lines and as JSON; the one place that decides how a fire reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from harness.cli.table import table_lines
from harness.domain.run import Fire, FireState
from harness.store.state_folder import StateFolder

_FOLDED_STATES = (FireState.SILENT, FireState.SKIPPED, FireState.MISSED)
_FOLD_FROM = 4
ABANDONED = "abandoned"


def fire_json(fire: Fire) -> dict[str, Any]:
    """Return the fire with stable keys; times are ISO 8601 in UTC."""
    return {
        "job": fire.job_id,
        "due_at": iso(fire.due_at),
        "kind": str(fire.kind),
        "state": str(fire.state),
        "run": fire.run_id,
        "reason": fire.reason,
        "closed_at": iso(fire.closed_at),
        "artifact": fire.artifact,
        "items": fire.items,
        "gaps": fire.gaps,
    }


def iso(moment: datetime | float | None) -> str | None:
    """Return the moment (aware, or epoch seconds) as ISO 8601 in UTC, to the second."""
    if moment is None:
        return None
    aware = moment.astimezone(UTC) if isinstance(moment, datetime) else datetime.fromtimestamp(moment, UTC)
    return aware.strftime("%Y-%m-%dT%H:%M:%SZ")


def outcome_of(fire: Fire) -> str:
    """Return what came of the fire in words: items, gaps, reason."""
    parts = []
    if fire.items:
        parts.append("1 item" if fire.items == 1 else f"{fire.items} items")
    if fire.gaps:
        parts.append("1 gap" if fire.gaps == 1 else f"{fire.gaps} gaps")
    if fire.state is FireState.SUSPENDED and not fire.reason:
        parts.append("made; its delivery waits")
    counted = ", ".join(parts)
    return f"{counted}: {fire.reason}" if counted and fire.reason else counted or fire.reason


def artifact_path(state: StateFolder, artifact: str) -> Path:
    """Return the file that a person opens: the Markdown beside the artifact if there is one.

    A fire names its artifact relative to the state folder.
    """
    path = state.root / artifact
    page = path.with_suffix(".md")
    return page if page.is_file() else path


def ledger_lines(
    fires: Sequence[Fire],
    zone: str,
    width: int,
    *,
    show_all: bool = False,
    abandoned: Collection[str] = (),
    asked: Mapping[str, str] | None = None,
) -> list[str]:
    """Return a line for each fire, by local day and time.

    Unless `show_all`, what a job did many times without anything to show stands in one line. Of the runs
    that are `abandoned` it is said that nobody is at work on them. `asked` says by job id what a request is for.
    """
    by_day: dict[date, list[Fire]] = defaultdict(list)
    for fire in sorted(fires, key=lambda fire: (fire.due_at, fire.job_id)):
        by_day[fire.due_at.astimezone(ZoneInfo(zone)).date()].append(fire)
    lines: list[str] = []
    for day, of_day in by_day.items():
        if lines:
            lines.append("")
        lines.append(f"{day:%a} {day.day} {day:%b %Y}, {zone}")
        lines.extend(table_lines(list(_rows(of_day, zone, abandoned, asked or {}, show_all=show_all)), width))
    return lines


def counts_in_words(states: Iterable[FireState]) -> str:
    """Return how many fires ended how: `3 delivered, 1 failed`."""
    counted: dict[FireState, int] = defaultdict(int)
    for state in states:
        counted[state] += 1
    return ", ".join(f"{counted[state]} {state}" for state in FireState if state in counted) or "nothing"


def local_day(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return the first moment of the local day and the first one after it, aware UTC."""
    bounds = (datetime.combine(each, time(), ZoneInfo(zone)) for each in (day, day + timedelta(days=1)))
    start, end = (bound.astimezone(UTC) for bound in bounds)
    return start, end


def _rows(
    fires: Sequence[Fire], zone: str, abandoned: Collection[str], asked: Mapping[str, str], *, show_all: bool
) -> Iterator[tuple[str, str, str, str]]:
    groups: dict[tuple[str, FireState], list[Fire]] = defaultdict(list)
    for fire in fires:
        groups[fire.job_id, fire.state].append(fire)
    for fire in fires:
        group = groups[fire.job_id, fire.state]
        if fire.run_id in abandoned:
            outcome = f"it is {fire.state}, and nobody is at work on it"
            yield _clock(fire, zone), fire.job_id, ABANDONED, _joined(asked.get(fire.job_id, ""), outcome)
        elif show_all or fire.state not in _FOLDED_STATES or len(group) < _FOLD_FROM:
            outcome = _joined(asked.get(fire.job_id, ""), outcome_of(fire))
            yield _clock(fire, zone), fire.job_id, str(fire.state), outcome
        elif fire is group[0]:
            reasons = {each.reason for each in group}
            reason = f", {'always' if len(reasons) == 1 else 'last'}: {group[-1].reason}" if group[-1].reason else ""
            outcome = f"{len(group)} times until {_clock(group[-1], zone)}{reason}"
            yield _clock(fire, zone), fire.job_id, str(fire.state), outcome


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def _clock(fire: Fire, zone: str) -> str:
    return fire.due_at.astimezone(ZoneInfo(zone)).strftime("%H:%M")
