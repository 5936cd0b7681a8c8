"""The life of a fire and of its run: states, ids, and the reasons for which a loop ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar


class FireKind(StrEnum):
    CRON = "cron"
    MANUAL = "manual"
    BUS = "bus"
    RETRY = "retry"


class FireState(StrEnum):
    """Open states first, then the closed ones: every fire ends in exactly one of those."""

    PLANNED = "planned"
    RUNNING = "running"
    SUSPENDED = "suspended"
    DELIVERED = "delivered"
    SILENT = "silent"
    DEGRADED = "degraded"
    FAILED = "failed"
    MISSED = "missed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        return self in (FireState.PLANNED, FireState.RUNNING, FireState.SUSPENDED)

    @property
    def is_success(self) -> bool:
        """What `harness run` answers with exit code 0."""
        return self in (FireState.DELIVERED, FireState.SILENT, FireState.DEGRADED)


class RunState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUSPENDED = "suspended"
    ENDED = "ended"


def run_id_for(kind: FireKind, job_id: str, due_at: int) -> str:
    """Return the id of the run of one fire; `due_at` is in epoch seconds."""
    return f"{kind}:{job_id}:{due_at}"


_GOES_ON = re.compile(r"\.\d+(~\d+)?\Z")


def begun_as(run_id: str) -> str:
    """Return the run that began what this one goes on with after waiting; itself, if it goes on with none.

    `cron:a/b:8.3` goes on with `cron:a/b:8.2`, and that one with `cron:a/b:8`. They share a folder.
    """
    return _GOES_ON.sub("", run_id)


@dataclass(frozen=True, slots=True)
class Completed:
    """The model gave its final answer."""

    reason: ClassVar[str] = "completed"

    def __str__(self) -> str:
        return "completed"


@dataclass(frozen=True, slots=True)
class MaxIterations:
    reason: ClassVar[str] = "max_iterations"
    limit: int

    def __str__(self) -> str:
        return f"stopped after {self.limit} model calls without a final answer (max_iterations)"


@dataclass(frozen=True, slots=True)
class TimedOut:
    reason: ClassVar[str] = "timeout"
    limit_s: float

    def __str__(self) -> str:
        return f"stopped after {self.limit_s:g} s (timeout)"


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """`unit` is `tokens` or `usd`; `whose` is in words whose budget of the day it is, empty for that of the run."""

    reason: ClassVar[str] = "budget"
    unit: str
    spent: float
    limit: float
    whose: str = ""

    def __str__(self) -> str:
        whose = f"of today's budget of {self.whose}" if self.whose else "that the run may use"
        is_money = self.unit == "usd"
        amount = (
            f"${self.spent:,g} of ${self.limit:,g}" if is_money else f"{self.spent:,.0f} of {self.limit:,.0f} tokens"
        )
        return f"stopped at {amount} {whose} (budget)"


@dataclass(frozen=True, slots=True)
class ErrorThreshold:
    reason: ClassVar[str] = "error_threshold"
    failures: int
    last_error: str

    def __str__(self) -> str:
        return f"stopped after {self.failures} failures in a row, the last: {self.last_error} (error_threshold)"


@dataclass(frozen=True, slots=True)
class NoProgress:
    reason: ClassVar[str] = "no_progress"
    tool: str
    times: int

    def __str__(self) -> str:
        return f"stopped: {self.tool} was called {self.times} times with the same arguments (no_progress)"


@dataclass(frozen=True, slots=True)
class Cancelled:
    reason: ClassVar[str] = "cancelled"
    by: str

    def __str__(self) -> str:
        return f"cancelled by {self.by}"


@dataclass(frozen=True, slots=True)
class RefusedByModel:
    reason: ClassVar[str] = "refused"
    detail: str

    def __str__(self) -> str:
        return f"the model refused: {self.detail} (refused)"


@dataclass(frozen=True, slots=True)
class ContextFull:
    """The conversation is longer than the model's context, and nothing is left that could be taken out of it."""

    reason: ClassVar[str] = "context"
    detail: str

    def __str__(self) -> str:
        return f"stopped: {self.detail} (context)"


@dataclass(frozen=True, slots=True)
class Suspended:
    """The run waits for finals of requests; another one goes on with it. No end: the fire stays open."""

    reason: ClassVar[str] = "suspended"
    waits_for: tuple[str, ...]

    def __str__(self) -> str:
        return f"waits for the answer to {', '.join(self.waits_for)}"


Ended = (
    Completed | MaxIterations | TimedOut | BudgetSpent | ErrorThreshold | NoProgress | Cancelled | RefusedByModel
    | ContextFull
)  # fmt: skip
Stop = Ended | Suspended
STOP_REASONS: tuple[str, ...] = (
    "completed", "max_iterations", "timeout", "budget", "error_threshold", "no_progress", "cancelled", "refused",
    "context",
)  # fmt: skip


_PREVIEW = "preview: "
PREVIEW_REASON = f"{_PREVIEW}nothing was delivered"


def in_preview(reason: str) -> str:
    """Return why a preview failed, marked as one: it says nothing about the job's own runs."""
    return f"{_PREVIEW}{reason}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, before its fire is closed with it.

    `reason` is in words, empty only for a plain delivery. `artifact` is a path below the state folder.
    `delivered_urls` are the canonical URLs that count as seen from then on. `details` are the gaps that
    `reason` only counts. `condition_state` (JSON) is what the job's `only_if` remembers if this succeeds.
    `cause` is the key of what failed, where it is not the job alone: see `harness.domain.cause`.
    """

    state: FireState
    reason: str = ""
    artifact: str | None = None
    items: int | None = None
    gaps: int | None = None
    delivered_urls: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    condition_state: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Fire:
    """One occurrence of a job in the ledger. `due_at` and `closed_at` are aware UTC; `reason` says why it
    ended as it did, and is never empty for a fire that did not simply deliver."""

    job_id: str
    due_at: datetime
    kind: FireKind
    state: FireState
    run_id: str | None = None
    reason: str = ""
    closed_at: datetime | None = None
    artifact: str | None = None
    items: int | None = None
    gaps: int | None = None

    @property
    def agent(self) -> str:
        return self.job_id.partition("/")[0]

    @property
    def is_preview(self) -> bool:
        return self.reason.startswith(_PREVIEW)

    @property
    def waits_for_answers(self) -> bool:
        """Whether it goes on by itself when requests are final: nobody holds it meanwhile, on no node.

        A fire that waits for a channel is suspended too, without a reason.
        """
        return self.state is FireState.SUSPENDED and bool(self.reason)
