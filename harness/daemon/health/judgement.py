"""The judgement: everything that is wrong, the most urgent first. Pure.

Nothing here trusts the daemon. It may be dead, stuck, or have lost a job; then its own tables look
peaceful, and only the schedules know better. `harness.daemon.health.gathering` looks at the world for it.
"""

from __future__ import annotations

from harness.daemon.health.daemons import judge_clock, judge_daemon, judge_waiting
from harness.daemon.health.facts import HealthFacts
from harness.daemon.health.files import judge_audit, judge_disk, judge_files
from harness.daemon.health.finding import HealthFinding
from harness.daemon.health.fires import judge_deliveries, judge_open_fires, judge_recent_fires
from harness.daemon.health.incidents import judge_breakers, judge_incidents, judge_pauses, judge_sources
from harness.daemon.health.models import judge_models
from harness.daemon.health.skills import judge_skills
from harness.daemon.health.slots import judge_unfired


def judge_health(facts: HealthFacts) -> tuple[HealthFinding, ...]:
    """Return everything that is wrong, the most urgent first; empty if all is well."""
    return (
        *judge_daemon(facts),
        *judge_waiting(facts),
        *judge_clock(facts),
        *judge_unfired(facts),
        *judge_open_fires(facts),
        *judge_recent_fires(facts),
        *judge_deliveries(facts),
        *judge_breakers(facts),
        *judge_incidents(facts),
        *judge_pauses(facts),
        *judge_models(facts),
        *judge_skills(facts),
        *judge_sources(facts),
        *judge_files(facts),
        *judge_disk(facts),
        *judge_audit(facts),
    )


def overdue_line(facts: HealthFacts) -> str | None:
    """Return in one line what is overdue, or that it will be, as the daemon has died; None if all is well."""
    if not facts.unfired:
        # One that was stopped on purpose says so by leaving no heartbeat behind.
        trouble = [] if facts.liveness.state == "absent" else [finding.message for finding in judge_daemon(facts)]
        return f"nothing is overdue yet, but {trouble[0]}" if trouble else None
    oldest = facts.unfired[0]
    count = len(facts.unfired)
    jobs = "1 job is overdue" if count == 1 else f"{count} jobs are overdue, the oldest"
    separator = ":" if count == 1 else ""
    return f"{jobs}{separator} {oldest.job_id} since {facts.moment(oldest.due_at[0])}"
