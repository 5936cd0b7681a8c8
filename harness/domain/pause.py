"""What is not to be started by the schedule until somebody resumes it, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

EVERYTHING = "all"
THE_HARNESS = "the harness"
"""Who paused what is paused automatically."""


@dataclass(frozen=True, slots=True)
class PauseRow:
    """One pause. `scope` is `all`, `agent:<name>` or `job:<agent>/<job>`; `paused_at` is in epoch seconds.

    `is_automatic`: the harness paused it, because it failed too often in a row.
    """

    scope: str
    paused_by: str
    reason: str
    paused_at: float
    is_automatic: bool = False


def agent_scope(agent: str) -> str:
    """Return the scope that covers all jobs of the agent."""
    return f"agent:{agent}"


def job_scope(job_id: str) -> str:
    """Return the scope of one job."""
    return f"job:{job_id}"


def scopes_of(job_id: str) -> tuple[str, str, str]:
    """Return the scopes that cover the job, the most specific first."""
    return job_scope(job_id), agent_scope(job_id.partition("/")[0]), EVERYTHING


def scope_name(scope: str) -> str:
    """Return what `harness jobs pause` and `resume` call the scope: `--all`, `ainews`, `ainews/arxiv`."""
    return "--all" if scope == EVERYTHING else scope.partition(":")[2]


def covers(scope: str) -> str:
    """Return what the scope covers, in words: `everything`, `all of ainews`, `ainews/arxiv`."""
    if scope == EVERYTHING:
        return "everything"
    return f"all of {scope_name(scope)}" if scope.startswith("agent:") else scope_name(scope)


def pause_of(pauses: Mapping[str, PauseRow], job_id: str) -> PauseRow | None:
    """Return the most specific pause that covers the job, or None if it is not paused."""
    return next((pauses[scope] for scope in scopes_of(job_id) if scope in pauses), None)


def why_paused(pauses: Mapping[str, PauseRow], job_id: str, zone: str = "UTC") -> str | None:
    """Return why the job is paused, for its row in the ledger; None if it is not.

    The most specific pause is named: `paused by Sam since Mon 16 Nov 09:10: on holiday`, in the time of `zone`.
    """
    row = pause_of(pauses, job_id)
    return None if row is None else pause_in_words(row, zone)


def pause_in_words(row: PauseRow, zone: str) -> str:
    """Return who paused it, since when and why; of a wider pause than one job's also what it covers."""
    covered = "" if row.scope.startswith("job:") else f" ({covers(row.scope)})"
    return f"paused{covered} {whose_pause(row, zone)}"


def whose_pause(row: PauseRow, zone: str) -> str:
    """Return who paused it, since when and why: `by Sam since Mon 16 Nov 09:10: on holiday`."""
    since = datetime.fromtimestamp(row.paused_at, UTC).astimezone(ZoneInfo(zone))
    zone_name = " UTC" if zone == "UTC" else ""
    reason = f": {row.reason}" if row.reason else ""
    return f"by {row.paused_by} since {since:%a} {since.day} {since:%b} {since:%H:%M}{zone_name}{reason}"
