"""A team that is well, and how a test looks at what is found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from harness.daemon.health.facts import HealthFacts
from harness.daemon.health.judgement import judge_health
from harness.daemon.liveness import Liveness
from harness.domain.job import Job
from harness.domain.run import Fire, FireKind, FireState
from harness.domain.schedule import Cron
from harness.store.heartbeat import Heartbeat
from harness.store.records import OpenFire

ZONE = "America/Los_Angeles"
NOW = datetime(2026, 11, 20, 17, 18, tzinfo=UTC)
"""09:18 in Los Angeles."""
ARXIV_DUE = datetime(2026, 11, 20, 15, 15, tzinfo=UTC)
"""07:15 in Los Angeles."""
BEAT = Heartbeat(pid=7, executor_id="me", at=NOW.timestamp() - 3, started_at=0, is_ready=True, running=0)
WELL = HealthFacts(now=NOW, zone=ZONE, liveness=Liveness("alive", BEAT), scheduled_jobs=14)
DEAD = replace(WELL, liveness=Liveness("dead", BEAT))
ARXIV = Job("ainews", "arxiv", "agents/ainews/jobs/arxiv.md", (Cron("15 7 * * *"),), ZONE, schedule_text="daily 07:15")


def fire(state: FireState, *, due_at: datetime = ARXIV_DUE, reason: str = "", job_id: str = "ainews/arxiv") -> Fire:
    run_id = f"cron:{job_id}:{int(due_at.timestamp())}"
    return Fire(job_id, due_at, FireKind.CRON, state, run_id=run_id, reason=reason)


def open_fire(state: FireState, owner: str | None, age: timedelta) -> OpenFire:
    return OpenFire(fire(state), owner, (NOW - age).timestamp())


def codes(facts: HealthFacts) -> list[str]:
    return [finding.code for finding in judge_health(facts)]


def only_finding(facts: HealthFacts, code: str) -> str:
    [finding] = [finding for finding in judge_health(facts) if finding.code == code]
    return str(finding)


def fingerprint(job: Job) -> str:
    return job.schedule_text
