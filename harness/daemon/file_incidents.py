"""What is wrong in the person's files, as incidents: broken ones, and those that differ between the nodes."""

from __future__ import annotations

from harness.daemon.disk_watch import OpenIncidents
from harness.domain.workspace import Workspace
from harness.runs.expectations import disagreements
from harness.store.database import Database
from harness.workspace.load import Loaded

_OTHER_DATABASE = "file harness.toml: database_url"


class FileIncidents:
    """Keeps one incident for each file that is broken. `database_url` is the setting that the daemon began with."""

    def __init__(self, incidents: OpenIncidents, database_url: str | None) -> None:
        self._incidents = incidents
        self._database_url = database_url

    def tell(self, loaded: Loaded) -> None:
        """Open an incident for each broken file, and close those of files that are sound again."""
        errors = {f"file {finding.path}": str(finding) for finding in loaded.findings if finding.severity == "error"}
        if loaded.workspace.settings.database_url != self._database_url:
            # Commands that only read ask the new one already: this must not stay unsaid.
            errors[_OTHER_DATABASE] = (
                "harness.toml: database_url was changed, and the daemon still works with the one before;"
                " restart it: harness down, then harness up"
            )
        for cause in self._incidents.open_causes("file "):
            if cause not in errors:
                self._incidents.resolve(cause)
        for cause, message in errors.items():
            self._incidents.open(cause, message)


def tell_disagreements(database: Database, workspace: Workspace, incidents: OpenIncidents) -> None:
    """Keep one incident for each job that the daemons of this database have in different words."""
    with database.read() as connection:
        differing = dict(disagreements(connection, workspace))
    for cause in incidents.open_causes("schedule "):
        if cause.removeprefix("schedule ") not in differing:
            incidents.resolve(cause)
    known = set(incidents.open_causes("schedule "))
    for job_id, what in differing.items():
        if f"schedule {job_id}" not in known:
            incidents.open(f"schedule {job_id}", f"{what}; bring the workspaces of all nodes up to date")
