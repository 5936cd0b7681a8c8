"""The independent check: what was due, recomputed from the person's own files, against the ledger.

Nothing here trusts the daemon. It may be dead, stuck, or have lost a job; then its own tables look
peaceful, and only the schedules know better. This module judges and is pure; `harness.daemon.health_facts`
looks at the world for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from harness.daemon.liveness import Liveness
from harness.daemon.nodes import Waiting, waiting_in_words
from harness.daemon.set_back_clock import CAUSE, clock_problem
from harness.daemon.wording import local_time, when
from harness.domain.breaker import Breaker
from harness.domain.cause import disabled_cause, endpoint_cause, job_named_by
from harness.domain.errors import Finding
from harness.domain.job import Job
from harness.domain.pause import PauseRow, covers, scope_name, whose_pause
from harness.domain.run import Fire, FireState
from harness.schedule.catchup import duration_in_words
from harness.schedule.due import slots_between
from harness.store.records import Delivery, FailingSource, OpenFire, OpenIncident, PlannedJob

LOOK_BACK = timedelta(hours=48)
RECENT = timedelta(hours=24)
FAILING_SOURCE_TIMES = 3
_STUCK_MARGIN_S = 300
_STUCK_DELIVERY_S = 900
_LOW_DISK_BYTES = 200_000_000
_FORGOTTEN_AFTER = timedelta(days=7)
_JOBS_NAMED = 6

Code = Literal[
    "overdue", "unknown-job", "no-daemon", "silent-daemon", "stalled-daemon", "waiting", "abandoned", "stuck",
    "failed", "missed", "delivery", "clock", "paused", "breaker", "incident", "source", "file", "disk", "audit",
]  # fmt: skip
"""What kind of finding it is; part of the public interface of `harness doctor --json`."""


@dataclass(frozen=True, slots=True)
class HealthFinding:
    """One thing that is wrong, in words for the person, with the step that fixes it.

    `subject` is the job, run, source, file or cause that it is about; `since` is aware UTC. A `note` is
    nothing broken, but something to be reminded of.
    """

    code: Code
    subject: str
    message: str
    fix: str
    since: datetime | None = None
    severity: Literal["error", "note"] = "error"

    def __str__(self) -> str:
        return f"{self.message}; {self.fix}"


@dataclass(frozen=True, slots=True)
class Unfired:
    """The slots of one job that came and have no row in the ledger, oldest first, aware UTC."""

    job_id: str
    due_at: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class DiskFacts:
    folder: str
    free_bytes: int
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


def judge_health(facts: HealthFacts) -> tuple[HealthFinding, ...]:
    """Return everything that is wrong, the most urgent first; empty if all is well."""
    return (
        *_judge_daemon(facts),
        *_judge_waiting(facts),
        *_judge_clock(facts),
        *_judge_unfired(facts),
        *_judge_open_fires(facts),
        *_judge_recent_fires(facts),
        *_judge_deliveries(facts),
        *_judge_breakers(facts),
        *_judge_incidents(facts),
        *_judge_pauses(facts),
        *_judge_sources(facts),
        *_judge_files(facts),
        *_judge_disk(facts),
        *_judge_audit(facts),
    )


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


def overdue_line(facts: HealthFacts) -> str | None:
    """Return in one line what is overdue, or that it will be, as the daemon has died; None if all is well."""
    if not facts.unfired:
        # One that was stopped on purpose says so by leaving no heartbeat behind.
        trouble = [] if facts.liveness.state == "absent" else [finding.message for finding in _judge_daemon(facts)]
        return f"nothing is overdue yet, but {trouble[0]}" if trouble else None
    oldest = facts.unfired[0]
    count = len(facts.unfired)
    jobs = "1 job is overdue" if count == 1 else f"{count} jobs are overdue, the oldest"
    separator = ":" if count == 1 else ""
    return f"{jobs}{separator} {oldest.job_id} since {_moment(facts, oldest.due_at[0])}"


def _judge_daemon(facts: HealthFacts) -> Iterable[HealthFinding]:
    last = facts.liveness.last_beat_at
    heard = "" if last is None else f" since {_moment(facts, last)}"
    match facts.liveness.state:
        case "stalled":
            yield from _judge_silent_parts(facts)
        case "silent":
            pid = 0 if facts.liveness.heartbeat is None else facts.liveness.heartbeat.pid
            yield HealthFinding(
                "silent-daemon",
                f"pid {pid}",
                f"the daemon (pid {pid}) has given no sign of life{heard}",
                f"stop it and start it again: kill {pid}, then harness up",
                last,
            )
        case "dead" | "absent" if facts.scheduled_jobs:
            jobs = "1 job waits" if facts.scheduled_jobs == 1 else f"{facts.scheduled_jobs} jobs wait"
            upcoming = ""
            if facts.next_slot is not None:
                job_id, slot = facts.next_slot
                upcoming = f", the next is {job_id} at {local_time(slot, facts.zone, facts.now)}"
            how = f"the daemon died, last heard of {_moment(facts, last)}" if last else "no daemon is running"
            yield HealthFinding("no-daemon", "daemon", f"{how}: {jobs} for it{upcoming}", "start it: harness up", last)


def _judge_waiting(facts: HealthFacts) -> Iterable[HealthFinding]:
    if not facts.liveness.is_alive:
        return  # then everything waits, which is told already
    for waiting in facts.waiting:
        message = waiting_in_words(waiting, facts.zone, facts.now)
        since = None if waiting.node is None else waiting.node.seen_at
        fix = f"start the daemon there: harness up; or take away the `on:` that names {waiting.name}"
        yield HealthFinding("waiting", waiting.name, message, fix, since)


def _judge_silent_parts(facts: HealthFacts) -> Iterable[HealthFinding]:
    assert facts.liveness.heartbeat is not None, "only a daemon that has beaten can stall"
    pid = facts.liveness.heartbeat.pid
    for silent in facts.liveness.heartbeat.silent_parts:
        since = datetime.fromtimestamp(silent.since, UTC)
        yield HealthFinding(
            "stalled-daemon",
            silent.part,
            f"{silent.part} has not answered since {_moment(facts, since)} (pid {pid})",
            f"harness logs says what it hangs in; if it stays so: kill -9 {pid}, then harness up",
            since,
        )


def _judge_clock(facts: HealthFacts) -> Iterable[HealthFinding]:
    problem = clock_problem(facts.now, facts.written_at, facts.zone)
    if problem is not None:
        yield HealthFinding("clock", CAUSE, problem, "compare it with another clock: date -u", facts.written_at)


def _judge_unfired(facts: HealthFacts) -> Iterable[HealthFinding]:
    for unfired in facts.unfired:
        first = unfired.due_at[0]
        count = len(unfired.due_at)
        times = ("", " and once more since")[count - 1] if count <= 2 else f" and {count - 1} times since"
        yield HealthFinding(
            "overdue",
            unfired.job_id,
            f"{unfired.job_id} was due {_moment(facts, first)}{times}: nothing fired it",
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


def _judge_open_fires(facts: HealthFacts) -> Iterable[HealthFinding]:
    for entry in facts.open_fires:
        fire = entry.fire
        subject = fire.run_id or fire.job_id
        age_s = (facts.now - datetime.fromtimestamp(entry.created_at, UTC)).total_seconds()
        what = f"{fire.job_id} of {_moment(facts, fire.due_at)} is {fire.state}"
        if entry.owner is not None and not facts.liveness.holds(entry.owner):
            yield HealthFinding(
                "abandoned", subject, f"{what} and nobody is working on it", "harness up goes on with it", fire.due_at
            )
        elif entry.owner is None and not facts.liveness.is_alive and age_s > facts.liveness.grace_s:
            yield HealthFinding(
                "abandoned", subject, f"{what} and nobody will start it", "start the daemon: harness up", fire.due_at
            )
        elif fire.state is FireState.RUNNING and age_s > _allowed_s(facts, fire):
            yield HealthFinding(
                "stuck",
                subject,
                f"{what} for {duration_in_words(age_s)}; it may take {duration_in_words(_allowed_s(facts, fire))}",
                f"harness runs show {subject}",
                fire.due_at,
            )


def _judge_recent_fires(facts: HealthFacts) -> Iterable[HealthFinding]:
    by_job: dict[tuple[str, FireState], list[Fire]] = defaultdict(list)
    for fire in facts.recently_closed:
        if fire.state in (FireState.FAILED, FireState.MISSED):
            by_job[fire.job_id, fire.state].append(fire)
    for (job_id, state), fires in by_job.items():
        last = max(fires, key=lambda fire: fire.due_at)
        times = "" if len(fires) == 1 else f" {len(fires)} times in 24 h, last"
        recovered = any(
            fire.job_id == job_id and fire.state.is_success and fire.due_at > last.due_at
            for fire in facts.recently_closed
        )
        since = " (it has worked since)" if recovered else ""
        verb = "failed" if state is FireState.FAILED else "was missed"
        yield HealthFinding(
            "failed" if state is FireState.FAILED else "missed",
            job_id,
            f"{job_id} {verb}{times} {_moment(facts, last.due_at)}{since}: {last.reason or 'no reason was recorded'}",
            f"harness why {job_id}",
            last.due_at,
        )


def _judge_deliveries(facts: HealthFacts) -> Iterable[HealthFinding]:
    for delivery in facts.deliveries:
        created_at = datetime.fromtimestamp(delivery.created_at, UTC)
        error = delivery.last_error or "no error was recorded"
        what = f"the delivery of {delivery.run_id} to {delivery.channel}"
        tries = "1 try" if delivery.attempts == 1 else f"{delivery.attempts} tries"
        if delivery.state == "dead":
            message = f"{what} was given up after {tries}: {error}"
        elif delivery.attempts:
            message = f"{what} has waited since {_moment(facts, created_at)} ({tries}): {error}"
        elif delivery.next_try_at + _STUCK_DELIVERY_S < facts.now.timestamp():
            message = f"{what} has waited since {_moment(facts, created_at)} and was never tried"
        else:
            continue
        fix = f"check the channel {delivery.channel!r} in harness.toml"
        yield HealthFinding("delivery", delivery.id, message, fix, created_at)


def _judge_breakers(facts: HealthFacts) -> Iterable[HealthFinding]:
    for breaker in facts.open_breakers:
        problem = f": {breaker.problem}" if breaker.problem else ""
        since = "" if breaker.opened_at is None else f" since {_moment(facts, breaker.opened_at)}"
        if breaker.state == "half-open" or breaker.retry_at is None or breaker.retry_at <= facts.now:
            again = "it is tried again with the next call"
        else:
            again = f"it is tried again {_moment(facts, breaker.retry_at)}"
        yield HealthFinding(
            "breaker",
            breaker.endpoint,
            f"{breaker.endpoint} is left alone{since}, as it has not answered "
            f"{breaker.failures_in_a_row} times in a row{problem}; {again}",
            "see that it is up and can be reached from here",
            breaker.opened_at,
        )


def _judge_pauses(facts: HealthFacts) -> Iterable[HealthFinding]:
    for pause in facts.pauses:
        since = datetime.fromtimestamp(pause.paused_at, UTC)
        words = f"{covers(pause.scope)} is paused {whose_pause(pause, facts.zone)}"
        how = f"harness jobs resume {scope_name(pause.scope)}"
        if pause.is_automatic:
            yield HealthFinding("paused", pause.scope, words, f"when its cause is gone: {how}", since)
        elif facts.now - since > _FORGOTTEN_AFTER:
            yield HealthFinding("paused", pause.scope, words, f"if that is no longer wanted: {how}", since, "note")


def _judge_incidents(facts: HealthFacts) -> Iterable[HealthFinding]:
    told = {f"job {fire.job_id}" for fire in facts.recently_closed if fire.state is FireState.FAILED}
    told |= {f"missed {fire.job_id}" for fire in facts.recently_closed if fire.state is FireState.MISSED}
    told |= {f"file {finding.path}" for finding in facts.file_findings if finding.severity == "error"}
    told |= {f"source {source.source}" for source in facts.failing_sources}
    told |= {endpoint_cause(breaker.endpoint) for breaker in facts.open_breakers}
    told |= {disabled_cause(scope_name(pause.scope)) for pause in facts.pauses if pause.is_automatic}
    told |= {finding.subject for finding in _judge_clock(facts)}
    for incident in facts.incidents:
        if incident.cause in told:
            continue
        first_at = datetime.fromtimestamp(incident.first_at, UTC)
        times = "" if incident.occurrences == 1 else f", {incident.occurrences} times"
        fix = f"harness runs show {incident.run_id}" if incident.run_id else "harness status"
        message = f"{incident.message} (since {_moment(facts, first_at)}{times}{_jobs(incident)})"
        yield HealthFinding("incident", incident.cause, message, fix, first_at)


def _jobs(incident: OpenIncident) -> str:
    """Return which jobs failed, where the cause is not one job's own."""
    if not incident.jobs or job_named_by(incident.cause) is not None:
        return ""
    more = len(incident.jobs) - _JOBS_NAMED
    return f"; {', '.join(incident.jobs[:_JOBS_NAMED])}{f' and {more} more' if more > 0 else ''}"


def _judge_sources(facts: HealthFacts) -> Iterable[HealthFinding]:
    for source in facts.failing_sources:
        last_ok = None if source.last_ok_at is None else datetime.fromtimestamp(source.last_ok_at, UTC)
        worked = "it has never worked" if last_ok is None else f"it last worked {_moment(facts, last_ok)}"
        yield HealthFinding(
            "source",
            source.source,
            f"{source.source} failed {source.failures_in_a_row} times in a row: {source.problem} ({worked})",
            "correct or remove it in shared-context/feeds/",
            last_ok,
        )


def _judge_files(facts: HealthFacts) -> Iterable[HealthFinding]:
    for finding in facts.file_findings:
        where = finding.path if finding.line is None else f"{finding.path}:{finding.line}"
        severity: Literal["error", "note"] = "error" if finding.severity == "error" else "note"
        yield HealthFinding("file", finding.path, f"{where}: {finding.problem}", finding.fix, severity=severity)
    broken = {finding.path for finding in facts.file_findings if finding.severity == "error"}
    for path in facts.held_back:
        if path not in broken:
            message = f"{path}: the daemon still works with the version before your last edit"
            yield HealthFinding("file", path, message, "harness check")


def _judge_disk(facts: HealthFacts) -> Iterable[HealthFinding]:
    if facts.disk is None:
        return
    if not facts.disk.is_writable:
        yield HealthFinding("disk", facts.disk.folder, f"{facts.disk.folder} cannot be written", "make it writable")
    if facts.disk.free_bytes < _LOW_DISK_BYTES:
        message = f"{facts.disk.folder}: only {facts.disk.free_bytes // 1_000_000} MB are free on this disk"
        yield HealthFinding("disk", facts.disk.folder, message, "free some space")


def _judge_audit(facts: HealthFacts) -> Iterable[HealthFinding]:
    if facts.audit_problem is not None:
        yield HealthFinding(
            "audit", "audit log", f"the audit log is broken: {facts.audit_problem}", "harness audit verify"
        )


def _allowed_s(facts: HealthFacts, fire: Fire) -> int:
    return facts.timeouts_s.get(fire.job_id, 900) + _STUCK_MARGIN_S


def _moment(facts: HealthFacts, moment: datetime) -> str:
    return when(moment, facts.zone, facts.now)
