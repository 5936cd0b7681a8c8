"""`harness reflect`: what a night makes of a day, now; or what it would change."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.cli.completion import agent_names, check_agent, complete_agent
from harness.cli.failures import DONE, FAILED, TRY_LATER
from harness.cli.fires import fire_json
from harness.cli.lazy_group import new_app
from harness.cli.loading import load_workspace
from harness.cli.options import JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say, write_exactly
from harness.cli.place import Place, find_place
from harness.cli.run import carry_out, say_outcome
from harness.domain.errors import OwnerError
from harness.domain.job import ASKING_ACTIONS, Job
from harness.domain.run import FireState

if TYPE_CHECKING:
    from harness.reflection.journal import Told

app = new_app()

_EXAMPLES = """\b
Examples:
  harness reflect
  harness reflect ainews --dry-run

\b
JSON: a list of what harness run prints: job, due_at, kind, state, run,
reason, closed_at, artifact, items, gaps. With --dry-run: agent, job,
reason, report.
Exit code 0 if every night was gone through, 1 otherwise."""


@app.command(epilog=_EXAMPLES)
def reflect(
    agent: Annotated[
        str | None,
        typer.Argument(
            metavar="[AGENT]",
            help="Only this agent; without it all that reflect.",
            show_default=False,
            autocompletion=complete_agent,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, without a model; nothing is written.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look back on the day: what has proven itself, what did not hold, what waits.

    Each agent's job with `action: reflect` or `reflect-team` is done now, as
    harness run does it. A night that was gone through already changes nothing
    but what is new since.
    """
    place = find_place(workspace)
    check_agent(place.root, agent)
    jobs = _jobs(place, agent)
    if dry_run:
        _show(place, jobs, as_json=as_json)
    else:
        _run(place, jobs, as_json=as_json)


def _jobs(place: Place, agent: str | None) -> Sequence[Job]:
    """Return the jobs that reflect, that of the team last: it looks at what the others came to."""
    found = [job for job in load_workspace(place).jobs() if job.action in ASKING_ACTIONS and agent in (None, job.agent)]
    if not found:
        whose = agent or next(iter(agent_names(place.root)), "AGENT")
        fix = f"write agents/{whose}/jobs/reflection.md with schedule: daily 22:00 and action: reflect"
        raise OwnerError(f"agents/{whose}/jobs", None, f"no job of {agent or 'any agent'} reflects", fix)
    return sorted(found, key=lambda job: (job.action or "", job.id))


def _run(place: Place, jobs: Sequence[Job], *, as_json: bool) -> None:
    fires = []
    for job in jobs:
        order: dict[str, Any] = {"job": job.id, "inputs": {}, "profile": None, "preview": False, "force": False}
        fire = carry_out(place, order, out=sys.stderr if as_json else sys.stdout)
        fires.append(fire)
        if not as_json:
            say_outcome(place, fire, is_preview=False)
    if as_json:
        emit_json([fire_json(fire) for fire in fires])
    if not all(fire.state.is_success or fire.state is FireState.SUSPENDED for fire in fires):
        raise typer.Exit(FAILED)
    if any(fire.state is FireState.SUSPENDED for fire in fires):
        note("a page is made and waits for its delivery, which is tried again while a daemon is up: harness status")
        raise typer.Exit(TRY_LATER)
    raise typer.Exit(DONE)


def _show(place: Place, jobs: Sequence[Job], *, as_json: bool) -> None:
    shown = [(job, _preview(place, job)) for job in jobs]
    if as_json:
        emit_json([_document(job, told) for job, told in shown])
        return
    for job, told in shown:
        say(f"{job.id}: {told.reason}")
        if told.text:
            say()
            write_exactly(told.text)
            say()


def _document(job: Job, told: Told) -> dict[str, Any]:
    return {"agent": job.agent, "job": job.id, "reason": told.reason, "report": told.text}


def _preview(place: Place, job: Job) -> Told:
    """Return what the night would come to, from what is there now; a team that never ran has no database yet."""
    from harness.reflection.night import Occasion
    from harness.store.database import Database
    from harness.wiring.actions import reflection_of

    occasion = Occasion(f"dry-run:{job.id}", job.agent, place.now, place.now, job.action == "reflect-team")
    path = place.database.path
    if path is not None and not path.exists():
        return reflection_of(None, lambda: load_workspace(place), place.state).preview(occasion)
    with closing(Database.connect(place.database)) as database:
        return reflection_of(database, lambda: load_workspace(place), place.state).preview(occasion)
