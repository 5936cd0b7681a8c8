"""When a job is due, as plain values; the grammar that people write lives in `harness.schedule.grammar`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Cron:
    """A standard five-field crontab expression, read in the job's time zone."""

    expression: str


@dataclass(frozen=True, slots=True)
class Every:
    """Every `period_s` seconds, anchored to the Unix epoch: restarts neither starve nor drift it."""

    period_s: int


@dataclass(frozen=True, slots=True)
class Once:
    """One time only, at a wall-clock time (naive) in the job's time zone."""

    at: datetime


Schedule = Cron | Every | Once


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What happens to slots that passed while nobody was there to fire them.

    `latest` runs the newest missed slot that is at most `within_s` seconds old, `all` every such slot,
    `none` no slot; every slot that is not run gets its row as missed.
    """

    run: Literal["latest", "all", "none"] = "latest"
    within_s: int = 3 * 3600
