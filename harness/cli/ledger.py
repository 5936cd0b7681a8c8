"""`harness ledger`: planned against actual, a line a fire."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from harness.cli.completion import check_agent
from harness.cli.failures import Misused
from harness.cli.fires import counts_in_words, fire_json, iso, ledger_lines, local_day
from harness.cli.lazy_group import new_app
from harness.cli.options import AgentFilter, AllOption, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width
from harness.daemon.liveness import daemon_liveness
from harness.daemon.overdue import overdue_jobs
from harness.daemon.wording import ago, local_time
from harness.domain.run import Fire
from harness.store.heartbeat import read_heartbeat
from harness.store.peek import peek
from harness.store.records import PlannedJob

app = new_app()

_EXAMPLES = """\b
Examples:
  harness ledger
  harness ledger --date yesterday --agent ainews
  harness ledger --all --json | jq '.fires[] | select(.state == "failed")'

\b
JSON: date, zone, fires [{job, due_at, kind, state, run, reason, closed_at,
artifact, items, gaps}], overdue [{job, since}], counts {state: count}."""


@app.command(epilog=_EXAMPLES)
def ledger(
    day: Annotated[
        str, typer.Option("--date", metavar="DAY", help="YYYY-MM-DD, today or yesterday, in the home time zone.")
    ] = "today",
    agent: AgentFilter = None,
    show_all: AllOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what was planned on a day and what became of it.

    Every fire ends in one state: delivered, silent, degraded, failed, missed, skipped or cancelled.
    What a job did many times without anything to show stands in one line unless --all is given.
    """
    place = find_place(workspace)
    chosen = parse_day(day, place)
    check_agent(place.root, agent)
    fires, planned = _read(place, chosen, agent)
    overdue = _overdue(place, planned or {}, agent) if chosen == _today(place) else []
    if as_json:
        counts: dict[str, int] = {}
        for fire in fires:
            counts[str(fire.state)] = counts.get(str(fire.state), 0) + 1
        emit_json(
            {
                "date": chosen.isoformat(),
                "zone": place.zone,
                "fires": [fire_json(fire) for fire in fires],
                "overdue": [{"job": job_id, "since": iso(moment)} for job_id, moment in overdue],
                "counts": counts,
            }
        )
        return
    if not fires and not overdue:
        has_ledger = "nothing fired" if planned is not None else "no run yet: nothing was planned"
        say(f"{has_ledger} on {chosen.isoformat()} ({place.zone})")
        return
    width = terminal_width()
    for line in ledger_lines(fires, place.zone, width, show_all=show_all):
        say(line)
    rows = [
        (local_time(moment, place.zone, place.now), job_id, "OVERDUE", f"{ago(moment, place.now)}: nothing fired it")
        for job_id, moment in overdue
    ]
    for line in table_lines(rows, width):
        say(line)
    say(f"\n{counts_in_words(fire.state for fire in fires)}{f', {len(overdue)} OVERDUE' if overdue else ''}")


def parse_day(text: str, place: Place) -> date:
    """Return the day that the person means. Raises Misused for what is no day."""
    match text:
        case "today":
            return _today(place)
        case "yesterday":
            return _today(place) - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Misused(f"--date {text!r} is no day; write YYYY-MM-DD, today or yesterday") from error


def _today(place: Place) -> date:
    return place.now.astimezone(ZoneInfo(place.zone)).date()


def _read(place: Place, day: date, agent: str | None) -> tuple[list[Fire], dict[str, PlannedJob] | None]:
    with peek(place.database) as look:
        if look is None:
            return [], None
        fires = look.fires_between(*local_day(day, place.zone))
        return [fire for fire in fires if agent in (None, fire.agent)], look.planned_jobs()


def _overdue(place: Place, planned: dict[str, PlannedJob], agent: str | None) -> list[tuple[str, datetime]]:
    liveness = daemon_liveness(read_heartbeat(place.state.heartbeat), place.now)
    overdue = overdue_jobs(planned.values(), liveness, place.now)
    return [(job_id, slot) for job_id, slot in overdue if agent is None or job_id.startswith(f"{agent}/")]
