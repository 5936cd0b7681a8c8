"""`harness runs cancel`, `retry` and `fork`: stopping a run, and doing one over."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event
from typing import Annotated, Any, NoReturn, TextIO

import typer

from harness.cli.completion import run_ids
from harness.cli.failures import DONE, FAILED, TRY_LATER, Misused, UnknownName
from harness.cli.fires import fire_json, outcome_of
from harness.cli.options import JsonOption, RunArgument, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import Place, find_place
from harness.cli.run import end_with, fire_in_ledger, progress_line
from harness.daemon.control_client import NoDaemon, ask, ask_lines
from harness.daemon.wording import when
from harness.domain.request import request_of_job
from harness.domain.run import Fire, FireState
from harness.store.peek import peek
from harness.store.records import RunRecord

_SILENCE_S = 30.0
_LOOKS = 75
_BETWEEN_LOOKS_S = 0.2

CANCEL_EXAMPLES = """\b
Examples:
  harness runs cancel cron:ainews/arxiv:1795101300
  harness runs cancel cron:ainews/arxiv:1795101300 --reason "wrong feeds"

\b
JSON: run, became (cancelled, ended or asked), fire {see ledger}.
Exit code 0 if it is cancelled, also if it was before; 1 if it had ended
otherwise; 75 if whoever is at work on it was asked and has not done so yet."""
RETRY_EXAMPLES = """\b
Examples:
  harness runs retry cron:ainews/arxiv:1795101300

\b
JSON: see harness run. Exit code 0 if delivered, silent or degraded, 1
otherwise, 2 if the run has not ended."""
FORK_EXAMPLES = """\b
Examples:
  harness runs fork cron:ainews/arxiv:1795101300
  harness runs fork cron:ainews/arxiv:1795101300 --step 6

\b
JSON: see harness run. Exit code 0 if delivered, silent or degraded, 1
otherwise, 2 if the run cannot be forked (from there)."""


def cancel_run(
    run: RunArgument,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger.", show_default=False)
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop a run, and deliver nothing of it any more.

    A model call that is under way is broken off within a second. What has been delivered already is named in the
    ledger.
    """
    place = find_place(workspace)
    record = find_run(place, run)
    became = _cancel(place, run, reason)
    if became == "asked":
        became = _wait_until_ended(place, run)
    fire = _fire_at(place, record)
    if became != "asked":
        # What was cancelled before is what was asked for.
        became = "cancelled" if fire.state is FireState.CANCELLED else "ended"
    if as_json:
        emit_json({"run": run, "became": became, "fire": fire_json(fire)})
    else:
        _tell(place, run, became, fire)
    raise typer.Exit({"cancelled": DONE, "asked": TRY_LATER}.get(became, FAILED))


def retry_run(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Do a run's job again, as it is today, with the same inputs.

    It counts in the ledger as a fire of its own, due now. A run that has not ended is not retried: cancel it
    first.
    """
    place = find_place(workspace)

    def here(out: TextIO) -> Fire:
        from harness.daemon.once import retry_once

        return retry_once(place.root, place.environ, run, echo=note, out=out)

    _do_over(place, run, "retry", {}, here, as_json=as_json)


def fork_run(
    run: RunArgument,
    step: Annotated[
        int | None,
        typer.Option(
            "--step", min=1, metavar="N", help="Take over all steps before N, as they were.", show_default=False
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do a run over from what it had recorded.

    Without --step it takes over what was collected then, and does the rest with today's files and model. With
    --step N it takes over job, prompt, answers and tool results as they were, and goes on from step N; harness
    runs show numbers the steps. A fork is a run of its own: it pays, writes and delivers under its own name.
    """
    place = find_place(workspace)

    def here(out: TextIO) -> Fire:
        from harness.daemon.once import fork_once

        return fork_once(place.root, place.environ, run, step, echo=note, out=out)

    _do_over(place, run, "fork", {"from_step": step}, here, as_json=as_json)


def find_run(place: Place, run: str) -> RunRecord:
    """Return the run. Raises UnknownName, with the ids that are near, if there is none."""
    with peek(place.database) as look:
        record = None if look is None else look.run(run)
    if record is None:
        raise UnknownName("run", run, run_ids(place), "harness runs")
    return record


def _do_over(
    place: Place, run: str, verb: str, more: dict[str, Any], here: Callable[[TextIO], Fire], *, as_json: bool
) -> NoReturn:
    record = find_run(place, run)
    _refuse_request(record, verb)
    out = sys.stderr if as_json else sys.stdout
    new_run = ""
    try:
        for answer in ask_lines(place.state, verb, _SILENCE_S, run=run, **more):
            new_run = str(answer["run_id"])
            if not answer.get("done"):
                note(progress_line(new_run, answer))
    except NoDaemon:
        from harness.cli.log_lines import log_lines

        with log_lines():
            fire = here(out)
    else:
        fire = fire_in_ledger(place, new_run)
    end_with(place, fire, is_preview=bool(record.options.get("preview")), as_json=as_json)


def _refuse_request(record: RunRecord, verb: str) -> None:
    """Raise Misused for the work on a request: it has had its one final, and whoever asked would never hear of more."""
    request_id = request_of_job(record.job_id)
    if request_id is None:
        return
    raise Misused(
        f"{record.id} works on request {request_id}, which has one final; for a {verb} of a dead letter: "
        f"harness bus resend {request_id}; otherwise ask again: harness ask {record.job_id.partition('/')[0]}"
    )


def _cancel(place: Place, run: str, reason: str) -> str:
    try:
        return str(ask(place.state, "cancel", _SILENCE_S, run=run, reason=reason)["became"])
    except NoDaemon:
        from harness.cli.log_lines import log_lines
        from harness.daemon.once import cancel_once

        with log_lines():
            return str(cancel_once(place.root, place.environ, run, reason))


def _wait_until_ended(place: Place, run: str) -> str:
    """Wait for whoever is at work on the run; say what became of it."""
    for _ in range(_LOOKS):
        if find_run(place, run).state == "ended":
            return "closed"
        Event().wait(_BETWEEN_LOOKS_S)
    return "asked"


def _fire_at(place: Place, record: RunRecord) -> Fire:
    with peek(place.database) as look:
        fire = None if look is None else look.fire_at(record.job_id, record.due_at)
    if fire is None:
        raise UnknownName("run", record.id, (), "harness runs")
    return fire


def _tell(place: Place, run: str, became: str, fire: Fire) -> None:
    match became:
        case "cancelled":
            say(f"{run} {fire.reason}")
        case "asked":
            note(f"{run} is to be cancelled; who is at work on it does so soon: harness runs show {run}")
        case _ if fire.run_id is not None and fire.run_id != run and fire.state.is_open:
            note(f"{run} has ended; what goes on is {fire.run_id}: harness runs cancel {fire.run_id}")
        case _:
            ended_at = fire.closed_at or datetime.fromtimestamp(0, UTC)
            outcome = outcome_of(fire)
            came_to = f"{fire.state}{f': {outcome}' if outcome else ''}"
            note(f"{run} ended {when(ended_at, place.zone, place.now)}, {came_to}; there is nothing to cancel")
