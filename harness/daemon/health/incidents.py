"""What the harness itself has found broken: incidents, and what it left alone or paused for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from harness.daemon.health.daemons import judge_clock
from harness.daemon.health.facts import HealthFacts
from harness.daemon.health.files import judge_disk
from harness.daemon.health.finding import HealthFinding
from harness.domain.cause import (
    DISK,
    disabled_cause,
    endpoint_cause,
    is_of_a_budget,
    job_named_by,
    profile_named_by,
    tells_of_dead_letters,
)
from harness.domain.pause import covers, scope_name, whose_pause
from harness.domain.run import FireState
from harness.store.records import OpenIncident

_FORGOTTEN_AFTER = timedelta(days=7)
_JOBS_NAMED = 6


def judge_breakers(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return the endpoints that are left alone, and until when."""
    for breaker in facts.open_breakers:
        problem = f": {breaker.problem}" if breaker.problem else ""
        since = "" if breaker.opened_at is None else f" since {facts.moment(breaker.opened_at)}"
        if breaker.state == "half-open" or breaker.retry_at is None or breaker.retry_at <= facts.now:
            again = "it is tried again with the next call"
        else:
            again = f"it is tried again {facts.moment(breaker.retry_at)}"
        yield HealthFinding(
            "breaker",
            breaker.endpoint,
            f"{breaker.endpoint} is left alone{since}, as it has not answered "
            f"{breaker.failures_in_a_row} times in a row{problem}; {again}",
            "see that it is up and can be reached from here",
            breaker.opened_at,
        )


def judge_incidents(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return the open incidents that no other finding tells."""
    told = {f"job {fire.job_id}" for fire in facts.recently_closed if fire.state is FireState.FAILED}
    told |= {f"missed {fire.job_id}" for fire in facts.recently_closed if fire.state is FireState.MISSED}
    told |= {f"file {finding.path}" for finding in facts.file_findings if finding.severity == "error"}
    told |= {f"source {source.source}" for source in facts.failing_sources}
    told |= {endpoint_cause(breaker.endpoint) for breaker in facts.open_breakers}
    told |= {disabled_cause(scope_name(pause.scope)) for pause in facts.pauses if pause.is_automatic}
    told |= {finding.subject for finding in judge_clock(facts)}
    # What the disk is like now says more than what was said when it began to fill up.
    told |= {DISK for _ in judge_disk(facts)}
    for incident in facts.incidents:
        if incident.cause in told:
            continue
        first_at = datetime.fromtimestamp(incident.first_at, UTC)
        times = "" if incident.occurrences == 1 else f", {incident.occurrences} times"
        by_itself = "it is over by itself once that is put right"
        fix = f"harness runs show {incident.run_id}" if incident.run_id else by_itself
        profile = profile_named_by(incident.cause)
        fix = fix if profile is None else f"see whether it answers: harness try profile {profile}"
        fix = "harness bus dead" if tells_of_dead_letters(incident.cause) else fix
        fix = "harness cost; a larger budget holds from the next run on" if is_of_a_budget(incident.cause) else fix
        message = f"{incident.message} (since {facts.moment(first_at)}{times}{_jobs(incident)})"
        yield HealthFinding("incident", incident.cause, message, fix, first_at)


def _jobs(incident: OpenIncident) -> str:
    """Return which jobs failed, where the cause is not one job's own."""
    if not incident.jobs or job_named_by(incident.cause) is not None:
        return ""
    more = len(incident.jobs) - _JOBS_NAMED
    return f"; {', '.join(incident.jobs[:_JOBS_NAMED])}{f' and {more} more' if more > 0 else ''}"


def judge_pauses(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return what the harness paused, and as a note what the person may have forgotten."""
    for pause in facts.pauses:
        since = datetime.fromtimestamp(pause.paused_at, UTC)
        words = f"{covers(pause.scope)} is paused {whose_pause(pause, facts.zone)}"
        how = f"harness jobs resume {scope_name(pause.scope)}"
        if pause.is_automatic:
            yield HealthFinding("paused", pause.scope, words, f"when its cause is gone: {how}", since)
        elif facts.now - since > _FORGOTTEN_AFTER:
            yield HealthFinding("paused", pause.scope, words, f"if that is no longer wanted: {how}", since, "note")


def judge_sources(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return the sources that keep failing."""
    for source in facts.failing_sources:
        last_ok = None if source.last_ok_at is None else datetime.fromtimestamp(source.last_ok_at, UTC)
        worked = "it has never worked" if last_ok is None else f"it last worked {facts.moment(last_ok)}"
        yield HealthFinding(
            "source",
            source.source,
            f"{source.source} failed {source.failures_in_a_row} times in a row: {source.problem} ({worked})",
            "correct or remove it in shared-context/feeds/",
            last_ok,
        )
