"""What was due and nothing fired."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from harness.daemon.health.facts import LOOK_BACK, HealthFacts, Unfired
from harness.daemon.health.finding import HealthFinding
from harness.domain.job import Job
from harness.schedule.due import slots_between
from harness.store.records import PlannedJob


def unfired_slots(
    jobs: Iterable[Job],
    planned: Mapping[str, PlannedJob],
    recorded: frozenset[tuple[str, int]],
    now: datetime,
    fingerprint: Callable[[Job], str],
    *,
    grace_s: int,
) -> tuple[Unfired, ...]:
    """Return the slots of the last 48 h, at least `grace_s` old, that have no row although they were expected.

    `fingerprint` is how the schedule was written down when it was planned: an edited schedule counts only
    from where the old one had been settled.
    """
    found: list[Unfired] = []
    for job in jobs:
        place = planned.get(job.id)
        if place is None:
            continue
        since_s = place.known_since if place.schedule == fingerprint(job) else place.planned_until
        after = max(datetime.fromtimestamp(since_s, UTC), now - LOOK_BACK)
        slots = slots_between(job.schedules, job.zone, after, now - timedelta(seconds=grace_s))
        lost = tuple(slot for slot in slots if (job.id, int(slot.timestamp())) not in recorded)
        if lost:
            found.append(Unfired(job.id, lost))
    return tuple(sorted(found, key=lambda unfired: (unfired.due_at[0], unfired.job_id)))


def judge_unfired(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return each job with a slot that nothing fired, or that no daemon knows."""
    for unfired in facts.unfired:
        first = unfired.due_at[0]
        count = len(unfired.due_at)
        times = ("", " and once more since")[count - 1] if count <= 2 else f" and {count - 1} times since"
        yield HealthFinding(
            "overdue",
            unfired.job_id,
            f"{unfired.job_id} was due {facts.moment(first)}{times}: nothing fired it",
            f"harness why {unfired.job_id}" if facts.liveness.is_alive else "start the daemon: harness up",
            first,
        )
    for job_id in facts.unknown_jobs:
        yield HealthFinding(
            "unknown-job",
            job_id,
            f"{job_id} has a schedule and the daemon has never planned it",
            "restart the daemon: harness down, then harness up",
        )
