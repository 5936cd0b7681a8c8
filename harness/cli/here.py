"""`harness here`: where the person is; jobs with `tz: local` follow."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from harness.cli.failures import Misused
from harness.cli.fires import iso
from harness.cli.lazy_group import new_app
from harness.cli.loading import load_workspace
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width
from harness.daemon.wording import local_time
from harness.domain.errors import OwnerError, TransientError
from harness.domain.job import Job
from harness.domain.settings import Here, Settings
from harness.domain.workspace import Workspace
from harness.schedule.exclusions import next_run
from harness.wiring.files import load
from harness.workspace.find import SETTINGS_FILE
from harness.workspace.here_table import write_here
from harness.workspace.quantities import BadValue, parse_date
from harness.workspace.whereabouts import end_of, holds, person_zone
from harness.workspace.zones import parse_zone

app = new_app()

_HOME = "home"
_EXAMPLES = """\b
Examples:
  harness here
  harness here Asia/Tokyo --until 2026-12-05
  harness here home

\b
JSON: zone, home, is_home, until (a date or null), ends_at,
jobs [{job, next_due}]."""


@app.command(epilog=_EXAMPLES)
def here(
    zone: Annotated[
        str | None,
        typer.Argument(metavar="ZONE", help="An IANA time zone, or home.", show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DAY", help="The last day there, YYYY-MM-DD.", show_default=False),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="You are home again; the same as: harness here home.")] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where you are, or say it: jobs with `tz: local` follow.

    It is written into harness.toml, where you may write it as well: [here] with zone and until. After the
    last day the jobs come home by themselves. A running team follows at once.
    """
    place = find_place(workspace)
    if clear and (until is not None or zone not in (None, _HOME)):
        raise Misused("--clear takes you home; leave out the zone and --until")
    if clear or zone == _HOME:
        if until is not None:
            raise Misused("home has no last day; leave out --until")
        _write(place, None)
    elif zone is not None or until is not None:
        _write(place, _wanted(place, zone, until))
    found = load_workspace(place)
    if as_json:
        emit_json(_document(found, place))
    else:
        _show(found, place)


def _wanted(place: Place, zone: str | None, until: str | None) -> Here:
    """Return the place that is meant; `--until` alone changes the last day of the present one."""
    present = load_workspace(place).settings.here
    if zone is None and (present is None or not holds(present, place.now)):
        raise Misused("you are home; name the zone in which you are until then")
    try:
        name = parse_zone(zone) if zone is not None or present is None else present.zone
        last = None if until is None else parse_date(until)
    except BadValue as error:
        raise Misused(str(error)) from error
    if last is not None and last < place.now.astimezone(ZoneInfo(name)).date():
        raise Misused(f"{last} is over in {name}; name the last day there, or leave --until out")
    return Here(name, last)


def _write(place: Place, here: Here | None) -> None:
    """Write it down, and see that it is in force."""
    write_here(place.root / SETTINGS_FILE, here)
    loaded = load(place.root, place.environ, now=place.now)
    if loaded.workspace.settings.here == here:
        return
    finding = next((finding for finding in loaded.errors if finding.path in (SETTINGS_FILE, *loaded.held_back)), None)
    if finding is None:
        raise TransientError(f"{SETTINGS_FILE} was changed by someone else at the same moment; say it again")
    problem = f"{finding.problem} (where you are is written down, and not in force before this is right)"
    raise OwnerError(finding.path, finding.line, problem, finding.fix)


def _document(workspace: Workspace, place: Place) -> dict[str, Any]:
    settings = workspace.settings
    away = _away(settings, place)
    return {
        "zone": person_zone(settings, place.now),
        "home": settings.home_zone,
        "is_home": away is None,
        "until": None if away is None or away.until is None else away.until.isoformat(),
        "ends_at": None if away is None else iso(end_of(away)),
        "jobs": [
            {"job": job.id, "next_due": iso(next_run(job, workspace.calendars, place.now).due_at)}
            for job in _followers(workspace)
        ],
    }


def _show(workspace: Workspace, place: Place) -> None:
    settings = workspace.settings
    away = _away(settings, place)
    if away is None:
        say(f"you are home, in {settings.home_zone}")
    else:
        last = "" if away.until is None else f" until {_day(away.until)}"
        say(f"you are in {away.zone}{last}; home is {settings.home_zone}")
    followers = _followers(workspace)
    if not followers:
        say("no job follows: none says `tz: local`")
        return
    say("1 job follows:" if len(followers) == 1 else f"{len(followers)} jobs follow:")
    zone = person_zone(settings, place.now)
    rows = []
    for job in followers:
        upcoming = next_run(job, workspace.calendars, place.now).due_at
        rows.append((job.id, "never again" if upcoming is None else local_time(upcoming, zone, place.now)))
    for line in table_lines(rows, terminal_width(), ("job", "next, by your clock")):
        say(f"  {line}")


def _away(settings: Settings, place: Place) -> Here | None:
    return settings.here if settings.here is not None and holds(settings.here, place.now) else None


def _followers(workspace: Workspace) -> list[Job]:
    return [job for job in workspace.jobs() if job.follows_person]


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"
