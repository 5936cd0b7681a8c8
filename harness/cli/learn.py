"""`harness learn add`: what the person says is right, for an agent to know from now on."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from harness.cli.completion import complete_job
from harness.cli.failures import Misused
from harness.cli.lazy_group import noun_app
from harness.cli.loading import find_agent, find_job, load_workspace
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.place import Place, find_place
from harness.domain.agent import Agent
from harness.domain.errors import OwnerError
from harness.domain.run import Fire
from harness.memory.casebook import Unreadable
from harness.memory.corrections import Correction, record_of, with_correction
from harness.memory.learnings import learnings_path
from harness.memory.notes import add_notes, note_path
from harness.memory.occasion import with_occasion
from harness.memory.rewriting import Rewritten, rewrite
from harness.memory.transcript import read_transcript
from harness.memory.versions import versions_of
from harness.store.node_name import node_name
from harness.store.peek import peek

_FIRES = 50

app = noun_app("What you teach your agents.")

EXAMPLES = """\b
Examples:
  harness learn add scout "The field is BILLBOARD_BUY_AMT, not BUY_AMT"
  harness learn add scout "Round to cents" --wrong 1.5 --right 1.50
  harness learn add --digest ainews/morning-digest "Item 3 was old news"

\b
JSON: id, agent, scope, file, run (of the digest, or null), is_new (false: it
was known, and your word counts for it), verifications (how often it held)."""

WrongOption = Annotated[str, typer.Option("--wrong", metavar="TEXT", help="What was wrong.", show_default=False)]
RightOption = Annotated[
    str, typer.Option("--right", metavar="TEXT", help="What is right; without it your words.", show_default=False)
]
WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why that is so.", show_default=False)]
TriggerOption = Annotated[str, typer.Option("--trigger", metavar="TEXT", help="When it applies.", show_default=False)]
SharedOption = Annotated[bool, typer.Option("--shared", help="All agents are told, not AGENT alone.")]
DigestOption = Annotated[
    str | None,
    typer.Option(
        "--digest",
        metavar="AGENT/JOB",
        help="You say it of the latest digest of this job.",
        autocompletion=complete_job,
        show_default=False,
    ),
]
WordsArgument = Annotated[list[str], typer.Argument(metavar="[AGENT] TEXT", show_default=False)]


@app.command("add", epilog=EXAMPLES)
def add(
    words: WordsArgument,
    wrong: WrongOption = "",
    right: RightOption = "",
    why: WhyOption = "",
    trigger: TriggerOption = "",
    shared: SharedOption = False,
    digest: DigestOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct an agent: what you say counts as proven.

    It is a record in the agent's LEARNINGS.md at once, whether or not a daemon runs, and moves into its MEMORY.md with
    the next reflection. Said again, it is your word for the record that is there. With --digest it is kept of which
    run you said it; AGENT is then the one that made the digest.
    """
    place = find_place(workspace)
    name, text = _read_words(words, digest)
    agent = find_agent(load_workspace(place), name)
    _check_home(place, agent)
    correction = Correction(agent.name, text, wrong, right, trigger, why, is_shared=shared)
    if digest is not None:
        correction = _of_digest(place, digest, correction)
    changed = _write(place, correction)
    learning = record_of(changed.after, correction)
    assert learning is not None, "it was just written"
    is_new = record_of(changed.before, correction) is None
    file = learnings_path(agent.name, "LRN")
    for conflict in changed.conflicts:
        note(f"{place.root / file}: {conflict}")
    if is_new:
        add_notes(place.root / note_path(agent.name, _today(place)), [f"{learning.id} was said: {learning.title}"])
    if as_json:
        emit_json(
            {
                "id": learning.id,
                "agent": agent.name,
                "scope": learning.scope,
                "file": str(file),
                "run": learning.run,
                "is_new": is_new,
                "verifications": len(learning.verifications),
            }
        )
        return
    whom = "all agents" if shared else agent.name
    became = f"noted for {whom}" if is_new else f"known to {whom} already, and confirmed"
    say(f"{learning.id}: {became}, in {file}")


def _read_words(words: list[str], digest: str | None) -> tuple[str, str]:
    """Return the agent and what is said to it."""
    if len(words) > 2:
        raise Misused('say it in one text, in quotes: harness learn add AGENT "TEXT"')
    if len(words) == 1 and digest is None:
        raise Misused('say to whom: harness learn add AGENT "TEXT", or of which digest: --digest AGENT/JOB')
    if not words[-1].strip():
        raise Misused("the text says nothing; write what is right")
    agent = words[0] if len(words) == 2 else str(digest).partition("/")[0]
    return agent, words[-1].strip()


def _check_home(place: Place, agent: Agent) -> None:
    """Raise Misused where the agent's files are written on another node: there it would be found by nobody."""
    is_shared = place.database.path != place.state.database
    here = node_name(place.environ, place.state, socket.gethostname())
    if is_shared and agent.on is not None and agent.on != here:
        raise Misused(f"the files of {agent.name} are on the node {agent.on}, and this is {here}; say it there")


def _of_digest(place: Place, job_id: str, correction: Correction) -> Correction:
    """Return the correction with the run whose digest it replies to."""
    job = find_job(place, job_id)
    with peek(place.database) as look:
        fires = () if look is None else look.last_fires(job.id, _FIRES)
        told = next((fire for fire in fires if fire.artifact is not None and not fire.is_preview), None)
        steps = () if look is None or told is None or told.run_id is None else look.steps_of_run(told.run_id)
    if told is None:
        raise Misused(f"{job.id} has told nothing yet; leave --digest away, and name the agent")
    trigger = with_occasion(correction.trigger, read_transcript(steps).uses) or f"writing the digest of {job.id}"
    why = correction.why or f"said of the digest of {_day_of(told, place)}"
    return replace(correction, run=told.run_id, trigger=trigger, why=why)


def _day_of(fire: Fire, place: Place) -> str:
    return f"{fire.due_at.astimezone(ZoneInfo(place.zone)):%Y-%m-%d}"


def _today(place: Place) -> date:
    return place.now.astimezone(ZoneInfo(place.zone)).date()


def _write(place: Place, correction: Correction) -> Rewritten:
    file = learnings_path(correction.agent, "LRN")
    path, today = place.root / file, _today(place)
    try:
        return rewrite(path, lambda text: with_correction(text, correction, today), versions_of(place.state.root, file))
    except Unreadable as error:
        problem = error.problem
        raise OwnerError(path, problem.line, problem.what, problem.fix) from error
    except ValueError as error:
        raise OwnerError(path, None, str(error), "correct the record there") from error
