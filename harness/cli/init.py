"""`harness init`: a workspace of one's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

import tomlkit
import typer

from harness.cli.failures import Misused, UnknownName
from harness.cli.lazy_group import new_app
from harness.cli.output import is_terminal, note, say
from harness.cli.shipped import shipped_files, shipped_workspace
from harness.workspace.find import SETTINGS_FILE

app = new_app()

_FALLBACK_ZONE = "America/Los_Angeles"
_EXAMPLES = """\b
Examples:
  harness init my-team
  harness init my-team --home-zone Europe/Berlin"""


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
) -> None:
    """Write out a workspace: a team of agents as Markdown files, yours to edit.

    Nothing in it costs money: it works without a model, until you name one in harness.toml.
    """
    root = folder.expanduser().absolute()
    if (root / SETTINGS_FILE).exists():
        raise Misused(f"{root} is a workspace already; name another folder")
    zone = _checked_zone(home_zone or _ask_zone(system_zone(os.environ, Path("/etc"))))
    source = shipped_workspace()
    for relative in shipped_files(source):
        # harness.toml makes it a workspace, so it comes last: what broke off before can be begun again.
        if relative != Path(SETTINGS_FILE):
            _write_once(root / relative, (source / relative).read_bytes())
    _write_once(root / ".gitignore", b".harness/\n")
    settings = tomlkit.parse((source / SETTINGS_FILE).read_text(encoding="utf-8"))
    settings["home"] = zone
    _write_once(root / SETTINGS_FILE, tomlkit.dumps(settings).encode())
    say(f"{root}: a workspace, home time zone {zone}")
    note(
        f"\nNext:\n  cd {folder}\n  harness day      see one day of it, in a minute\n"
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
    known = available_timezones()
    if zone not in known:
        # Most people know the city and not the continent.
        of_city = [name for name in known if name.rpartition("/")[2].casefold() == zone.replace(" ", "_").casefold()]
        raise UnknownName("time zone", zone, of_city or sorted(known), "an IANA name such as Europe/Berlin")
    return ZoneInfo(zone).key


def _write_once(path: Path, content: bytes) -> None:
    if path.exists():
        if path.read_bytes() == content or path.name == ".gitignore":
            return
        raise Misused(f"{path} is there already and is different; name another folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
