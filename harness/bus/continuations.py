"""Runs that wait for finals: the run ends as suspended, and another one goes on when the last final has come.

Nothing polls and no slot is held. Whoever writes the last final queues the continuation in the same
transaction; the row of the waiting run is locked for it, so that of two finals at the same moment one sees both.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from harness.bus.notices import note_told
from harness.domain.run import RunState, Suspended
from harness.store.fires import fire_of_run, replan_fire
from harness.store.runs import NewRun, RunRow, end_run, queue_run, run_by_id
from harness.store.suspensions import (
    Awaited,
    all_final,
    awaited_by,
    is_suspended_for,
    mark_continued,
    runs_awaiting,
    suspend_for,
)

log = logging.getLogger("harness.bus")

_NUMBERED = re.compile(r"(?P<first>.*?)(?:\.(?P<number>\d+)(?:~\d+)?)?")


def continuation_id(run_id: str) -> str:
    """Return the id of the run that goes on with this one: `<run>.2`, `<run>.3`, …"""
    found = _NUMBERED.fullmatch(run_id)
    assert found is not None, "every text matches"
    return f"{found['first']}.{int(found['number'] or 1) + 1}"


def wait_for(
    connection: Connection, run: RunRow, waits_for: Sequence[Awaited], conversation: str, now: datetime
) -> str | None:
    """Keep the run's conversation until all these requests are final; return the run that goes on, if they are.

    The caller has suspended the run and its fire in this transaction.
    """
    suspend_for(connection, run.id, waits_for, conversation, now)
    return continue_if_answered(connection, run.id, now)


def continue_waiting(connection: Connection, request_id: str, now: datetime) -> list[str]:
    """Queue the continuation of each run that waited for this final and for no other any more; return their ids."""
    waiting = runs_awaiting(connection, request_id)
    return [queued for run_id in waiting if (queued := continue_if_answered(connection, run_id, now)) is not None]


def continue_if_answered(connection: Connection, run_id: str, now: datetime) -> str | None:
    """Queue the run that goes on with a suspended one, if all that it waits for is final; return its id.

    None if something is missing still, or if one goes on already. A run whose fire was closed meanwhile, or was given
    to another run, ends here: there is nothing left that it could go on with.
    """
    run = run_by_id(connection, run_id, for_change=True)
    if run is None or run.state is not RunState.SUSPENDED or not is_suspended_for(connection, run_id):
        return None
    awaited = awaited_by(connection, run_id)
    if not awaited or not all_final(connection, [one.request_id for one in awaited]):
        return None
    new_id = continuation_id(run_id)
    if not replan_fire(connection, run_id, run.owner or "", new_run_id=new_id, reason=""):
        fire = fire_of_run(connection, run_id)
        if fire is None or not fire.state.is_open:
            log.warning("%s waited for answers that came, and its fire is not open any more: it ends", run_id)
            end_run(connection, run_id, now, outcome={"again": "nothing goes on: its fire was closed meanwhile"})
        return None
    is_first = mark_continued(connection, run_id, new_id)
    assert is_first, f"something goes on with {run_id} already, though its row is held"
    end_run(connection, run_id, now, stop=Suspended.reason, outcome={"again": f"it goes on as {new_id}"})
    queue_run(connection, _continuation(run, new_id), now)
    note_told(connection, [one.request_id for one in awaited], new_id, now)
    return new_id


def _continuation(run: RunRow, new_id: str) -> NewRun:
    return NewRun(
        new_id,
        run.job_id,
        run.lane,
        run.kind,
        run.due_at,
        run.workflow_version,
        run.inputs,
        {**run.options, "continues": run.id},
        attempt=run.attempt,
        priority=run.priority,
        deadline_at=run.deadline_at,
        node=run.node,
        source_run=run.source_run,
    )
