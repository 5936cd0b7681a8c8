"""`harness jobs pause` and `resume`: what the schedule is not to start for a while, with who and why."""

from __future__ import annotations

import getpass
import os
from typing import Annotated, Any

import typer

from harness.cli.completion import agent_names, complete_agent_or_job, job_names
from harness.cli.failures import DONE, FAILED, Misused, UnknownName
from harness.cli.incidents import pause_json
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import Place, find_place
from harness.daemon.control_client import NoDaemon, ask
from harness.domain.pause import (
    EVERYTHING,
    PauseRow,
    agent_scope,
    covers,
    job_scope,
    pause_in_words,
    scope_name,
    scopes_of,
    whose_pause,
)
from harness.store.peek import peek

_SILENCE_S = 30.0

PAUSE_EXAMPLES = """\b
Examples:
  harness jobs pause ainews/arxiv --reason "until the query is fixed"
  harness jobs pause ainews
  harness jobs pause --all --reason "on holiday"

\b
JSON: scope (all, agent:NAME or job:AGENT/JOB), by, reason, since,
is_automatic, changed (false: it was paused already)."""
RESUME_EXAMPLES = """\b
Examples:
  harness jobs resume ainews/arxiv
  harness jobs resume --all

\b
JSON: resumed {scope, by, reason, since, is_automatic} or null, still_paused
[the same keys]: wider pauses that cover it, narrower [the same keys]: pauses
of a part of it, which stay.
Exit code 0 also if it was not paused, 1 if a wider pause covers it still."""

_Subject = Annotated[
    str | None,
    typer.Argument(metavar="[AGENT/JOB|AGENT]", show_default=False, autocompletion=complete_agent_or_job),
]
_Everything = Annotated[bool, typer.Option("--all", help="Everything in the workspace.")]


def pause_jobs(
    subject: _Subject = None,
    everything: _Everything = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; it stands in the ledger.", show_default=False)
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the schedule start nothing of it until it is resumed.

    Each slot that comes meanwhile stands in the ledger as skipped, with who paused it and why. Runs that are queued
    or at work go on, and harness run still does a paused job by hand.
    """
    place = find_place(workspace)
    scope = _scope(place, subject, everything=everything)
    row, is_new = _pause(place, scope, reason)
    if as_json:
        emit_json({**pause_json(row), "changed": is_new})
    elif is_new:
        say(f"{covers(scope)} is paused; it goes on with: harness jobs resume {scope_name(scope)}")
    else:
        say(f"nothing to do: {pause_in_words(row, place.zone)}")


def resume_jobs(
    subject: _Subject = None,
    everything: _Everything = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the schedule start it again, from its next slot on.

    A job that the harness paused because it kept failing gets all its chances again. What is not paused stays as
    it is, and that is no failure.
    """
    place = find_place(workspace)
    scope = _scope(place, subject, everything=everything)
    ended = _resume(place, scope)
    wider, narrower = _wider(place, scope), _narrower(place, scope)
    if as_json:
        over = None if ended is None else pause_json(ended)
        still = {"still_paused": [pause_json(row) for row in wider], "narrower": [pause_json(row) for row in narrower]}
        emit_json({"resumed": over, **still})
    elif ended is not None:
        say(f"{covers(scope)} is resumed; it was paused {whose_pause(ended, place.zone)}")
    else:
        say(f"nothing to do: {covers(scope)} is not paused{' itself' if wider else ''}")
    for row in wider:
        words = pause_in_words(row, place.zone)
        note(f"{covers(scope)} stays {words}; end that with: harness jobs resume {scope_name(row.scope)}")
    for row in narrower:
        words = whose_pause(row, place.zone)
        note(f"{covers(row.scope)} stays paused {words}; end that with: harness jobs resume {scope_name(row.scope)}")
    raise typer.Exit(FAILED if wider else DONE)


def person() -> str:
    """Return who is at the keyboard, as the operating system knows them."""
    try:
        return os.environ.get("USER") or getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return f"user {os.getuid()}"


def _scope(place: Place, subject: str | None, *, everything: bool) -> str:
    if everything == (subject is not None):
        raise Misused("name an agent, a job as AGENT/JOB, or --all")
    if subject is None:
        return EVERYTHING
    scope = job_scope(subject) if "/" in subject else agent_scope(subject)
    known = (*job_names(place.root), *agent_names(place.root))
    # What was paused and is gone by now can still be resumed.
    if subject not in known and scope not in _pauses(place):
        kind = "job" if "/" in subject else "agent"
        raise UnknownName(kind, subject, known, f"harness {kind}s")
    return scope


def _pauses(place: Place) -> dict[str, PauseRow]:
    with peek(place.database) as look:
        return {} if look is None else look.pauses()


def _wider(place: Place, scope: str) -> list[PauseRow]:
    """Return the wider pauses that cover the scope."""
    pauses = _pauses(place)
    over_it = scopes_of(scope_name(scope))[1:] if scope.startswith("job:") else (EVERYTHING,)
    return [pauses[wider] for wider in over_it if wider in pauses and wider != scope]


def _narrower(place: Place, scope: str) -> list[PauseRow]:
    """Return the pauses of a part of the scope, which it does not end: whoever set them had a reason of their own."""
    inside = "" if scope == EVERYTHING else job_scope(f"{scope_name(scope)}/")
    pauses = _pauses(place)
    return [pauses[part] for part in sorted(pauses) if part.startswith(inside) and part != scope]


def _pause(place: Place, scope: str, reason: str) -> tuple[PauseRow, bool]:
    by = person()
    try:
        answer = ask(place.state, "pause", _SILENCE_S, scope=scope, by=by, reason=reason)
    except NoDaemon:
        # Only now, because it brings the database library.
        from harness.cli.log_lines import log_lines
        from harness.daemon.once import pause_once

        with log_lines():
            return pause_once(place.root, place.environ, scope, by, reason)
    return _row(answer["pause"]), bool(answer["changed"])


def _resume(place: Place, scope: str) -> PauseRow | None:
    try:
        ended = ask(place.state, "resume", _SILENCE_S, scope=scope)["pause"]
    except NoDaemon:
        from harness.cli.log_lines import log_lines
        from harness.daemon.once import resume_once

        with log_lines():
            return resume_once(place.root, place.environ, scope)
    return None if ended is None else _row(ended)


def _row(fields: dict[str, Any]) -> PauseRow:
    return PauseRow(**fields)
