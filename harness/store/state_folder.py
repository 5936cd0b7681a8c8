"""Where runtime state lives: `.harness/` of the workspace, or wherever HARNESS_HOME says.

Standard library only: fast commands import this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.domain.run import FireKind, begun_as

REQUESTS = "@requests"
"""Where the folders of runs lie that worked on a request; no agent can be called so."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The paths of the runtime state; nothing here touches the disk but `create`."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "harness.db"

    @property
    def heartbeat(self) -> Path:
        return self.root / "heartbeat"

    @property
    def lock(self) -> Path:
        return self.root / "daemon.lock"

    @property
    def control_socket(self) -> Path:
        return self.root / "control.sock"

    @property
    def audit_log(self) -> Path:
        return self.root / "audit.jsonl"

    @property
    def audit_archive(self) -> Path:
        """Where the older files of the audit log lie."""
        return self.root / "audit"

    @property
    def executor_id(self) -> Path:
        return self.root / "executor-id"

    @property
    def node_name(self) -> Path:
        return self.root / "node-name"

    @property
    def on_hold(self) -> Path:
        """While this file is there nothing starts here; it says why."""
        return self.root / "on-hold"

    @property
    def last_good(self) -> Path:
        return self.root / "last-good"

    @property
    def memory_index(self) -> Path:
        return self.root / "index.db"

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def run_folder(self, run_id: str) -> Path:
        """Return the folder for the artifacts of one run; the id's separators become folders.

        A run that goes on with another one works in its folder, where what it has read and made lies.
        """
        kind, _, rest = begun_as(run_id).partition(":")
        job_id, _, due = rest.rpartition(":")
        of_request = (REQUESTS,) if kind == FireKind.BUS else ()
        return self.artifacts.joinpath(*of_request, job_id, f"{due}-{kind}")

    def create(self) -> None:
        """Make the folder, readable by its owner only."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)


def state_folder(workspace: Path, environ: Mapping[str, str]) -> StateFolder:
    """Return the state folder of a workspace."""
    home = environ.get("HARNESS_HOME")
    return StateFolder(Path(home).expanduser().absolute() if home else workspace.absolute() / ".harness")
