"""The team as the bus sees it: the workspace in force, and the version of the workflow that its runs are queued for."""

from __future__ import annotations

from harness.bus.team import Team
from harness.domain.workspace import Workspace
from harness.runs.wall_clock import WallClock
from harness.runs.workflow_version import WORKFLOW_VERSION


def team_of(workspace: Workspace) -> Team:
    """Return what the bus must know of the team; files are stamped by the wall's clock, also in virtual time."""
    return Team(workspace, WORKFLOW_VERSION, files_now=WallClock().now())
