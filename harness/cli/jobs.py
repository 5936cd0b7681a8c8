"""`harness jobs`: what is scheduled, and when each job is due next."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.cli.fires import iso
from harness.cli.job_details import (
    excluded_in_words,
    job_document,
    job_line,
    job_rows,
    next_excluded,
    next_in_words,
)
from harness.cli.lazy_group import noun_app
from harness.cli.loading import find_agent, find_job_of, load_workspace
from harness.cli.options import AgentFilter, JobArgument, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.pausing import PAUSE_EXAMPLES, RESUME_EXAMPLES, pause_jobs, resume_jobs
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width
from harness.daemon.wording import ago, local_time
from harness.domain.errors import HarnessError
from harness.domain.job import Job
from harness.domain.pause import PauseRow, pause_of, why_paused
from harness.domain.workspace import Workspace
from harness.schedule.exclusions import Upcoming, next_run
from harness.store.peek import peek

app = noun_app("The jobs, when each is due next, and pausing them.")

_LIST_EXAMPLES = """\b
Examples:
  harness jobs
  harness jobs list --agent zoe --json

\b
JSON: [{job, title, schedule, zone, next_due, next_excluded {due_at, reason},
deliver [channel], path, paused}]; next_excluded is the slot before next_due
that a closed day or quiet hours leave out, or null; paused says by whom and
why, or is null."""
_NEXT_EXAMPLES = """\b
Examples:
  harness jobs next
  harness jobs next --limit 3

\b
JSON: [{job, due_at, next_excluded {due_at, reason}, paused}]; soonest first."""
_SHOW_EXAMPLES = """\b
Examples:
  harness jobs show ainews/morning-digest

\b
JSON: job, title, schedule, zone, next_due, next_excluded, deliver, path,
follows_person, calendar, quiet_hours {start, end, zone}, if_missed {run,
within_s, grace_s}, read [name], only_if {changed, new_items, exists},
depends_on [{job, within_s, wait_s}], requires {endpoints, files [{path,
within_s}]}, action, profile (its own), models [pattern], effective_profile,
model, fallbacks [profile], left_out {profile: reason}, model_problem,
without_model, contract {rule: value}, budget_usd, timeout_s, max_iterations,
overlap, priority, attempts, backoff_s, deadline_s, on, disable_after (null:
never), reminder, emergency, paused."""


@app.command("list", epilog=_LIST_EXAMPLES)
def list_jobs(agent: AgentFilter = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the jobs with their schedules."""
    place = find_place(workspace)
    loaded = load_workspace(place)
    jobs = list(loaded.jobs()) if agent is None else list(find_agent(loaded, agent).jobs.values())
    pauses = _pauses(place)
    if as_json:
        paused = {job.id: why_paused(pauses, job.id, place.zone) for job in jobs}
        emit_json([{**job_line(job, _upcoming(job, loaded, place)), "paused": paused[job.id]} for job in jobs])
        return
    rows = []
    for job in jobs:
        upcoming = _upcoming(job, loaded, place)
        paused_by = why_paused(pauses, job.id, place.zone)
        excluded = excluded_in_words(upcoming, place.zone, place.now)
        remarks = [remark for remark in (job.schedule_text, paused_by or excluded) if remark]
        due = "paused" if paused_by else next_in_words(upcoming, place.zone, place.now)
        rows.append((job.id, due, "; ".join(remarks)))
    for line in table_lines(rows, terminal_width(), ("job", "next", "schedule")):
        say(line)


def _pauses(place: Place) -> dict[str, PauseRow]:
    try:
        with peek(place.database) as look:
            return {} if look is None else look.pauses()
    except HarnessError as error:
        note(f"{error} (what is paused is not known)")  # the schedules stand in files, which can be read
        return {}


@app.command("next", epilog=_NEXT_EXAMPLES)
def next_jobs(
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")] = 10,
    agent: AgentFilter = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which jobs come next, in order of time."""
    place = find_place(workspace)
    loaded = load_workspace(place)
    jobs = list(loaded.jobs()) if agent is None else list(find_agent(loaded, agent).jobs.values())
    pauses = _pauses(place)
    every_next = ((_upcoming(job, loaded, place), job.id) for job in jobs)
    found = [(upcoming.due_at, job_id, upcoming) for upcoming, job_id in every_next if upcoming.due_at is not None]
    soonest = sorted(found, key=lambda entry: entry[:2])[:limit]
    paused = {job_id: pause_of(pauses, job_id) is not None for _, job_id, _ in soonest}
    if as_json:
        emit_json(
            [
                {
                    "job": job_id,
                    "due_at": iso(due_at),
                    "next_excluded": next_excluded(upcoming),
                    "paused": paused[job_id],
                }
                for due_at, job_id, upcoming in soonest
            ]
        )
        return
    rows = []
    for due_at, job_id, upcoming in soonest:
        excluded = excluded_in_words(upcoming, place.zone, place.now)
        remark = " (paused)" if paused[job_id] else f" ({excluded})" if excluded else ""
        rows.append((local_time(due_at, place.zone, place.now), ago(due_at, place.now), f"{job_id}{remark}"))
    for line in table_lines(rows, terminal_width()) or ["nothing is scheduled"]:
        say(line)


@app.command("show", epilog=_SHOW_EXAMPLES)
def show_job(job: JobArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one job: when, from what, what it promises, where it delivers."""
    place = find_place(workspace)
    loaded, shown = find_job_of(place, job)
    paused = why_paused(_pauses(place), shown.id, place.zone)
    if as_json:
        emit_json({**job_document(shown, loaded, place.now), "paused": paused})
        return
    rows = job_rows(shown, loaded, place.zone, place.now)
    for line in table_lines(
        [*rows, *([("paused", paused.removeprefix("paused "))] if paused else [])], terminal_width()
    ):
        say(line)


def _upcoming(job: Job, workspace: Workspace, place: Place) -> Upcoming:
    return next_run(job, workspace.calendars, place.now)


app.command("pause", epilog=PAUSE_EXAMPLES)(pause_jobs)
app.command("resume", epilog=RESUME_EXAMPLES)(resume_jobs)
