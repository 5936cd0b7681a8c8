"""`harness ledger`: planned against actual, a line a fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from harness.cli.bus_lines import first_line
from harness.cli.completion import check_agent
from harness.cli.failures import Misused
from harness.cli.fires import ABANDONED, counts_in_words, fire_json, iso, ledger_lines, local_day
from harness.cli.lazy_group import new_app
from harness.cli.options import AgentFilter, AllOption, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width, wrap
from harness.daemon.nodes import liveness_now
from harness.daemon.overdue import overdue_jobs
from harness.daemon.wording import ago, local_time
from harness.domain.request import request_of_job
from harness.domain.run import Fire
from harness.store.peek import Peek, peek

app = new_app()

_TASK_CHARS = 60

_EXAMPLES = """\b
Examples:
  harness ledger
  harness ledger --date yesterday --agent ainews
  harness ledger --all --json | jq '.fires[] | select(.state == "failed")'

\b
JSON: date, zone, fires [{job, due_at, kind, state, run, reason, closed_at,
artifact, items, gaps}], abandoned [run], overdue [{job, since}], counts
{state: count}."""


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
    read = _read(place, chosen, agent)
    if as_json:
        emit_json(_document(place, chosen, read))
    elif not read.fires and not read.overdue:
        has_ledger = "nothing fired" if read.has_ledger else "no run yet: nothing was planned"
        say(f"{has_ledger} on {chosen.isoformat()} ({place.zone})")
    else:
        _say(place, read, show_all=show_all)


@dataclass(frozen=True, slots=True)
class _Day:
    """What the ledger says of one day. `abandoned` are the runs of open fires that nobody is at work on, `asked` says
    by job id what was asked for where the fire is the work on a request."""

    has_ledger: bool = False
    fires: tuple[Fire, ...] = ()
    abandoned: tuple[str, ...] = ()
    overdue: tuple[tuple[str, datetime], ...] = ()
    asked: Mapping[str, str] = field(default_factory=dict)


def _read(place: Place, day: date, agent: str | None) -> _Day:
    with peek(place.database) as look:
        if look is None:
            return _Day()
        liveness = liveness_now(place.state, look, place.now)
        fires = tuple(fire for fire in look.fires_between(*local_day(day, place.zone)) if agent in (None, fire.agent))
        open_fires = look.open_fires()
        planned = look.planned_jobs()
        asked = _asked(look, fires)
    runs = {fire.run_id for fire in fires}
    abandoned = (
        entry.fire.run_id
        for entry in open_fires
        if not liveness.holds(entry.owner) and not entry.fire.waits_for_answers
    )
    overdue = overdue_jobs(planned.values(), liveness, place.now) if day == _today(place) else ()
    return _Day(
        True,
        fires,
        tuple(run_id for run_id in abandoned if run_id is not None and run_id in runs),
        tuple((job_id, slot) for job_id, slot in overdue if agent is None or job_id.startswith(f"{agent}/")),
        asked,
    )


def _asked(look: Peek, fires: Sequence[Fire]) -> dict[str, str]:
    ids = {fire.job_id: request_id for fire in fires if (request_id := request_of_job(fire.job_id)) is not None}
    records = look.requests.named(tuple(dict.fromkeys(ids.values())))
    return {
        job_id: f'"{first_line(records[request_id].task, _TASK_CHARS)}" for {records[request_id].sender}'
        for job_id, request_id in ids.items()
        if request_id in records
    }


def _say(place: Place, read: _Day, *, show_all: bool) -> None:
    width = terminal_width()
    for line in ledger_lines(
        read.fires, place.zone, width, show_all=show_all, abandoned=read.abandoned, asked=read.asked
    ):
        say(line)
    rows = [
        (local_time(moment, place.zone, place.now), job_id, "OVERDUE", f"{ago(moment, place.now)}: nothing fired it")
        for job_id, moment in read.overdue
    ]
    for line in table_lines(rows, width):
        say(line)
    kept = [fire.state for fire in read.fires if fire.run_id not in read.abandoned]
    counts = [counts_in_words(kept)] if kept or not read.abandoned else []
    counts += [f"{len(read.abandoned)} {ABANDONED}: harness up goes on with them"] if read.abandoned else []
    counts += [f"{len(read.overdue)} OVERDUE"] if read.overdue else []
    say()
    for line in wrap(", ".join(counts), terminal_width()):
        say(line)


def _document(place: Place, day: date, read: _Day) -> dict[str, Any]:
    counts: dict[str, int] = {}
    for fire in read.fires:
        counts[str(fire.state)] = counts.get(str(fire.state), 0) + 1
    return {
        "date": day.isoformat(),
        "zone": place.zone,
        "fires": [fire_json(fire) for fire in read.fires],
        "abandoned": list(read.abandoned),
        "overdue": [{"job": job_id, "since": iso(moment)} for job_id, moment in read.overdue],
        "counts": counts,
    }


def parse_day(text: str, place: Place, option: str = "--date") -> date:
    """Return the day that the person means with the option. Raises Misused for what is no day."""
    match text:
        case "today":
            return _today(place)
        case "yesterday":
            return _today(place) - timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Misused(f"{option} {text!r} is no day; write YYYY-MM-DD, today or yesterday") from error


def _today(place: Place) -> date:
    return place.now.astimezone(ZoneInfo(place.zone)).date()
