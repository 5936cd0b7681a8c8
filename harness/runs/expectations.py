"""What the schedule expects: exactly the workspace's jobs, each from the moment it was first known."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from harness.domain.job import Job
from harness.domain.schedule import Once
from harness.domain.workspace import Workspace
from harness.runs.slots import miss_slot
from harness.schedule.due import next_due, slots_between
from harness.schedule.grammar import parse_schedules
from harness.store.fires import JobState, forget_job, job_states, save_job_state
from harness.workspace.whereabouts import end_of

_IN_ZONE = " in "
_NEXT_SCHEDULE = "; "


def expect_jobs(connection: Connection, workspace: Workspace, now: datetime, *, is_shared: bool) -> int:
    """Make the schedule expect the workspace's jobs, and return how many slots were recorded as missed.

    Nothing before a job was known was missed. When its schedule changes, slots of the old one that have
    passed are settled first. In a database that other daemons share, a job that is not in this workspace
    may be in theirs: it stays.
    """
    at = int(now.timestamp())
    missed = 0
    known = job_states(connection)
    for job in workspace.jobs():
        state = known.pop(job.id, None)
        if state is None:
            planned_until = _one_shots_from(job, now)
            save_job_state(connection, place_in_schedule(job, known_since=at, planned_until=planned_until))
        elif state.schedule != schedule_fingerprint(job):
            changed_at = _changed_at(workspace, job, state, now)
            missed += _settle_old_schedule(connection, state, changed_at, now)
            planned_until = max(state.planned_until, _one_shots_from(job, changed_at))
            known_since = int(changed_at.timestamp())
            save_job_state(connection, place_in_schedule(job, known_since=known_since, planned_until=planned_until))
    if not is_shared:
        for job_id in known:
            forget_job(connection, job_id)
    return missed


def place_in_schedule(job: Job, *, known_since: int, planned_until: int) -> JobState:
    """Return what the schedule remembers of the job; times in epoch seconds."""
    upcoming = next_due(job.schedules, job.zone, datetime.fromtimestamp(planned_until, UTC))
    return JobState(
        job_id=job.id,
        schedule=schedule_fingerprint(job),
        known_since=known_since,
        planned_until=planned_until,
        next_due=None if upcoming is None else int(upcoming.timestamp()),
    )


def schedule_fingerprint(job: Job) -> str:
    """Return the text that changes exactly when the job's slots change."""
    return f"{job.schedule_text}{_IN_ZONE}{job.zone}"


def expected_slots(job: Job, state: JobState, until: datetime) -> list[datetime]:
    """Return the job's slots that have no row yet, up to `until` (aware), in UTC.

    What recurs is expected from the moment at which the job was known; a one-shot also before.
    """
    planned = datetime.fromtimestamp(state.planned_until, UTC)
    known = datetime.fromtimestamp(max(state.planned_until, state.known_since), UTC)
    one_shots = [schedule for schedule in job.schedules if isinstance(schedule, Once)]
    return sorted(
        {*slots_between(job.schedules, job.zone, known, until), *slots_between(one_shots, job.zone, planned, until)}
    )


def disagreements(connection: Connection, workspace: Workspace) -> Iterator[tuple[str, str]]:
    """Yield the jobs that the schedule expects otherwise than this workspace says, and how.

    Only where several daemons share a database and one of their workspaces is behind; whoever fires such a
    job, one of the two texts is not in force.
    """
    known = job_states(connection)
    for job in workspace.jobs():
        state = known.get(job.id)
        if state is None:
            yield job.id, f"{job.id} is in this workspace, and nothing expects it"
        elif state.schedule != schedule_fingerprint(job):
            yield job.id, f"{job.id} is fired {state.schedule!r}; here its file says {schedule_fingerprint(job)!r}"
    ours = {job.id for job in workspace.jobs()}
    for job_id in sorted(known.keys() - ours):
        yield job_id, f"{job_id} is expected, and is not in this workspace"


def _changed_at(workspace: Workspace, job: Job, state: JobState, now: datetime) -> datetime:
    """Return since when the job's schedule is another: now, as far as anybody knows.

    Only a stay that ended while nobody was up has a moment: what was due at home since then is not lost.
    """
    here = workspace.settings.here
    came_home = end_of(here) if here is not None and job.follows_person else None
    if came_home is None or not state.planned_until < came_home.timestamp() <= now.timestamp():
        return now
    return came_home


def _settle_old_schedule(connection: Connection, state: JobState, until: datetime, now: datetime) -> int:
    """Record as missed what the schedule that was replaced had due and nobody had fired; return how many."""
    text, _, zone = state.schedule.rpartition(_IN_ZONE)
    try:
        schedules = parse_schedules(text.split(_NEXT_SCHEDULE))
    except ValueError:
        # Written by a version with another grammar: what it had due next is all that is known.
        slots = [datetime.fromtimestamp(state.next_due, UTC)] if state.next_due is not None else []
    else:
        slots = slots_between(schedules, zone, datetime.fromtimestamp(state.planned_until, UTC), until)
    reason = "the schedule was changed before it was fired"
    return sum(miss_slot(connection, state.job_id, slot, reason, now) for slot in slots if slot <= until)


def _one_shots_from(job: Job, now: datetime) -> int:
    """Return the moment from which the one-shots of a job that is new here, or has changed, are expected.

    One that passed while nobody was up is not forgotten: it is expected for as long back as the job's
    catch-up policy reaches.
    """
    has_one_shot = any(isinstance(schedule, Once) for schedule in job.schedules)
    back = timedelta(seconds=job.if_missed.within_s) if has_one_shot else timedelta(0)
    return int((now - back).timestamp())
