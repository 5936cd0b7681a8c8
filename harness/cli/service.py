"""`harness service`: the daemon in the hands of the operating system."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.failures import Misused
from harness.cli.lazy_group import noun_app
from harness.cli.loading import load_workspace
from harness.cli.options import WorkspaceOption
from harness.cli.output import note, write_exactly
from harness.cli.place import find_place
from harness.daemon.units import (
    Service,
    launchd_check_plist,
    launchd_plist,
    systemd_check_timer,
    systemd_check_unit,
    systemd_unit,
)
from harness.workspace.shipped import shipped_workspace

app = noun_app("Have the operating system start the team.")

What = Literal["daemon", "check", "check-timer"]
Manager = Literal["launchd", "systemd"]

_EXAMPLES = """\b
Examples:
  harness service print > ~/.config/systemd/user/agent-team-harness.service
  harness service print --for launchd
  harness service print check           what looks every five minutes
  harness service print check-timer     and, with systemd, what starts that"""


@app.command("print", epilog=_EXAMPLES)
def print_service(
    what: Annotated[
        What,
        typer.Argument(metavar="[daemon|check|check-timer]", help="The daemon, or the check that does not trust it."),
    ] = "daemon",
    target: Annotated[
        Manager | None,
        typer.Option("--for", help="launchd or systemd; without it, what this system has.", show_default=False),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Print the service definition for this system.

    It is for launchd (macOS) or systemd (Linux), with all paths filled in.
    It starts the daemon at log-in and again after a crash, at most once in ten seconds.

    The check asks `harness doctor --overdue` every five minutes. What it finds goes to the system's log
    and onto the screen.
    """
    place = find_place(workspace)
    drain_s = load_workspace(place).settings.drain_s
    service = Service(harness_command(Path(sys.executable)), place.root, place.state.root, drain_s)
    if (target or ("launchd" if sys.platform == "darwin" else "systemd")) == "launchd":
        write_exactly(_for_launchd(what, service))
        note("save it in ~/Library/LaunchAgents/, then: launchctl bootstrap gui/$(id -u) THE_FILE")
    else:
        write_exactly(_for_systemd(what, service))


def _for_launchd(what: What, service: Service) -> str:
    folder = shipped_workspace() / "launchd"
    match what:
        case "daemon":
            return launchd_plist((folder / "agent-team-harness.plist").read_text(encoding="utf-8"), service)
        case "check":
            return launchd_check_plist((folder / "agent-team-harness-check.plist").read_text(encoding="utf-8"), service)
        case "check-timer":
            raise Misused("launchd needs no timer beside the check; print `check` alone")


def _for_systemd(what: What, service: Service) -> str:
    match what:
        case "daemon":
            return systemd_unit(service)
        case "check":
            return systemd_check_unit(service)
        case "check-timer":
            return systemd_check_timer()


def harness_command(python: Path) -> tuple[str, ...]:
    """Return the command of this installation by its full path: the script beside the interpreter, or the module."""
    script = python.parent / "harness"
    return (str(script),) if script.is_file() else (str(python), "-m", "harness")
