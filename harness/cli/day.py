"""`harness day`: one day of the team in virtual time."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from harness.cli.completion import agent_names, check_agent, complete_agent
from harness.cli.failures import DONE, FAILED, Misused
from harness.cli.fires import counts_in_words, fire_json, iso, ledger_lines
from harness.cli.inbox import HEADINGS, Item, all_waiting, item_json
from harness.cli.lazy_group import new_app
from harness.cli.ledger import parse_day
from harness.cli.log_lines import log_lines
from harness.cli.options import AllOption, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import Place, find_place
from harness.cli.progress import RehearsalProgress
from harness.cli.table import table_lines, terminal_width
from harness.domain.run import Fire, FireState
from harness.rehearsal.rehearse_day import RehearsedDay, run_day
from harness.store.address import URL_VARIABLE, file_url

app = new_app()

_FILE_WIDTH = 120
_WRONG = (FireState.FAILED, FireState.MISSED, FireState.CANCELLED)
_EXAMPLES = """\b
Examples:
  harness day
  harness day --agent ainews --agent zoe --out rehearsal
  harness day --date 2026-03-08 --days 2 --world live

\b
JSON: out, zone, is_complete, fires [{see ledger}], agents {agent: {state:
count}}, discrepancies [{job, due_at, problem}], broken [{promise, detail}],
waiting [{see inbox}], digest {markdown, html} or null, ledger, left_out
[{path, why}].
Exit code 0 if every planned fire is in the ledger, and no promise was broken;
1 otherwise."""


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
    broken: Annotated[
        str,
        typer.Option("--broken", metavar="SHARE", help="Break so many of the sample world's hosts, such as 50%."),
    ] = "0%",
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the rehearsal goes.")] = Path("day"),
    show_all: AllOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rehearse a day: every fire, in virtual time, through the code that `harness up` runs.

    It works on a copy of the workspace below DIR, with its own state; the real state stays untouched, nobody
    is sent anything, and in the sample world no model is called: what needs one's judgement says what was
    recorded for it. It ends with the ledger of the day, of several days with what went wrong, and says where
    the digest and the ledger lie.
    """
    place = find_place(workspace)
    for agent in agents or ():
        check_agent(place.root, agent)
    first_day = parse_day(start, place)
    share = _share(broken)
    if share and world == "live":
        raise Misused("--broken breaks hosts of the sample world; leave out --world live")
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
            broken=share,
        )
    ledger = _write_ledger(rehearsed)
    waiting = all_waiting(_place_of(rehearsed, place))
    if as_json:
        emit_json(_document(rehearsed, ledger, waiting))
    else:
        _say_ledger(rehearsed, days, show_all=show_all)
        _say_counts(rehearsed)
        _say_findings(rehearsed)
        _say_waiting(waiting)
        _say_files(rehearsed, ledger, waiting)
    raise typer.Exit(DONE if rehearsed.is_sound else FAILED)


def _share(text: str) -> float:
    found = re.fullmatch(r"(\d{1,3})%", text.strip())
    if found is None or int(found[1]) > 100:
        raise Misused(f"--broken {text!r} is no share of the hosts; write it as 50%")
    return int(found[1]) / 100


def _place_of(rehearsed: RehearsedDay, place: Place) -> Place:
    """Return the rehearsed workspace as a place, at the moment at which the rehearsal ended."""
    environ = {**place.environ, "HARNESS_HOME": str(rehearsed.state.root.absolute())}
    environ[URL_VARIABLE] = file_url(rehearsed.state.database.absolute())
    return Place(rehearsed.workspace, rehearsed.state, environ, rehearsed.report.end, rehearsed.zone)


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


def _say_ledger(rehearsed: RehearsedDay, days: int, *, show_all: bool) -> None:
    """Say every line of one day; of several, unless all is asked for, what went wrong."""
    fires = rehearsed.report.fires
    if days > 1 and not show_all:
        fires = tuple(fire for fire in fires if fire.state in _WRONG)
    for line in ledger_lines(fires, rehearsed.zone, terminal_width(), show_all=show_all):
        say(line)
    if fires:
        say()


def _say_counts(rehearsed: RehearsedDay) -> None:
    fires = rehearsed.report.fires
    rows = [(agent, f"{len(states)} fires", counts_in_words(states)) for agent, states in _by_agent(fires).items()]
    rows += [("all", f"{len(fires)} fires", counts_in_words(fire.state for fire in fires))] if len(rows) != 1 else []
    for line in table_lines(rows, terminal_width()):
        say(line)


def _by_agent(fires: Iterable[Fire]) -> dict[str, list[FireState]]:
    states: dict[str, list[FireState]] = {}
    for fire in sorted(fires, key=lambda fire: fire.job_id):
        states.setdefault(fire.job_id.partition("/")[0], []).append(fire.state)
    return states


def _say_findings(rehearsed: RehearsedDay) -> None:
    for discrepancy in rehearsed.report.discrepancies:
        say(f"NOT IN THE LEDGER AS PLANNED: {discrepancy}")
    for broken in rehearsed.broken:
        say(f"BROKEN PROMISE, {broken}")
    for left_out in rehearsed.left_out:
        note(f"left out of the copy: {left_out}")


def _say_waiting(waiting: Sequence[Item]) -> None:
    """Say what would wait for the person after such a day: how much of each kind."""
    say()
    if not waiting:
        say("nothing waits for you")
        return
    counted = Counter(item.kind for item in waiting)
    rows = [(str(counted[kind]), heading) for kind, heading in HEADINGS.items() if counted[kind]]
    say("waits for you")
    for line in table_lines([("", *row) for row in rows], terminal_width()):
        say(line)


def _say_files(rehearsed: RehearsedDay, ledger: Path, waiting: Sequence[Item]) -> None:
    rows = []
    if rehearsed.page is not None:
        rows += [("digest", str(rehearsed.page)), ("page", f"{rehearsed.page.with_suffix('.html')}")]
    rows.append(("ledger", str(ledger)))
    if waiting:
        look = f"HARNESS_HOME={rehearsed.state.root} harness inbox --workspace {rehearsed.workspace}"
        rows.append(("inbox", look))
    say()
    for line in table_lines(rows, terminal_width()):
        say(line)


def _document(rehearsed: RehearsedDay, ledger: Path, waiting: Sequence[Item]) -> dict[str, object]:
    page = rehearsed.page
    return {
        "out": str(rehearsed.out),
        "zone": rehearsed.zone,
        "is_complete": rehearsed.report.is_complete,
        "fires": [fire_json(fire) for fire in rehearsed.report.fires],
        "agents": {
            agent: {str(state): count for state, count in Counter(states).items()}
            for agent, states in _by_agent(rehearsed.report.fires).items()
        },
        "discrepancies": [
            {"job": each.job_id, "due_at": iso(each.due_at), "problem": each.problem}
            for each in rehearsed.report.discrepancies
        ],
        "broken": [{"promise": each.promise, "detail": each.detail} for each in rehearsed.broken],
        "waiting": [item_json(item) for item in waiting],
        "digest": None if page is None else {"markdown": str(page), "html": str(page.with_suffix(".html"))},
        "ledger": str(ledger),
        "left_out": [{"path": each.path, "why": each.why} for each in rehearsed.left_out],
    }
