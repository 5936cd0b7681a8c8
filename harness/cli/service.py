"""`harness service`: the daemon in the hands of the operating system."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.lazy_group import noun_app
from harness.cli.options import WorkspaceOption
from harness.cli.output import note, write_exactly
from harness.cli.place import find_place
from harness.daemon.units import Service, launchd_plist, systemd_unit
from harness.workspace.shipped import shipped_workspace

app = noun_app("Have the operating system start the team.")

_EXAMPLES = """\b
Examples:
  harness service print > ~/.config/systemd/user/agent-team-harness.service
  harness service print --for launchd"""


@app.command("print", epilog=_EXAMPLES)
def print_service(
    target: Annotated[
        Literal["launchd", "systemd"] | None,
        typer.Option("--for", help="launchd or systemd; without it, what this system has.", show_default=False),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Print the service definition for this system.

    It is for launchd (macOS) or systemd (Linux), with all paths filled in.
    It starts the daemon at log-in and again after a crash, at most once in ten seconds.
    """
    place = find_place(workspace)
    service = Service(harness_command(Path(sys.executable)), place.root, place.state.root)
    if (target or ("launchd" if sys.platform == "darwin" else "systemd")) == "launchd":
        template = (shipped_workspace() / "launchd" / "agent-team-harness.plist").read_text(encoding="utf-8")
        write_exactly(launchd_plist(template, service))
        note("save it in ~/Library/LaunchAgents/, then: launchctl bootstrap gui/$(id -u) THE_FILE")
    else:
        write_exactly(systemd_unit(service))


def harness_command(python: Path) -> tuple[str, ...]:
    """Return the command of this installation by its full path: the script beside the interpreter, or the module."""
    script = python.parent / "harness"
    return (str(script),) if script.is_file() else (str(python), "-m", "harness")
