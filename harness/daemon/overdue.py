"""What should have been fired by now, by what the schedule last planned. Standard library only.

That is what fast commands can know without reading a single file of the workspace; the independent
check, from the files themselves, is `harness.daemon.health`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from harness.daemon.liveness import Liveness
from harness.store.records import PlannedJob


def overdue_jobs(planned: Iterable[PlannedJob], liveness: Liveness, now: datetime) -> tuple[tuple[str, datetime], ...]:
    """Return the jobs whose next slot came and was not fired, each with that slot, oldest first."""
    latest = now - timedelta(seconds=liveness.grace_s)
    return tuple((job_id, slot) for job_id, slot in planned_slots(planned) if slot < latest)


def planned_slots(planned: Iterable[PlannedJob]) -> tuple[tuple[str, datetime], ...]:
    """Return the next slot of every job that has one, oldest first, aware UTC."""
    due = sorted((job.next_due, job.job_id) for job in planned if job.next_due is not None)
    return tuple((job_id, datetime.fromtimestamp(slot, UTC)) for slot, job_id in due)
