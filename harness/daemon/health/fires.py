"""Fires that hang or failed, and deliveries that do not arrive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from harness.daemon.health.facts import HealthFacts
from harness.daemon.health.finding import HealthFinding
from harness.domain.run import Fire, FireState
from harness.domain.sizes import counted
from harness.schedule.catchup import duration_in_words

_STUCK_MARGIN_S = 300
_STUCK_DELIVERY_S = 900


def judge_open_fires(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return the fires that nobody works on, and the runs that take longer than they may."""
    for entry in facts.open_fires:
        fire = entry.fire
        subject = fire.run_id or fire.job_id
        age_s = (facts.now - datetime.fromtimestamp(entry.created_at, UTC)).total_seconds()
        what = f"{fire.job_id} of {facts.moment(fire.due_at)} is {fire.state}"
        if fire.waits_for_answers:
            continue
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


def judge_recent_fires(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return each job that failed or was missed in the last day, with the last reason."""
    by_job: dict[tuple[str, FireState], list[Fire]] = defaultdict(list)
    for fire in facts.recently_closed:
        if fire.state in (FireState.FAILED, FireState.MISSED) and not fire.is_preview:
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
            f"{job_id} {verb}{times} {facts.moment(last.due_at)}{since}: {last.reason or 'no reason was recorded'}",
            f"harness why {job_id}",
            last.due_at,
        )


def judge_deliveries(facts: HealthFacts) -> Iterable[HealthFinding]:
    """Return the deliveries that were given up, that failed, or that nobody tried."""
    for delivery in facts.deliveries:
        created_at = datetime.fromtimestamp(delivery.created_at, UTC)
        error = delivery.last_error or "no error was recorded"
        what = f"the delivery of {delivery.run_id} to {delivery.channel}"
        tries = counted(delivery.attempts, "try", "tries")
        if delivery.state == "dead":
            message = f"{what} was given up after {tries}: {error}"
        elif delivery.attempts:
            message = f"{what} has waited since {facts.moment(created_at)} ({tries}): {error}"
        elif delivery.next_try_at + _STUCK_DELIVERY_S < facts.now.timestamp():
            message = f"{what} has waited since {facts.moment(created_at)} and was never tried"
        else:
            continue
        fix = f"check the channel {delivery.channel!r} in harness.toml"
        yield HealthFinding("delivery", delivery.id, message, fix, created_at)


def _allowed_s(facts: HealthFacts, fire: Fire) -> int:
    return facts.timeouts_s.get(fire.job_id, 900) + _STUCK_MARGIN_S
