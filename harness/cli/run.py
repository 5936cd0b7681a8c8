"""`harness run`: one job now, through the daemon if one is up, otherwise here."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO

import typer

from harness.cli.completion import complete_profile, job_names
from harness.cli.failures import DONE, FAILED, TRY_LATER, Misused, UnknownName
from harness.cli.fires import artifact_path, fire_json, outcome_of
from harness.cli.lazy_group import new_app
from harness.cli.options import JobArgument, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say, write_exactly
from harness.cli.place import Place, find_place
from harness.daemon.control_client import NoDaemon, ask_lines
from harness.domain.errors import HarnessError
from harness.domain.pause import why_paused
from harness.domain.run import Fire, FireState
from harness.store.peek import peek

app = new_app()

_SILENCE_S = 30.0
_EXAMPLES = """\b
Examples:
  harness run ainews/morning-digest
  harness run ainews/morning-digest --preview
  harness run ainews/morning-digest --input feeds=saved-feed.xml

\b
JSON: job, due_at, kind, state, run, reason, closed_at, artifact, items, gaps.
Exit code 0 if delivered, silent or degraded, 1 otherwise."""


@app.command(epilog=_EXAMPLES)
def run(
    job: JobArgument,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=VALUE",
            help="Read VALUE, a file or an address, in place of the job's NAME; repeatable.",
            show_default=False,
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            metavar="PROFILE",
            help="Use this model profile.",
            show_default=False,
            autocompletion=complete_profile,
        ),
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Real inputs and model, but nothing is delivered; the result is printed.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also where only_if, depends_on or requires of the job does not hold.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Do one job now and wait for its end.

    A running daemon does it; otherwise it is done here. It counts in the ledger as a manual fire. Conditions of
    the job hold as ever: where one does not, the run is skipped and says why.
    """
    place = find_place(workspace)
    if job not in job_names(place.root):
        raise UnknownName("job", job, job_names(place.root), "harness jobs")
    _tell_pause(place, job)
    order = {
        "job": job,
        "inputs": parse_inputs(inputs or (), Path.cwd()),
        "profile": profile,
        "preview": preview,
        "force": force,
    }
    # A job may deliver to the terminal; with --json its digest makes room for the document.
    try:
        fire = carry_out(place, order, out=sys.stderr if as_json else sys.stdout)
    except HarnessError as error:
        raise _with_line(place, job, error) from error
    end_with(place, fire, is_preview=preview, as_json=as_json)


def _tell_pause(place: Place, job: str) -> None:
    """Say that the schedule would not start the job now; by hand it runs."""
    try:
        with peek(place.database) as look:
            why = None if look is None else why_paused(look.pauses(), job, place.zone)
    except HarnessError:
        return  # what keeps the database from being read, the run is about to say or to mend
    if why is not None:
        note(f"{job} is {why}; it runs because you ask for it")


def end_with(place: Place, fire: Fire, *, is_preview: bool, as_json: bool) -> NoReturn:
    """Print what came of a run and end the command with the exit code that says so."""
    if as_json:
        emit_json(fire_json(fire))
    else:
        say_outcome(place, fire, is_preview=is_preview)
    if fire.state is FireState.SUSPENDED:
        note("it is made and waits for its delivery, which is tried again while a daemon is up: harness status")
        raise typer.Exit(TRY_LATER)
    raise typer.Exit(DONE if fire.state.is_success else FAILED)


def parse_inputs(pairs: Iterable[str], here: Path) -> dict[str, str]:
    """Return the inputs by name; a value that names an existing file from here becomes its full path.

    Raises Misused for a pair without a name or named twice.
    """
    inputs: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name or not value:
            raise Misused(f"--input {pair!r} is not NAME=VALUE, such as feeds=saved-feed.xml")
        if name in inputs:
            raise Misused(f"--input {name} is given twice; give it once")
        inputs[name] = str((here / value).resolve()) if _is_file(here, value) else value
    return inputs


def _is_file(here: Path, value: str) -> bool:
    try:
        return (here / value).is_file()
    except (OSError, ValueError):
        return False  # a text that is too long to be a name, or has a NUL in it


def carry_out(place: Place, order: dict[str, Any], *, out: TextIO) -> Fire:
    """Do the job that the order names, through the daemon if one is up, and return its fire when it has ended."""
    run_id = ""
    try:
        for answer in ask_lines(place.state, "run", _SILENCE_S, **order):
            run_id = str(answer["run_id"])
            if not answer.get("done"):
                note(progress_line(run_id, answer))
    except NoDaemon:
        # Only now, because it brings everything that a run needs.
        from harness.cli.log_lines import log_lines
        from harness.daemon.once import run_once

        with log_lines():
            return run_once(
                place.root,
                place.environ,
                order["job"],
                order["inputs"],
                profile=order["profile"],
                preview=order["preview"],
                force=order["force"],
                echo=note,
                out=out,
            )
    return fire_in_ledger(place, run_id)


def progress_line(run_id: str, answer: Mapping[str, Any]) -> str:
    """Return how a run that has not ended stands, as the daemon told it, with what it waits for."""
    reason = answer.get("reason")
    return f"{run_id}: {answer['state']}{f', {reason}' if reason else ''}"


def _with_line(place: Place, job: str, error: HarnessError) -> HarnessError:
    """Return what is wrong with a file, if that is why the job is not known; otherwise the error."""
    if type(error) is not HarnessError:
        return error
    from harness.cli.loading import problem_of_job
    from harness.wiring.files import load

    loaded = load(place.root, place.environ, now=place.now)
    is_in_force = any(job == known.id for known in loaded.workspace.jobs())
    return error if is_in_force else problem_of_job(loaded, job) or error


def say_outcome(place: Place, fire: Fire, *, is_preview: bool) -> None:
    """Print what came of a run, and where its page lies."""
    outcome = outcome_of(fire)
    say(f"{fire.job_id} {fire.state}{f': {outcome}' if outcome else ''}")
    if fire.artifact:
        page = artifact_path(place.state, fire.artifact)
        say(str(page))
        if is_preview:
            say()
            write_exactly(page.read_text(encoding="utf-8"))


def fire_in_ledger(place: Place, run_id: str) -> Fire:
    """Return the fire of a run that is known to be there."""
    with peek(place.database) as look:
        run = None if look is None else look.run(run_id)
        # The fire may have another run by now: the next attempt, or one that looked again at what it waited for.
        fire = None if look is None or run is None else look.fire_at(run.job_id, run.due_at)
    if fire is None:
        raise UnknownName("run", run_id, (), "harness runs")
    return fire
