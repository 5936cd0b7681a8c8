"""What the ledger knows of the work on a request, in a sentence: for a note where the worker says nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection

from harness.domain.request import Standing, request_job
from harness.domain.run import RunState
from harness.domain.sizes import counted
from harness.ports import RecordedStep
from harness.store.fires import open_runs_of
from harness.store.request_duties import open_runs_ahead
from harness.store.runs import RunRow, run_by_id
from harness.store.suspensions import awaited_and_open
from harness.store.usage import usage_of_run

Recorded = Callable[[str], tuple[RecordedStep, ...]]
"""Returns the finished steps of a run."""


def what_is_known(connection: Connection, standing: Standing, recorded: Recorded) -> str:
    """Return behind what the work is queued, for what it waits, or since when it is at work and how far it is."""
    open_runs = open_runs_of(connection, request_job(standing.receiver, standing.request.id))
    run = run_by_id(connection, open_runs[-1]) if open_runs else None
    if run is None:
        return f"no run of {standing.receiver} works on it"
    match run.state:
        case RunState.QUEUED:
            return _queued(connection, run)
        case RunState.SUSPENDED:
            return _suspended(connection, run)
        case _:
            return _at_work(connection, run, recorded)


def _queued(connection: Connection, run: RunRow) -> str:
    job_id, since, ahead = open_runs_ahead(connection, run.agent, run.id)
    behind = [] if job_id is None or since is None else [f"{job_id}, at work since {_clock(since)}"]
    if ahead:
        behind.append(f"{ahead} more of {run.agent} in the queue")
    waits = f"queued since {_clock(run.created_at)}"
    if behind:
        waits += f" behind {' and '.join(behind)}"
    return waits if run.node is None else f"{waits}, for the node {run.node}"


def _suspended(connection: Connection, run: RunRow) -> str:
    waits_for = awaited_and_open(connection, run.id)
    return f"{run.id} waits for {', '.join(waits_for)}" if waits_for else f"{run.id} is done and being delivered"


def _at_work(connection: Connection, run: RunRow, recorded: Recorded) -> str:
    words = [f"at work since {_clock(run.started_at or run.created_at)}"]
    calls = usage_of_run(connection, run.id)[2]
    words.append(counted(calls, "model call"))
    steps = recorded(run.id)
    if steps:
        words.append(f"{counted(len(steps), 'step')}, the last: {steps[-1].kind} {steps[-1].call_id}")
    return ", ".join(words)


def _clock(epoch: float) -> str:
    return f"{datetime.fromtimestamp(epoch, UTC):%H:%M} UTC"
