"""`harness jobs`: what is scheduled, and when each job is due next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer

from harness.cli.fires import iso
from harness.cli.lazy_group import noun_app
from harness.cli.loading import find_agent, find_job, load_workspace
from harness.cli.options import AgentFilter, JobArgument, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, note, say
from harness.cli.pausing import PAUSE_EXAMPLES, RESUME_EXAMPLES, pause_jobs, resume_jobs
from harness.cli.place import Place, find_place
from harness.cli.table import table_lines, terminal_width
from harness.daemon.wording import ago, local_time, when
from harness.domain.contract import Contract
from harness.domain.errors import HarnessError
from harness.domain.job import Job
from harness.domain.pause import PauseRow, pause_of, why_paused
from harness.schedule.catchup import duration_in_words
from harness.schedule.due import next_due
from harness.store.peek import peek

app = noun_app("The jobs, when each is due next, and pausing them.")

_LIST_EXAMPLES = """\b
Examples:
  harness jobs
  harness jobs list --agent zoe --json

\b
JSON: [{job, title, schedule, zone, next_due, deliver [channel], path,
paused}]; paused says by whom and why, or is null."""
_NEXT_EXAMPLES = """\b
Examples:
  harness jobs next
  harness jobs next --limit 3

\b
JSON: [{job, due_at, paused}]; soonest first."""
_SHOW_EXAMPLES = """\b
Examples:
  harness jobs show ainews/morning-digest

\b
JSON: job, title, schedule, zone, next_due, deliver, path, read [name],
action, profile, without_model, if_missed {run, within_s}, contract {rule:
value}, budget_usd, timeout_s, max_iterations."""


@app.command("list", epilog=_LIST_EXAMPLES)
def list_jobs(agent: AgentFilter = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """List the jobs with their schedules."""
    place = find_place(workspace)
    loaded = load_workspace(place)
    jobs = list(loaded.jobs()) if agent is None else list(find_agent(loaded, agent).jobs.values())
    pauses = _pauses(place)
    if as_json:
        paused = {job.id: why_paused(pauses, job.id, place.zone) for job in jobs}
        emit_json([{**_job_json(job, place.now), "paused": paused[job.id]} for job in jobs])
        return
    rows = []
    for job in jobs:
        upcoming = next_due(job.schedules, job.zone, place.now)
        when = "never again" if upcoming is None else local_time(upcoming, place.zone, place.now)
        why = why_paused(pauses, job.id, place.zone)
        rows.append((job.id, "paused" if why else when, f"{job.schedule_text}; {why}" if why else job.schedule_text))
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
    upcoming = ((next_due(job.schedules, job.zone, place.now), job.id) for job in jobs)
    soonest = sorted((moment, job_id) for moment, job_id in upcoming if moment is not None)[:limit]
    if as_json:
        paused = {job_id: pause_of(pauses, job_id) is not None for _, job_id in soonest}
        emit_json([{"job": job_id, "due_at": iso(at), "paused": paused[job_id]} for at, job_id in soonest])
        return
    rows = [
        (
            local_time(moment, place.zone, place.now),
            ago(moment, place.now),
            f"{job_id} (paused)" if pause_of(pauses, job_id) else job_id,
        )
        for moment, job_id in soonest
    ]
    for line in table_lines(rows, terminal_width()) or ["nothing is scheduled"]:
        say(line)


@app.command("show", epilog=_SHOW_EXAMPLES)
def show_job(job: JobArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Show one job: when, from what, what it promises, where it delivers."""
    place = find_place(workspace)
    shown = find_job(place, job)
    if as_json:
        emit_json(_job_document(shown, place.now))
        return
    for line in table_lines(_job_rows(shown, place.zone, place.now), terminal_width()):
        say(line)


def _job_json(job: Job, now: datetime) -> dict[str, Any]:
    return {
        "job": job.id,
        "title": job.title,
        "schedule": job.schedule_text,
        "zone": job.zone,
        "next_due": iso(next_due(job.schedules, job.zone, now)),
        "deliver": list(job.deliver),
        "path": job.path,
    }


def _job_document(job: Job, now: datetime) -> dict[str, Any]:
    return {
        **_job_json(job, now),
        "read": list(job.read),
        "action": job.action,
        "profile": job.profile,
        "without_model": job.without_model,
        "if_missed": {"run": job.if_missed.run, "within_s": job.if_missed.within_s},
        "contract": _contract_json(job.contract),
        "budget_usd": job.budget_usd,
        "timeout_s": job.timeout_s,
        "max_iterations": job.max_iterations,
    }


def _job_rows(job: Job, zone: str, now: datetime) -> list[tuple[str, str]]:
    upcoming = next_due(job.schedules, job.zone, now)
    rows = [
        ("job", job.id),
        ("file", job.path),
        ("schedule", f"{job.schedule_text} ({job.zone})"),
        ("next", "never again" if upcoming is None else when(upcoming, zone, now)),
        ("if missed", f"{job.if_missed.run}, at most {duration_in_words(job.if_missed.within_s)} late"),
        ("reads", ", ".join(job.read) or "nothing"),
        ("delivers to", ", ".join(job.deliver) or "nobody; its output is kept as an artifact"),
    ]
    if job.action:
        rows.append(("action", f"{job.action}, without a model"))
    else:
        rows.append(("without model", job.without_model))
        rows.append(("limits", f"{duration_in_words(job.timeout_s)}, {job.max_iterations} model calls"))
    rows.append(("promises", ", ".join(_promises(job.contract)) or "nothing"))
    if job.budget_usd is not None:
        rows.append(("budget", f"${job.budget_usd:g} a run"))
    return rows


def _promises(contract: Contract) -> Iterator[str]:
    for rule, value in _contract_json(contract).items():
        words = rule.removesuffix("_s").replace("_", " ")
        if rule.endswith("_s"):
            yield f"{words} {duration_in_words(value)}"
        elif value is True:
            yield f"every link {words.removeprefix('url ')}"
        else:
            yield f"{words} {', '.join(value) if isinstance(value, list) else value}"


def _contract_json(contract: Contract) -> dict[str, Any]:
    """Return the rules that promise something."""
    every_item = contract.every_item
    rules = {
        "min_items": contract.min_items,
        "max_items": contract.max_items,
        "min_chars": contract.min_chars,
        "max_chars": contract.max_chars,
        "must_include": list(contract.must_include) or None,
        "url_collected": every_item.url_collected or None if every_item else None,
        "reachable": every_item.reachable or None if every_item else None,
        "unseen_for_s": contract.unseen_for_s,
    }
    return {rule: value for rule, value in rules.items() if value is not None}


app.command("pause", epilog=PAUSE_EXAMPLES)(pause_jobs)
app.command("resume", epilog=RESUME_EXAMPLES)(resume_jobs)
