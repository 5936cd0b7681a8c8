"""The workspace for commands that need all of it; what is held back by a bad edit is told on stderr."""

from __future__ import annotations

from harness.cli.failures import UnknownName
from harness.cli.output import note
from harness.cli.place import Place
from harness.domain.agent import Agent
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.workspace import Workspace
from harness.wiring.files import load
from harness.workspace.load import Loaded


def load_workspace(place: Place) -> Workspace:
    """Return the workspace, with the last good version of each file that is broken now.

    Raises OwnerError if nothing good was ever seen.
    """
    return load_whole(place).workspace


def load_whole(place: Place) -> Loaded:
    """Return the workspace with what is wrong with it, as `load_workspace` does."""
    loaded = load(place.root, place.environ, now=place.now)
    _tell(loaded)
    return loaded


def find_job(place: Place, job_id: str) -> Job:
    """Return the job. Raises OwnerError if a file keeps it from being used, else UnknownName with what is near."""
    return find_job_of(place, job_id)[1]


def find_job_of(place: Place, job_id: str) -> tuple[Workspace, Job]:
    """Return the job and the workspace that it is of, as `find_job` does."""
    loaded = load(place.root, place.environ, now=place.now)
    known = {job.id: job for job in loaded.workspace.jobs()}
    if job_id not in known:
        raise problem_of_job(loaded, job_id) or UnknownName("job", job_id, known, "harness jobs")
    _tell(loaded)
    return loaded.workspace, known[job_id]


def problem_of_job(loaded: Loaded, job_id: str) -> OwnerError | None:
    """Return what is wrong with the files of a job that is not in force: its own, or those of its agent."""
    agent, _, name = job_id.partition("/")
    folder = f"agents/{agent}"
    own = f"{folder}/jobs/{name}.md"
    for path in (own, f"{folder}/agent.toml", f"{folder}/SOUL.md", f"{folder}/AGENTS.md", folder):
        for finding in loaded.errors:
            if finding.path == path and (loaded.workspace.root / own).exists():
                return OwnerError(finding.path, finding.line, finding.problem, finding.fix)
    return None


def _tell(loaded: Loaded) -> None:
    for finding in loaded.errors:
        in_force = " (the last good version is in force)" if finding.path in loaded.held_back else ""
        note(f"{finding}{in_force}")


def find_agent(workspace: Workspace, name: str) -> Agent:
    """Return the agent. Raises UnknownName with the names that are near."""
    if name not in workspace.agents:
        raise UnknownName("agent", name, list(workspace.agents), "harness agents")
    return workspace.agents[name]
