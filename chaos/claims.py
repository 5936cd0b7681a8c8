"""What must hold whatever happened: pure functions from what is left to the violations in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from chaos.evidence import DECLARED_LOST, Evidence, FireRow, RunLife
from chaos.node import Interruption
from chaos.outside import Effect
from harness.domain.job import Job
from harness.domain.schedule import Once
from harness.schedule.due import slots_between
from harness.store.fires import JobState

CLOSED_WELL = ("delivered", "silent", "degraded", "skipped", "cancelled")
_UNDONE = ("PENDING", "ENQUEUED", "DELAYED")
_CONTINUED = ("attempt", "waited")
_ALERT = "alert:"
_SAME_MOMENT_S = 0.01
"""Records are in whole milliseconds, and are stamped a moment after the effect."""
_NOTICED_WITHIN_S = 5.0
"""So long a node that was frozen may take to notice that others have its runs."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is no violation here: incidents by how their causes begin, further states of fires, and how
    the engine may have runs that ended well. Ticks must have reached `until` (epoch seconds)."""

    incidents: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    engine: tuple[str, ...] = ("SUCCESS",)
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Violation:
    """A claim that does not hold, and where it does not."""

    claim: str
    detail: str

    def __str__(self) -> str:
        return f"{self.claim}: {self.detail}"


def violations(evidence: Evidence, expected: Expected, *, but: Collection[str] = ()) -> list[Violation]:
    """Return everything that does not hold, the claims of these names left out."""
    return [
        Violation(claim, detail)
        for claim, judge in _CLAIMS.items() if claim not in but
        for detail in judge(evidence, expected)
    ]  # fmt: skip


def repeated_effects(evidence: Evidence) -> int:
    """Return how many effects were repetitions of one before."""
    return sum(len(effects) - 1 for effects in _by_step(evidence.effects).values())


def _each_slot_has_one_row(evidence: Evidence, expected: Expected) -> Iterator[str]:
    rows: dict[str, list[int]] = defaultdict(list)
    for fire in evidence.fires:
        if fire.kind == "cron":
            rows[fire.job_id].append(fire.due_at)
    for job_id, job in evidence.jobs.items():
        state = evidence.states.get(job_id)
        if state is None:
            yield f"nothing expects {job_id}"
            continue
        due = _due_slots(job, state)
        found = sorted(rows[job_id])
        yield from (f"{job_id} has no row for {_time(slot)}" for slot in sorted(set(due) - set(found)))
        yield from (
            f"{job_id} has a row for {_time(slot)}, when it is not due" for slot in sorted(set(found) - set(due))
        )
        yield from (
            f"{job_id} has two rows for {_time(slot)}" for slot, next_one in pairwise(found) if slot == next_one
        )
        if state.next_due is not None and state.next_due <= expected.until:
            yield f"{job_id} was due at {_time(state.next_due)}, and nothing planned it"


def _due_slots(job: Job, state: JobState) -> list[int]:
    """Return what was due, in epoch seconds: from when the job was known, one-shots as far back as it catches up."""
    known, planned = (datetime.fromtimestamp(at, UTC) for at in (state.known_since, state.planned_until))
    one_shots = [schedule for schedule in job.schedules if isinstance(schedule, Once)]
    early = slots_between(one_shots, job.zone, known - timedelta(seconds=job.if_missed.within_s), known)
    return [int(slot.timestamp()) for slot in (*early, *slots_between(job.schedules, job.zone, known, planned))]


def _nothing_is_open(evidence: Evidence, expected: Expected) -> Iterator[str]:
    yield from (f"fire {fire.run_id} is {fire.state}" for fire in evidence.fires if fire.closed_at is None)
    yield from (f"run {run.id} is {run.state}" for run in evidence.runs if run.ended_at is None)
    yield from (f"delivery {row.id} is pending" for row in evidence.outbox if row.state == "pending")
    for run_id, status in evidence.engine.items():
        if status in _UNDONE:
            yield f"the engine has {run_id} as {status}"


def _each_fire_ends_well(evidence: Evidence, expected: Expected) -> Iterator[str]:
    allowed = (*CLOSED_WELL, *expected.states)
    for fire in evidence.fires:
        if fire.closed_at is not None and fire.state not in allowed:
            yield f"{fire.job_id} due {_time(fire.due_at)} {fire.state}: {fire.reason}"


def _each_fire_has_one_chain_of_runs(evidence: Evidence, expected: Expected) -> Iterator[str]:
    runs: dict[tuple[str, int], list[RunLife]] = defaultdict(list)
    for run in evidence.runs:
        runs[run.job_id, run.due_at].append(run)
    for fire in evidence.fires:
        chain = sorted(runs.pop((fire.job_id, fire.due_at), []), key=lambda run: _attempt(run.id))
        yield from _flaws_of_chain(fire, chain)
    yield from (f"run {run.id} belongs to no fire" for chain in runs.values() for run in chain)


def _flaws_of_chain(fire: FireRow, chain: Sequence[RunLife]) -> Iterator[str]:
    ids = [run.id for run in chain]
    if fire.run_id is None:
        if ids:
            yield f"{fire.job_id} due {_time(fire.due_at)} {fire.state} has the runs {', '.join(ids)}"
        return
    first = fire.run_id.partition("~")[0]
    if ids != [first if number == 1 else f"{first}~{number}" for number in range(1, len(ids) + 1)] or not ids:
        yield f"the runs of {fire.run_id} are {', '.join(ids) or 'missing'}"
    elif fire.run_id != ids[-1]:
        yield f"the fire has {fire.run_id}, its last run is {ids[-1]}"
    yield from (f"run {run.id} went on after its end ({run.stop})" for run in chain[:-1] if run.stop not in _CONTINUED)


def _the_engine_has_each_run_once(evidence: Evidence, expected: Expected) -> Iterator[str]:
    known = {run.id for run in evidence.runs}
    yield from (f"the engine has {run_id}, of which no row tells" for run_id in evidence.engine if run_id not in known)
    well = {fire.run_id for fire in evidence.fires if fire.state in ("delivered", "silent", "degraded")}
    for run_id in sorted(well - {None}, key=str):
        status = evidence.engine.get(run_id or "")
        if status not in expected.engine:
            yield f"{run_id} ended well, and the engine has it as {status}"


def _no_step_is_recorded_twice(evidence: Evidence, expected: Expected) -> Iterator[str]:
    seen: set[tuple[str, str, str]] = set()
    for step in evidence.steps:
        key = (step.run_id, step.kind, step.call_id)
        if key in seen:
            yield f"{step.run_id} has {step.kind} {step.call_id} twice"
        seen.add(key)


def _each_delivery_is_made_once(evidence: Evidence, expected: Expected) -> Iterator[str]:
    rows = {row.id: row for row in evidence.outbox}
    for fire in evidence.fires:
        if fire.state not in ("delivered", "degraded") or fire.job_id not in evidence.jobs:
            continue
        for channel in evidence.jobs[fire.job_id].deliver:
            key = f"{fire.run_id}>{channel}"
            if key not in rows or rows[key].state != "acknowledged":
                yield f"{fire.run_id} was delivered, and {channel} has not acknowledged it"
            elif evidence.digests.get(key, 0) != 1:
                yield f"{fire.run_id} lies {evidence.digests.get(key, 0)} times in {channel}"
    failed = {fire.run_id for fire in evidence.fires if fire.state in ("failed", "missed", "skipped")}
    for row in evidence.outbox:
        if row.run_id in failed and row.state == "acknowledged":
            yield f"{row.run_id} was delivered, and the ledger does not say so"
    for key, count in evidence.digests.items():
        if key not in rows:
            yield f"a digest {key} lies there that nobody promised"
        elif count > 1 and not key.startswith(_ALERT):
            yield f"the digest {key} lies there {count} times"


def _no_effect_is_repeated_without_need(evidence: Evidence, expected: Expected) -> Iterator[str]:
    """A repetition needs an interruption of whoever had begun it; a frozen node may do once what others do as well,
    be it before them or after them."""
    for effects in _by_step(evidence.effects).values():
        awoken: set[Interruption] = set()
        for before, after in pairwise(effects):
            if _interrupted(before, after, evidence.interruptions):
                continue
            sleeps = (_slept_before(effect, evidence.interruptions) for effect in (after, before))
            sleep = next((one for one in sleeps if one is not None and one not in awoken), None)
            if sleep is None:
                who = f"{before.node or 'somebody'}, then {after.node or 'somebody'} {after.at - before.at:.2f} s later"
                yield f"{after} was done again, and nobody was interrupted in it ({who})"
            else:
                awoken.add(sleep)


def _no_finished_step_is_done_again(evidence: Evidence, expected: Expected) -> Iterator[str]:
    ended = {(step.run_id, step.call_id): step.ended_at for step in evidence.steps if step.kind in ("model", "tool")}
    for effect in evidence.effects:
        ended_at = ended.get((effect.run_id, effect.call))
        if ended_at is None or effect.at <= ended_at + _SAME_MOMENT_S:
            continue
        if _slept_before(effect, evidence.interruptions) is None:
            yield f"{effect} was done again {effect.at - ended_at:.2f} s after its result was recorded"


def _incidents_are_expected(evidence: Evidence, expected: Expected) -> Iterator[str]:
    for incident in evidence.incidents:
        if not incident.cause.startswith(expected.incidents or ("\0",)):
            yield f"{incident.cause} ({incident.occurrences}×): {incident.message}"


def _no_daemon_gave_up(evidence: Evidence, expected: Expected) -> Iterator[str]:
    # Before it listens to SIGTERM, a process ends by it at once.
    yield from (f"a daemon ended by itself with {code}" for code in evidence.exit_codes if code not in (0, -9, -15))


_CLAIMS: Mapping[str, Callable[[Evidence, Expected], Iterator[str]]] = {
    "every due slot has exactly one row": _each_slot_has_one_row,
    "nothing is open at the end": _nothing_is_open,
    "every fire ends well": _each_fire_ends_well,
    "every fire has one chain of runs": _each_fire_has_one_chain_of_runs,
    "every run is executed once": _the_engine_has_each_run_once,
    "no step is recorded twice": _no_step_is_recorded_twice,
    "every delivery is made once": _each_delivery_is_made_once,
    "no effect is repeated without need": _no_effect_is_repeated_without_need,
    "no finished step is done again": _no_finished_step_is_done_again,
    "no incident comes unexpected": _incidents_are_expected,
    "no daemon gives up": _no_daemon_gave_up,
}


def _by_step(effects: Sequence[Effect]) -> dict[tuple[str, str], list[Effect]]:
    steps: dict[tuple[str, str], list[Effect]] = defaultdict(list)
    for effect in sorted(effects, key=lambda effect: effect.at):
        steps[effect.run_id, effect.call].append(effect)
    return steps


def _interrupted(before: Effect, after: Effect, interruptions: Sequence[Interruption]) -> bool:
    """Say whether the node that had begun it was interrupted between the two."""
    return any(
        one.node == (before.node or one.node) and one.at <= after.at and one.until >= before.at
        for one in interruptions
    )  # fmt: skip


def _slept_before(effect: Effect, interruptions: Sequence[Interruption]) -> Interruption | None:
    """Return the freeze from which the node had only just awoken, or the loss that it had not noticed yet.

    Until it notices it cannot know what became of its runs.
    """
    for one in interruptions:
        if one.node != (effect.node or one.node):
            continue
        is_awake = one.how == "SIGSTOP" and one.until <= effect.at <= one.until + _NOTICED_WITHIN_S
        is_slow = one.how == DECLARED_LOST and one.at <= effect.at <= one.until + 1.0
        if is_awake or is_slow:
            return one
    return None


def _attempt(run_id: str) -> int:
    return int(run_id.partition("~")[2] or 1)


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"
