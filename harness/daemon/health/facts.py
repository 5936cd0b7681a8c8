"""What the check knows of the world when it judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from harness.daemon.disk_watch import Usage
from harness.daemon.liveness import Liveness
from harness.daemon.nodes import Waiting
from harness.daemon.wording import when
from harness.domain.breaker import Breaker
from harness.domain.errors import Finding
from harness.domain.pause import PauseRow
from harness.domain.run import Fire
from harness.store.records import Delivery, FailingSource, OpenFire, OpenIncident

LOOK_BACK = timedelta(hours=48)
RECENT = timedelta(hours=24)
FAILING_SOURCE_TIMES = 3


@dataclass(frozen=True, slots=True)
class Unfired:
    """The slots of one job that came and have no row in the ledger, oldest first, aware UTC."""

    job_id: str
    due_at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class SilentModel:
    """A model on this machine that a profile in use names, and that could not answer a run: why, and what to do."""

    profile: str
    problem: str
    fix: str


@dataclass(frozen=True, slots=True)
class WithheldSkill:
    """A skill that agents are granted and that this machine lacks something for; `is_named`: one of them names it."""

    skill: str
    agents: tuple[str, ...]
    why: str
    is_named: bool


@dataclass(frozen=True, slots=True)
class ModelOffer:
    """A model server on this machine that answers and that no profile names; `toml` would make it one."""

    server: str
    base_url: str
    models: tuple[str, ...]
    toml: str


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """The disk of the state folder."""

    folder: Path
    usage: Usage
    is_writable: bool


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """All that the judgement needs; `now` and all datetimes are aware UTC, `zone` is the person's.

    `written_at` is when anything was last written into the ledger, by the clocks of those who wrote it.
    `unknown_jobs` are in the workspace and were never planned although a daemon started after their
    files were written. `timeouts_s` is how long a run of each job may take. `next_slot` is what would
    be fired next, if anything is scheduled at all.
    """

    now: datetime
    zone: str
    liveness: Liveness
    scheduled_jobs: int = 0
    next_slot: tuple[str, datetime] | None = None
    unfired: tuple[Unfired, ...] = ()
    unknown_jobs: tuple[str, ...] = ()
    open_fires: tuple[OpenFire, ...] = ()
    timeouts_s: Mapping[str, int] = field(default_factory=dict)
    recently_closed: tuple[Fire, ...] = ()
    written_at: datetime | None = None
    deliveries: tuple[Delivery, ...] = ()
    incidents: tuple[OpenIncident, ...] = ()
    pauses: tuple[PauseRow, ...] = ()
    open_breakers: tuple[Breaker, ...] = ()
    failing_sources: tuple[FailingSource, ...] = ()
    file_findings: tuple[Finding, ...] = ()
    held_back: tuple[str, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    disk: DiskFacts | None = None
    audit_problem: str | None = None
    silent_models: tuple[SilentModel, ...] = ()
    withheld_skills: tuple[WithheldSkill, ...] = ()
    offers: tuple[ModelOffer, ...] = ()

    def moment(self, moment: datetime) -> str:
        """Return in words for the person when that is."""
        return when(moment, self.zone, self.now)
