"""What a look at the database finds, as plain values. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from harness.domain.run import Fire


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job's place in its schedule; epoch seconds. `planned_until`: every slot up to it has its row."""

    job_id: str
    schedule: str
    known_since: int
    planned_until: int
    next_due: int | None


@dataclass(frozen=True, slots=True)
class OpenFire:
    """A fire that has not ended, the executor that holds it, and the node that alone may run it, if any."""

    fire: Fire
    owner: str | None
    created_at: float
    node: str | None = None


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """A cause of failure that still holds; epoch seconds. `jobs` are those that failed for it."""

    cause: str
    message: str
    first_at: float
    last_at: float
    occurrences: int
    run_id: str | None
    jobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A promised delivery; times are epoch seconds.

    `state` is `pending`, `acknowledged`, `repeated` (the channel had been given all of it before), `dead` (given up) or
    `dropped` (its run was cancelled).
    """

    id: str
    run_id: str
    channel: str
    state: str
    attempts: int
    created_at: float
    next_try_at: float
    acknowledged_at: float | None
    receipt: str | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A durable run; epoch seconds. `manifest`, `outcome` and the values of `options` are plain JSON.

    `source_run` is the run that this one repeats. `forgotten_at`: retention deleted its recorded steps;
    `artifacts_deleted_at`: what it made. `revision`: from which git revision of the workspace its prompt was made.
    """

    id: str
    job_id: str
    lane: str
    kind: str
    due_at: int
    state: str
    inputs: dict[str, str]
    owner: str | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    stop: str | None
    prompt_sha256: str | None
    manifest: Any
    outcome: Any
    options: dict[str, Any] = field(default_factory=dict)
    attempt: int = 1
    source_run: str | None = None
    cancel_reason: str | None = None
    forgotten_at: float | None = None
    artifacts_deleted_at: float | None = None
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Spending:
    """What model calls used and cost."""

    calls: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    models: tuple[str, ...] = ()

    @property
    def cache_share(self) -> float | None:
        """The part of the input, 0 to 1, that the provider read from its cache; None where nothing was sent."""
        return self.cached_tokens / self.input_tokens if self.input_tokens else None


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One life of one daemon, or of a command that did one run; epoch seconds.

    `node_id` is the installation's and stays, `executor_id` is this life's. `running` counts its runs.
    """

    executor_id: str
    node_id: str
    name: str
    host: str
    pid: int
    state: Literal["up", "draining", "left", "lost"]
    role: Literal["daemon", "once"]
    version: str
    started_at: float
    heartbeat_at: float
    left_at: float | None
    left_why: str
    running: int


@dataclass(frozen=True, slots=True)
class FailingSource:
    """A source that has been failing; epoch seconds."""

    source: str
    failures_in_a_row: int
    last_ok_at: float | None
    problem: str
