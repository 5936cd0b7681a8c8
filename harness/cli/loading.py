"""The workspace for commands that need all of it; what is held back by a bad edit is told on stderr."""

from __future__ import annotations

from harness.cli.failures import UnknownName
from harness.cli.output import note
from harness.cli.place import Place
from harness.domain.agent import Agent
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.workspace import Workspace
from harness.wiring.files import check, load


def load_workspace(place: Place) -> Workspace:
    """Return the workspace, with the last good version of each file that is broken now.

    Raises OwnerError if nothing good was ever seen.
    """
    loaded = load(place.root, place.environ)
    for finding in loaded.findings:
        if finding.severity == "error":
            in_force = " (the last good version is in force)" if finding.path in loaded.held_back else ""
            note(f"{finding}{in_force}")
    return loaded.workspace


def problem_of_job(place: Place, job_id: str) -> OwnerError | None:
    """Return what is wrong with the job's own file, for a job that is there and could not be loaded."""
    agent, _, name = job_id.partition("/")
    path = f"agents/{agent}/jobs/{name}.md"
    for finding in check(place.root):
        if finding.path == path and finding.severity == "error":
            return OwnerError(finding.path, finding.line, finding.problem, finding.fix)
    return None


def find_job(place: Place, workspace: Workspace, job_id: str) -> Job:
    """Return the job. Raises OwnerError if its file is broken, UnknownName with the names that are near."""
    known = {job.id: job for job in workspace.jobs()}
    if job_id not in known:
        problem = problem_of_job(place, job_id)
        raise problem or UnknownName("job", job_id, known, "harness jobs")
    return known[job_id]


def find_agent(workspace: Workspace, name: str) -> Agent:
    """Return the agent. Raises UnknownName with the names that are near."""
    if name not in workspace.agents:
        raise UnknownName("agent", name, list(workspace.agents), "harness agents")
    return workspace.agents[name]
