"""A run that broke off with a fault that may pass, or that has to wait, is begun anew as another run.

The fire stays one and open: it is given the new run, so that the old one can close nothing any more.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sqlalchemy import Connection

from harness.domain.job import LONGEST_BACKOFF_S, Job
from harness.domain.run import FireKind
from harness.runs.answer import Again
from harness.store.fires import replan_fire
from harness.store.runs import NewRun, RunRow, end_run, queue_run, run_by_id

_NUMBERED = re.compile(r"(?P<first>.*?)(?:~(?P<number>\d+))?")
_BY_PERSON = (FireKind.MANUAL, FireKind.RETRY)


def next_attempt(run: RunRow, job: Job, problem: str, now: datetime) -> Again | None:
    """Return when and why the run is attempted again, or None if that was the last time.

    The pause doubles with each attempt, up to an hour. Who asked for a run by hand is told of its failure
    at once, and asks again.
    """
    if run.kind in _BY_PERSON or run.attempt >= job.attempts:
        return None
    pause_s = min(LONGEST_BACKOFF_S, job.backoff_s * 2 ** (run.attempt - 1))
    not_before = now + timedelta(seconds=pause_s)
    if run.deadline_at is not None and not_before.timestamp() >= run.deadline_at:
        return None
    return Again(not_before, f"attempt {run.attempt} of {job.attempts} broke off: {problem}")


def attempt_id(run_id: str) -> str:
    """Return the id of the next attempt at a run: `<run>~2`, `<run>~3`, …; also of one that goes on (`<run>.2~2`)."""
    found = _NUMBERED.fullmatch(run_id)
    assert found is not None, "every text matches"
    return f"{found['first']}~{int(found['number'] or 1) + 1}"


def begin_again(connection: Connection, run: RunRow, again: Again, *, owner: str, now: datetime) -> str | None:
    """End the run and queue the next one of its fire; return its id.

    None if the fire was closed meanwhile, or is in the hands of another owner, or somebody wants the run
    cancelled: then nothing is changed.
    """
    now_there = run_by_id(connection, run.id, for_change=True)
    if now_there is None or now_there.cancel_reason is not None:
        return None
    new_run_id = attempt_id(run.id)
    if not replan_fire(connection, run.id, owner, new_run_id=new_run_id, reason=again.reason):
        return None
    end_run(connection, run.id, now, stop="attempt" if again.is_attempt else "waited", outcome={"again": again.reason})
    new = NewRun(
        new_run_id,
        run.job_id,
        run.lane,
        run.kind,
        run.due_at,
        run.workflow_version,
        run.inputs,
        run.options,
        attempt=run.attempt + 1 if again.is_attempt else run.attempt,
        priority=run.priority,
        not_before=again.not_before.timestamp(),
        deadline_at=run.deadline_at,
        node=run.node,
        source_run=run.source_run,
    )
    queue_run(connection, new, now)
    return new_run_id
