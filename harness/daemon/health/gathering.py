"""Looking at the world for the check: files, database, heartbeat, disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from harness.daemon.health.facts import FAILING_SOURCE_TIMES, LOOK_BACK, RECENT, DiskFacts, HealthFacts, Unfired
from harness.daemon.health.slots import unfired_slots
from harness.daemon.liveness import daemon_liveness, has_process
from harness.daemon.nodes import bindings, latest_lives, liveness_now, look_from, waiting_for_a_node
from harness.daemon.overdue import overdue_jobs
from harness.domain.errors import Finding
from harness.domain.job import Job
from harness.domain.workspace import Workspace
from harness.schedule.due import next_due
from harness.store.address import DatabaseAddress
from harness.store.heartbeat import read_heartbeat
from harness.store.peek import Peek, peek
from harness.store.records import PlannedJob
from harness.store.state_folder import StateFolder

_PLANNING_S = 60
"""How long a daemon may take to plan a job whose file was just written."""


def gather_facts(
    state: StateFolder,
    database: DatabaseAddress,
    workspace: Workspace | None,
    *,
    zone: str,
    file_findings: Sequence[Finding],
    fingerprint: Callable[[Job], str],
    audit_problem: Callable[[Path], str | None],
    now: datetime,
) -> HealthFacts:
    """Look at everything once.

    `workspace` is None where the files are too broken to be loaded; then what was due is taken from what
    the schedule last planned. Raises OwnerError or TransientError if the database cannot be read.
    """
    beat = read_heartbeat(state.heartbeat)
    jobs = () if workspace is None else tuple(workspace.jobs())
    facts = HealthFacts(
        now=now,
        zone=zone,
        liveness=daemon_liveness(beat, now),
        scheduled_jobs=sum(1 for job in jobs if job.schedules),
        next_slot=_next_slot(jobs, now),
        timeouts_s={job.id: job.timeout_s for job in jobs},
        file_findings=tuple(file_findings),
        held_back=() if beat is None else beat.held_back,
        disk=_disk_facts(state.root),
        audit_problem=audit_problem(state.audit_log) if state.audit_log.exists() else None,
    )
    with peek(database) as look:
        if look is None:
            return facts
        lives = latest_lives(look.nodes(), now, look_from(state, has_process))
        waiting = () if workspace is None else waiting_for_a_node(bindings(workspace), lives)
        facts = replace(facts, liveness=liveness_now(state, look, now), waiting=waiting)
        return _with_ledger(facts, look, workspace, jobs, fingerprint)


def _with_ledger(
    facts: HealthFacts,
    look: Peek,
    workspace: Workspace | None,
    jobs: tuple[Job, ...],
    fingerprint: Callable[[Job], str],
) -> HealthFacts:
    planned = look.planned_jobs()
    recorded = look.slots_with_a_row(facts.now - LOOK_BACK)
    if workspace is None:
        late = overdue_jobs(planned.values(), facts.liveness, facts.now)
        unfired = tuple(Unfired(job_id, (slot,)) for job_id, slot in late)
    else:
        unfired = unfired_slots(jobs, planned, recorded, facts.now, fingerprint, grace_s=facts.liveness.grace_s)
    return replace(
        facts,
        unfired=unfired,
        unknown_jobs=() if workspace is None else _unknown_jobs(workspace, planned, look.last_daemon_start(), facts),
        open_fires=look.open_fires(),
        written_at=look.last_written(),
        recently_closed=look.closed_since(facts.now - RECENT),
        deliveries=look.unacknowledged_deliveries(),
        incidents=look.open_incidents(),
        pauses=tuple(look.pauses().values()),
        open_breakers=look.open_breakers(),
        failing_sources=look.failing_sources(FAILING_SOURCE_TIMES),
    )


def _unknown_jobs(
    workspace: Workspace, planned: Mapping[str, PlannedJob], started_at: float | None, facts: HealthFacts
) -> tuple[str, ...]:
    """Return the jobs that a daemon has had time to see and does not know."""
    seen_until = facts.now.timestamp() if facts.liveness.is_alive else started_at
    if seen_until is None:
        return ()
    unknown = (job for job in workspace.jobs() if job.schedules and job.id not in planned)
    return tuple(job.id for job in unknown if _written_at(workspace.root / job.path) + _PLANNING_S < seen_until)


def _written_at(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _next_slot(jobs: Iterable[Job], now: datetime) -> tuple[str, datetime] | None:
    upcoming = ((job.id, next_due(job.schedules, job.zone, now)) for job in jobs)
    return min(((job_id, slot) for job_id, slot in upcoming if slot), key=lambda pair: pair[1], default=None)


def _disk_facts(folder: Path) -> DiskFacts:
    while not folder.exists():
        folder = folder.parent
    return DiskFacts(folder, shutil.disk_usage(folder), os.access(folder, os.W_OK))
