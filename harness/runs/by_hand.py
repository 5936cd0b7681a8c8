"""Runs that the person asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from harness.domain.errors import HarnessError, OwnerError
from harness.domain.job import Job
from harness.domain.run import Fire
from harness.domain.workspace import Workspace
from harness.runs.clock import fire_now
from harness.runs.workflow_version import WORKFLOW_VERSION
from harness.store.database import Database
from harness.store.fires import fire_at
from harness.store.runs import run_by_id


def start_by_hand(
    database: Database,
    workspace: Workspace,
    job_id: str,
    now: datetime,
    *,
    inputs: Mapping[str, str],
    profile: str | None = None,
    preview: bool = False,
    force: bool = False,
) -> str:
    """Queue one run of the job now and return its id.

    `inputs` stand in for what the job reads: by a whole entry, or by what stands before its slash. With
    `force` it runs also where a condition of the job does not hold.
    Raises HarnessError for a job, OwnerError for an input or a profile that does not exist.
    """
    job = workspace.job(job_id)
    check_order(workspace, job, inputs, profile)
    options: dict[str, object] = {"profile": profile, "preview": preview, "force": force}
    with database.write(alone=True) as connection:
        return fire_now(connection, workspace, job, now, WORKFLOW_VERSION, inputs=dict(inputs), options=options)


def check_order(workspace: Workspace, job: Job, inputs: Mapping[str, str], profile: str | None) -> None:
    """Raise OwnerError for an input that the job does not read, or a profile that does not exist."""
    known = {*job.inputs, *(read.partition("/")[0] for read in job.inputs)}
    for name in inputs:
        if name not in known:
            fix = f"it reads: {', '.join(job.inputs)}" if job.inputs else "it reads nothing; leave --input out"
            raise OwnerError(job.path, None, f"{job.id} has no input {name!r}", fix)
    if profile is not None and profile not in workspace.settings.profiles:
        there_are = ", ".join(sorted(workspace.settings.profiles)) or "none"
        raise OwnerError("harness.toml", None, f"there is no profile {profile!r}", f"there are: {there_are}")


def fire_for(database: Database, run_id: str) -> Fire:
    """Return the run's fire as it stands now, also if it has another run meanwhile.

    Raises HarnessError if there is none.
    """
    with database.read() as connection:
        run = run_by_id(connection, run_id)
        fire = None if run is None else fire_at(connection, run.job_id, run.due_at)
    if fire is None:
        raise HarnessError(f"there is no run {run_id}")
    return fire
