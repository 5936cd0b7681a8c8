"""Doing a run over: all of it again, or as a fork that takes over what another run has recorded."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.domain.errors import HarnessError, OwnerError
from harness.domain.request import request_of_job
from harness.domain.run import FireKind, RunState
from harness.domain.workspace import Workspace
from harness.ports import Json, Parked, RecordedStep, Steps
from harness.runs.by_hand import check_order
from harness.runs.cancelling import close_if_cancelled
from harness.runs.clock import fire_now
from harness.runs.collecting import Inputs
from harness.runs.plan import RunPlan
from harness.runs.recorded_steps import Fork, ForkedSteps, inputs_of
from harness.runs.recording import last_fork_point, why_no_steps
from harness.runs.services import RunServices
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.database import Database
from harness.store.json_codec import from_json, to_json
from harness.store.records import RunRecord
from harness.store.runs import RunRow, run_by_id


def retry_run(database: Database, workspace: Workspace, run_id: str, now: datetime) -> str:
    """Queue the run's job again, as it is today, with the same inputs and options; return the new run's id.

    Raises OwnerError while the run has not ended, HarnessError if its job is gone.
    """
    source = _ended_run(database, run_id)
    _check_is_of_a_job(source)
    # From the beginning, also if the run had gone on with another one's conversation.
    options = {name: value for name, value in source.options.items() if name != "continues"}
    return _queue(database, workspace, source, options, now)


def fork_run(
    database: Database,
    workspace: Workspace,
    run_id: str,
    now: datetime,
    *,
    from_step: int | None,
    records: Sequence[RecordedStep],
) -> str:
    """Queue a fork of the run and return its id; see `Fork`. `records` are the run's steps.

    Raises OwnerError if the run has not ended, or there is nothing to go on from, HarnessError if its job is
    gone.
    """
    source = _ended_run(database, run_id)
    _check_is_of_a_job(source)
    check_recorded(source, records)
    if from_step is None:
        _check_inputs(source, records)
    else:
        _check_step(source, records, from_step)
    fork = asdict(Fork(run_id, from_step))
    # The person wants it now: a condition that does not hold any more holds nothing up.
    return _queue(database, workspace, source, {**source.options, "force": True, "fork": fork}, now)


def check_recorded(source: RunRow | RunRecord, records: Sequence[RecordedStep]) -> None:
    """Raise OwnerError, with the reason, if nothing is recorded of the run any more, or ever was."""
    if not records:
        raise OwnerError(source.id, None, why_no_steps(source.forgotten_at), f"do it again: {_retry(source)}")


def open_run(services: RunServices, run_id: str, steps: Steps) -> Steps | None:
    """Return the steps that the run takes, with what it takes over if it is a fork.

    None if the run is over before it begins or goes on: it had ended, or somebody wants it cancelled.
    Raises Parked if another executor holds it by now: this one stood still between claiming and starting it.
    """
    with services.database.read() as connection:
        run = run_by_id(connection, run_id)
    if run is None:
        return steps
    leave_to_holder(run, services.owner())
    if run.cancel_reason is not None and run.state is not RunState.ENDED:
        with services.database.write(alone=True) as connection:
            close_if_cancelled(connection, run, services.clock.now())
        return None
    if run.state is RunState.ENDED:
        return None
    if "fork" not in run.options:
        return steps
    fork = from_json(Fork, run.options["fork"])

    def adapt(step: RecordedStep) -> Json:
        return _as_own(services, run, fork.of, step)

    return ForkedSteps(steps, fork, services.recorded(fork.of), adapt)


def leave_to_holder(run: RunRow, executor_id: str) -> None:
    """Raise Parked if another executor holds the run by now: what this one did of it would count for nothing."""
    if run.state is RunState.RUNNING and run.owner not in (None, executor_id):
        raise Parked


# ── What is taken over, under the fork's own name ────────────────────────────────────────────────


def _as_own(services: RunServices, run: RunRow, source_id: str, step: RecordedStep) -> Json:
    match step.kind:
        case "begin":
            return to_json(RunPlan, _own_plan(services, run, from_json(RunPlan, step.value)))
        case "model" if step.value["reply"] is not None:
            # It was paid for by the other run.
            return {**step.value, "reply": {**step.value["reply"], "cost_usd": 0.0}}
        case "tool" if step.value["result"]["file"] is not None:
            return {**step.value, "result": _own_file(services, run, source_id, step.value["result"])}
        case "keep":
            return _own_kept(services, run, source_id, step.value)
        case "only_if":
            # What was seen then must not become what the next run of the schedule compares with.
            return {**step.value, "state": None}
        case _:
            return step.value


def _own_plan(services: RunServices, run: RunRow, recorded: RunPlan) -> RunPlan:
    return replace(
        recorded,
        run_id=run.id,
        due_at=datetime.fromtimestamp(run.due_at, UTC),
        # What is done anew is done now: its digest is not dated back to the run that it is forked from.
        begun_at=services.clock.now(),
        is_preview=bool(run.options.get("preview")),
        # The budgets of the day are held at each call. A plan of an older harness counted them in.
        budget_usd=recorded.job.budget_usd,
    )


def _own_file(services: RunServices, run: RunRow, source_id: str, result: Mapping[str, Any]) -> Json:
    """Return the tool's result with the file of its whole text lying in the fork's own folder."""
    kept = Path(result["file"])
    if kept.parent != services.state.run_folder(source_id) or not kept.is_file():
        return result
    return {**result, "file": str(_copied(services, run, kept))}


def _own_kept(services: RunServices, run: RunRow, source_id: str, kept: Mapping[str, Any]) -> Json:
    """Return what was kept of a conversation, with its files lying in the fork's own folder."""
    for name in kept["files"]:
        file = services.state.run_folder(source_id) / name
        if file.is_file():
            _copied(services, run, file)
    return kept


def _copied(services: RunServices, run: RunRow, kept: Path) -> Path:
    folder = services.state.run_folder(run.id)
    folder.mkdir(parents=True, exist_ok=True)
    own = folder / kept.name
    shutil.copyfile(kept, own)
    return own


# ── Whether there is something to go on from ─────────────────────────────────────────────────────


def _ended_run(database: Database, run_id: str) -> RunRow:
    with database.read() as connection:
        run = run_by_id(connection, run_id)
    if run is None:
        raise HarnessError(f"there is no run {run_id}")
    if run.state is not RunState.ENDED:
        fix = f"wait for its end, or cancel it: harness runs cancel {run_id}"
        raise OwnerError(run_id, None, f"it has not ended, it is {run.state}", fix)
    return run


def _check_is_of_a_job(source: RunRow) -> None:
    """Raise OwnerError for the work on a request: that is over, and nobody waits for another end of it."""
    request_id = request_of_job(source.job_id)
    if request_id is not None:
        problem = f"it worked on request {request_id}, which is over"
        raise OwnerError(source.id, None, problem, f'ask again: harness ask {source.agent} "..."')


def _check_inputs(source: RunRow, records: Sequence[RecordedStep]) -> None:
    collected = next((step for step in inputs_of(records) if step.kind == "collect" and step.failure is None), None)
    if collected is None:
        problem = "it ended before a prompt was assembled, so there is nothing to fork from"
        raise OwnerError(source.id, None, problem, f"do it again: {_retry(source)}")
    try:
        from_json(Inputs, collected.value)
    except ValueError as error:
        problem = "its inputs were recorded by another version of the harness, which kept them differently"
        raise OwnerError(source.id, None, problem, f"do it again: {_retry(source)}") from error


def _check_step(source: RunRow, records: Sequence[RecordedStep], from_step: int) -> None:
    if source.workflow_version != WORKFLOW_VERSION:
        problem = "its steps are those of another version of the harness, whose order is not today's"
        raise OwnerError(source.id, None, problem, f"fork it from its inputs: harness runs fork {source.id}")
    last = last_fork_point(records)
    if not 1 <= from_step <= last:
        problem = f"it cannot be forked from step {from_step}: from step {last} on everything is done anew in any case"
        raise OwnerError(source.id, None, problem, f"name a step from 1 to {last}: harness runs show {source.id}")


def _queue(database: Database, workspace: Workspace, source: RunRow, options: Mapping[str, Any], now: datetime) -> str:
    job = workspace.job(source.job_id)
    check_order(workspace, job, source.inputs, source.options.get("profile"))
    with database.write(alone=True) as connection:
        forked = run_by_id(connection, options["fork"]["of"]) if "fork" in options else None
        if forked is not None and forked.forgotten_at is not None:
            check_recorded(forked, ())  # retention was quicker than the person
        return fire_now(
            connection,
            workspace,
            job,
            now,
            WORKFLOW_VERSION,
            inputs=source.inputs,
            options=options,
            kind=FireKind.RETRY,
            source_run=source.id,
        )


def _retry(source: RunRow | RunRecord) -> str:
    return f"harness runs retry {source.id}"
