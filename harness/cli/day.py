"""`harness day`: one day of the team in virtual time."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.completion import agent_names, check_agent, complete_agent
from harness.cli.failures import DONE, FAILED
from harness.cli.fires import counts_in_words, fire_json, iso, ledger_lines
from harness.cli.lazy_group import new_app
from harness.cli.ledger import parse_day
from harness.cli.log_lines import log_lines
from harness.cli.options import AllOption, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import find_place
from harness.cli.progress import RehearsalProgress
from harness.cli.table import table_lines, terminal_width
from harness.rehearsal.rehearse_day import RehearsedDay, run_day

app = new_app()

_FILE_WIDTH = 120
_EXAMPLES = """\b
Examples:
  harness day
  harness day --agent ainews --agent zoe --out rehearsal
  harness day --date 2026-03-08 --days 2 --world live

\b
JSON: out, zone, is_complete, fires [{see ledger}], discrepancies [{job,
due_at, problem}], digest {markdown, html} or null, ledger, left_out [{path,
why}].
Exit code 0 if every planned fire is in the ledger, 1 otherwise."""


@app.command(epilog=_EXAMPLES)
def day(
    start: Annotated[
        str, typer.Option("--date", metavar="DAY", help="The first day: YYYY-MM-DD, today or yesterday.")
    ] = "today",
    days: Annotated[int, typer.Option("--days", min=1, max=31, metavar="N", help="How many days.")] = 1,
    agents: Annotated[
        list[str] | None,
        typer.Option(
            "--agent",
            metavar="AGENT",
            help="Only this agent; repeatable.",
            autocompletion=complete_agent,
            show_default=False,
        ),
    ] = None,
    world: Annotated[
        Literal["sample", "live"],
        typer.Option("--world", help="sample: a small world of feeds on this machine; live: the network."),
    ] = "sample",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the rehearsal goes.")] = Path("day"),
    show_all: AllOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rehearse a day: every fire, in virtual time, through the code that `harness up` runs.

    It works on a copy of the workspace below DIR, with its own state; the real state stays untouched. It
    ends with the ledger of the day, and says where the digest and the ledger lie.
    """
    place = find_place(workspace)
    for agent in agents or ():
        check_agent(place.root, agent)
    first_day = parse_day(start, place)
    team = ", ".join(agents or agent_names(place.root))
    note(f"rehearsing {_span(first_day, days)} of {team} in {out} ({world} world)")
    with RehearsalProgress(place.zone) as progress, log_lines():
        rehearsed = run_day(
            place.root,
            out=out,
            day=first_day,
            days=days,
            agents=agents or (),
            world=world,
            environ=place.environ,
            progress=progress,
        )
    ledger = _write_ledger(rehearsed)
    if as_json:
        emit_json(_document(rehearsed, ledger))
    else:
        _say_report(rehearsed, ledger, show_all=show_all)
    raise typer.Exit(DONE if rehearsed.report.is_complete else FAILED)


def _span(first_day: date, days: int) -> str:
    return first_day.isoformat() if days == 1 else f"{days} days from {first_day.isoformat()}"


def _write_ledger(rehearsed: RehearsedDay) -> Path:
    """Keep every line of the ledger beside the rehearsal, for people and for programs."""
    path = rehearsed.out / "ledger.txt"
    fires = rehearsed.report.fires
    lines = ledger_lines(fires, rehearsed.zone, _FILE_WIDTH, show_all=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    document = json.dumps([fire_json(fire) for fire in fires], ensure_ascii=False, indent=1)
    path.with_suffix(".json").write_text(document + "\n", encoding="utf-8")
    return path


def _say_report(rehearsed: RehearsedDay, ledger: Path, *, show_all: bool) -> None:
    width = terminal_width()
    report = rehearsed.report
    for line in ledger_lines(report.fires, rehearsed.zone, width, show_all=show_all):
        say(line)
    say(f"\n{len(report.fires)} fires: {counts_in_words(fire.state for fire in report.fires)}")
    for discrepancy in report.discrepancies:
        say(f"NOT IN THE LEDGER AS PLANNED: {discrepancy}")
    for left_out in rehearsed.left_out:
        note(f"left out of the copy: {left_out}")
    rows = []
    if rehearsed.page is not None:
        rows += [("digest", str(rehearsed.page)), ("page", f"{rehearsed.page.with_suffix('.html')}")]
    say()
    for line in table_lines([*rows, ("ledger", str(ledger))], width):
        say(line)


def _document(rehearsed: RehearsedDay, ledger: Path) -> dict[str, object]:
    page = rehearsed.page
    return {
        "out": str(rehearsed.out),
        "zone": rehearsed.zone,
        "is_complete": rehearsed.report.is_complete,
        "fires": [fire_json(fire) for fire in rehearsed.report.fires],
        "discrepancies": [
            {"job": each.job_id, "due_at": iso(each.due_at), "problem": each.problem}
            for each in rehearsed.report.discrepancies
        ],
        "digest": None if page is None else {"markdown": str(page), "html": str(page.with_suffix(".html"))},
        "ledger": str(ledger),
        "left_out": [{"path": each.path, "why": each.why} for each in rehearsed.left_out],
    }
