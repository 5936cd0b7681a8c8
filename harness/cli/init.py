"""`harness init`: a workspace of one's own."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from zoneinfo import available_timezones

import typer

from harness.cli.failures import Misused
from harness.cli.lazy_group import new_app
from harness.cli.output import is_terminal, note, say
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.quantities import BadValue
from harness.workspace.shipped import check_target, write_workspace
from harness.workspace.zones import parse_zone

app = new_app()

_FALLBACK_ZONE = "America/Los_Angeles"
_EXAMPLES = """\b
Examples:
  harness init my-team
  harness init my-team --home-zone Europe/Berlin
  harness init my-team --empty"""


@app.command(epilog=_EXAMPLES)
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", show_default=False)],
    home_zone: Annotated[
        str | None,
        typer.Option(
            "--home-zone",
            metavar="ZONE",
            help="Your time zone, such as Europe/Berlin; asked for on a terminal, otherwise this machine's.",
            show_default=False,
        ),
    ] = None,
    is_empty: Annotated[
        bool, typer.Option("--empty/--team", help="With one small agent to begin with, or with the team of six.")
    ] = False,
) -> None:
    """Write out a workspace: a team of agents as Markdown files, yours to edit.

    Nothing in it costs money: it works without a model, until you name one in harness.toml.
    """
    root = folder.expanduser().absolute()
    check_target(root)
    zone = _checked_zone(home_zone or _ask_zone(system_zone(os.environ, Path("/etc"))))
    write_workspace(root, zone, is_empty=is_empty)
    say(f"{root}: a workspace, home time zone {zone}")
    if is_empty:
        note("one agent to begin with: agents/scout. agents/README.md says which files make another")
    note(
        f"\nNext:\n  cd {shlex.quote(str(folder))}\n  harness day      see one day of it, in a minute\n"
        "  harness check    after every edit\n  harness up       let it work"
    )


def system_zone(environ: Mapping[str, str], etc: Path) -> str | None:
    """Return the IANA name of this machine's time zone, as far as it says: TZ, /etc/localtime, /etc/timezone."""
    candidates = [environ.get("TZ", "").lstrip(":")]
    localtime, timezone = etc / "localtime", etc / "timezone"
    if localtime.is_symlink():
        candidates.append(str(localtime.readlink()).rpartition("zoneinfo/")[2])
    if timezone.is_file():
        candidates.append(timezone.read_text(encoding="utf-8", errors="replace").strip())
    zones = available_timezones()
    return next((zone for zone in candidates if "/" in zone and zone in zones), None)


def _ask_zone(detected: str | None) -> str:
    if is_terminal(sys.stdin) and is_terminal(sys.stderr):
        return str(typer.prompt("Your home time zone", default=detected or _FALLBACK_ZONE, err=True))
    zone = detected or _FALLBACK_ZONE
    note(f"home time zone: {zone} (change it in {SETTINGS_FILE}, or give --home-zone)")
    return zone


def _checked_zone(zone: str) -> str:
    try:
        return parse_zone(zone)
    except BadValue as error:
        raise Misused(str(error)) from error
