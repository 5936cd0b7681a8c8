"""The workspace for commands that need all of it; what is held back by a bad edit is told on stderr."""

from __future__ import annotations

from harness.cli.completion import job_names
from harness.cli.failures import UnknownName
from harness.cli.output import note
from harness.cli.place import Place
from harness.domain.agent import Agent
from harness.domain.job import Job
from harness.domain.workspace import Workspace
from harness.wiring import load


def load_workspace(place: Place) -> Workspace:
    """Return the workspace, with the last good version of each file that is broken now.

    Raises OwnerError if nothing good was ever seen.
    """
    loaded = load(place.root, place.environ)
    for finding in loaded.findings:
        if finding.severity == "error":
            note(f"{finding} (the last good version is in force)")
    return loaded.workspace


def find_job(workspace: Workspace, job_id: str) -> Job:
    """Return the job. Raises UnknownName with the names that are near."""
    known = {job.id: job for job in workspace.jobs()}
    if job_id not in known:
        raise UnknownName("job", job_id, list(known) or job_names(workspace.root), "harness jobs")
    return known[job_id]


def find_agent(workspace: Workspace, name: str) -> Agent:
    """Return the agent. Raises UnknownName with the names that are near."""
    if name not in workspace.agents:
        raise UnknownName("agent", name, list(workspace.agents), "harness agents")
    return workspace.agents[name]
