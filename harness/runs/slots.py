"""What becomes of one slot of a job: a queued run, or a line in the ledger that says why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from harness.domain.job import PRIORITIES, Job
from harness.domain.run import FireKind, FireState, run_id_for
from harness.domain.workspace import Workspace
from harness.runs.cancelling import request_cancel
from harness.store.fires import add_fire, open_runs_of
from harness.store.incidents import open_incident
from harness.store.runs import NewRun, queue_run


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time at which a job is to run; `due_at` is in epoch seconds."""

    job: Job
    kind: FireKind
    due_at: int
    inputs: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    source_run: str | None = None

    @property
    def run_id(self) -> str:
        return run_id_for(self.kind, self.job.id, self.due_at)


def queue_slot(
    connection: Connection, workspace: Workspace, occurrence: Occurrence, now: datetime, workflow_version: int
) -> bool:
    """Write the slot's fire and queue its run; False if the slot has a row already.

    Where an earlier run of the job is still at work, its overlap policy decides for a slot of its schedule:
    it waits in the queue, or is skipped, or the earlier ones are cancelled.
    """
    job = occurrence.job
    minds_others = job.overlap != "queue" and occurrence.kind is FireKind.CRON
    at_work = open_runs_of(connection, job.id) if minds_others else []
    if at_work and job.overlap == "skip":
        reason = f"the job is still at work ({at_work[0]}); overlap: skip"
        skip_slot(connection, job.id, occurrence.due_at, reason, now)
        return False
    is_new = add_fire(
        connection,
        job_id=job.id,
        due_at=occurrence.due_at,
        kind=occurrence.kind,
        state=FireState.PLANNED,
        reason="",
        run_id=occurrence.run_id,
        now=now,
    )
    if is_new:
        for run_id in at_work:
            request_cancel(connection, run_id, f"the next run of {job.id} is due; overlap: cancel_running", now)
        queue_run(connection, _new_run(workspace, occurrence, workflow_version), now)
    return is_new


def skip_slot(connection: Connection, job_id: str, due_at: int, reason: str, now: datetime) -> bool:
    """Write down that the slot is skipped, by policy; False if it has a row already."""
    return add_fire(
        connection,
        job_id=job_id,
        due_at=due_at,
        kind=FireKind.CRON,
        state=FireState.SKIPPED,
        reason=reason,
        run_id=None,
        now=now,
    )


def miss_slot(connection: Connection, job_id: str, slot: datetime, reason: str, now: datetime) -> bool:
    """Write down that nobody was there for the slot, with an incident; False if it has a row already."""
    is_new = add_fire(
        connection,
        job_id=job_id,
        due_at=int(slot.timestamp()),
        kind=FireKind.CRON,
        state=FireState.MISSED,
        reason=reason,
        run_id=None,
        now=now,
    )
    if is_new:
        open_incident(connection, f"missed {job_id}", f"{job_id} was missed: {reason}", now)
    return is_new


def _new_run(workspace: Workspace, occurrence: Occurrence, workflow_version: int) -> NewRun:
    job = occurrence.job
    return NewRun(
        occurrence.run_id,
        job.id,
        job.lane,
        occurrence.kind,
        occurrence.due_at,
        workflow_version,
        occurrence.inputs,
        occurrence.options,
        priority=PRIORITIES[job.priority],
        deadline_at=None if job.deadline_s is None else float(occurrence.due_at + job.deadline_s),
        node=workspace.node_of(job),
        source_run=occurrence.source_run,
    )
