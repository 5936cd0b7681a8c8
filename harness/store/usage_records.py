"""Looks at what model calls used: what `harness cost` is told.

Standard library only, because fast commands import this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from harness.domain.message import Usage
from harness.domain.request import kind_of_work, request_of_job
from harness.domain.run import begun_as
from harness.store.reader import Reader

Grouping = Literal["agent", "job", "profile", "model"]

_COLUMNS: Mapping[Grouping, str] = {"agent": "agent", "job": "job_id", "profile": "profile", "model": "model"}
_SUMS = (
    "SUM(input_tokens) AS sent, SUM(cached_tokens) AS cached, SUM(output_tokens) AS written,"
    " SUM(cache_write_tokens) AS stored, SUM(cost_usd) AS usd, COUNT(*) AS calls"
)


@dataclass(frozen=True, slots=True)
class Used:
    """What a number of calls used and cost."""

    calls: int = 0
    tokens: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0

    def __add__(self, other: Used) -> Used:
        return Used(self.calls + other.calls, self.tokens + other.tokens, self.cost_usd + other.cost_usd)

    @property
    def cache_share(self) -> float | None:
        """The part of the input, 0 to 1, that was read from the provider's cache; None where nothing was sent."""
        return self.tokens.cached_tokens / self.tokens.input_tokens if self.tokens.input_tokens else None


@dataclass(frozen=True, slots=True)
class UsedByRun:
    """What one run used of language models, those that it went on with included; `first_at` in epoch seconds."""

    run_id: str
    job_id: str
    profile: str
    first_at: float
    used: Used

    @property
    def is_of_the_bus(self) -> bool:
        """Whether it worked on a request."""
        return request_of_job(self.job_id) is not None


class UsageRecords:
    """The queries, all within one consistent view of the database."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def used_by(self, grouping: Grouping, start: datetime, end: datetime) -> dict[str, Used]:
        """Return what was used in [start, end), by agent, job, profile or model.

        All work on requests of an agent is one job.
        """
        column = _COLUMNS[grouping]
        rows = self._reader.rows(
            f"SELECT {column} AS name, {_SUMS} FROM usage WHERE at >= ? AND at < ? GROUP BY {column}",  # noqa: S608
            (start.timestamp(), end.timestamp()),
        )
        used: dict[str, Used] = defaultdict(Used)
        for row in rows:
            used[_name(grouping, row["name"])] += Used(row["calls"], _tokens(row), float(row["usd"]))
        return dict(used)

    def latencies_by(self, grouping: Grouping, start: datetime, end: datetime) -> dict[str, list[float]]:
        """Return how long each call of [start, end) took that was measured, in seconds."""
        column = _COLUMNS[grouping]
        rows = self._reader.rows(
            f"SELECT {column} AS name, latency_s FROM usage"  # noqa: S608
            " WHERE at >= ? AND at < ? AND latency_s IS NOT NULL",
            (start.timestamp(), end.timestamp()),
        )
        found: dict[str, list[float]] = defaultdict(list)
        for row in rows:
            found[_name(grouping, row["name"])].append(row["latency_s"])
        return dict(found)

    def reserved_by(self, grouping: Literal["agent", "profile"]) -> dict[str, tuple[float, int]]:
        """Return the dollars and tokens that are set aside for calls in flight, by agent or profile."""
        rows = self._reader.rows(
            f"SELECT reservation.{grouping} AS name, SUM(reservation.cost_usd), SUM(reservation.tokens)"  # noqa: S608
            " FROM reservation JOIN run ON run.id = reservation.run_id WHERE run.state = 'running'"
            f" GROUP BY reservation.{grouping}"
        )
        return {row[0]: (float(row[1]), int(row[2])) for row in rows}

    def used_by_runs(self, since: datetime) -> tuple[UsedByRun, ...]:
        """Return what each run used since then of language models, the latest first.

        What a run went on with after waiting, and what it did when it went on, are one.
        """
        rows = self._reader.rows(
            f"SELECT run_id, job_id, MAX(profile) AS profile, MIN(at) AS first_at, {_SUMS} FROM usage"  # noqa: S608
            " WHERE at >= ? AND input_tokens > 0 GROUP BY run_id, job_id",
            (since.timestamp(),),
        )
        runs: dict[str, UsedByRun] = {}
        for row in sorted(rows, key=lambda row: row["first_at"]):
            run_id = begun_as(row["run_id"])
            used = Used(row["calls"], _tokens(row), float(row["usd"]))
            begun = runs.get(run_id)
            first_at = row["first_at"] if begun is None else begun.first_at
            used = used if begun is None else begun.used + used
            runs[run_id] = UsedByRun(run_id, row["job_id"], row["profile"], first_at, used)
        return tuple(sorted(runs.values(), key=lambda run: run.first_at, reverse=True))


def _name(grouping: Grouping, name: str) -> str:
    return kind_of_work(name) if grouping == "job" else name


def _tokens(row: object) -> Usage:
    return Usage(*(int(row[key]) for key in ("sent", "cached", "written", "stored")))  # type: ignore[index]
