"""`harness runs`: the durable runs behind the fires."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from harness.cli.bus_lines import waits_words
from harness.cli.completion import check_agent
from harness.cli.fires import artifact_path, fire_json, iso, outcome_of
from harness.cli.lazy_group import noun_app
from harness.cli.options import AgentFilter, JsonOption, RunArgument, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.run_cassette import WriteOption, write_cassette
from harness.cli.run_comparison import DIFF_EXAMPLES, REPLAY_EXAMPLES, diff_runs, recording_of, replay_run
from harness.cli.run_history import (
    CANCEL_EXAMPLES,
    FORK_EXAMPLES,
    RETRY_EXAMPLES,
    cancel_run,
    fork_run,
    retry_run,
)
from harness.cli.run_names import find_run
from harness.cli.run_steps import passed_over, stand_in_lines, step_lines, steps_json
from harness.cli.table import table_lines, terminal_width, wrap
from harness.daemon.wording import local_time, when
from harness.domain.request import request_of_job
from harness.domain.run import Fire, Suspended
from harness.schedule.catchup import duration_in_words
from harness.store.peek import Peek, peek
from harness.store.records import Delivery, RunRecord, Spending

app = noun_app("The latest runs; stop one, do one over, compare two.")

_LIST_EXAMPLES = """\b
Examples:
  harness runs
  harness runs list --agent ainews --limit 5

\b
JSON: [{run, job, lane, kind, state, due_at, started_at, ended_at, stop,
owner}]; newest first."""
_SHOW_EXAMPLES = """\b
Examples:
  harness runs show cron:ainews/arxiv:1795101300
  harness runs show "$(harness runs list --json | jq -r '.[0].run')"
  harness runs show cron:ainews/arxiv:1795101300 --cassette arxiv.yaml

\b
JSON: run, job, lane, kind, state, due_at, started_at, ended_at, stop, owner,
inputs {name: value}, prompt_sha256, revision (of the workspace, + if files
differed from it, or null), manifest, outcome, forgotten_at,
artifacts_deleted_at (when retention did that, or null), fire {see ledger},
deliveries [{id, channel, state, attempts, receipt, error}], usage {calls,
input_tokens, cached_tokens, cache_share (0 to 1, or null), output_tokens,
cost_usd, models}, attempt, passed_over [profile that could not answer: why],
source_run, fork {of, from_step} or null, cancel_reason, request (that it
works on, or null), waits_for [request], continued_as (the run that went on
with it, or null), steps [{step, kind, call_id, started_at, ended_at, took_s,
detail, error}]."""
_RUNS_OF_A_FIRE = 1000


@app.command("list", epilog=_LIST_EXAMPLES)
def list_runs(
    agent: AgentFilter = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the latest runs, newest first."""
    place = find_place(workspace)
    check_agent(place.root, agent)
    with peek(place.database) as look:
        runs = () if look is None else look.runs(limit, agent=agent)
        fires = {} if look is None else {run.id: look.fire_of_run(run.id) for run in runs}
    if as_json:
        emit_json([_run_json(run) for run in runs])
    elif not runs:
        say("no run yet; do one with: harness run AGENT/JOB")
    else:
        rows = [
            (
                local_time(datetime.fromtimestamp(run.due_at, UTC), place.zone, place.now),
                _standing(run, fires[run.id]),
                _took(run),
                run.id,
            )
            for run in runs
        ]
        for line in table_lines(rows, terminal_width(), ("due", "state", "took", "run")):
            say(line)


@app.command("show", epilog=_SHOW_EXAMPLES)
def show_run(
    run: RunArgument,
    cassette: WriteOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one run in full: its end, its deliveries, what it cost, and its steps.

    The beginning of an id is enough where no other one begins so.
    """
    place = find_place(workspace)
    with peek(place.database) as look:
        run = find_run(place, look, run)
        record = None if look is None else look.run(run)
        assert look is not None, "a run was found in it"
        assert record is not None, "it was found"
        fire = look.fire_of_run(run)
        deliveries = look.deliveries_of_run(run)
        spending = look.spending_of_run(run)
        steps = look.steps_of_run(run)
        awaits = look.requests.awaited_by(run)
        continued_as = _continuation(look, record)
    if cassette is not None:
        write_cassette(place, recording_of(place, run), cassette)
    if as_json:
        waits = [request.id for request in awaits]
        document = run_document(record, fire, deliveries, spending)
        absent = list(passed_over(steps))
        more = {"passed_over": absent, "waits_for": waits, "continued_as": continued_as, "steps": steps_json(steps)}
        emit_json({**document, **more})
        return
    width = terminal_width()
    for line in run_lines(place, record, fire, deliveries, spending, width):
        say(line)
    for line in stand_in_lines(passed_over(steps), width):
        say(line)
    for request in awaits:
        for line in wrap(f"-> it waits for {waits_words(request)}", width):
            say(line)
    if continued_as is not None:
        say(f"-> it went on as: harness runs show {continued_as}")
    if steps:
        say()
        can_fork = request_of_job(record.job_id) is None
        for line in step_lines(run, steps, place.zone, place.now, width, can_fork=can_fork):
            say(line)


def _standing(run: RunRecord, fire: Fire | None) -> str:
    """Return what became of a run that has ended, otherwise how it stands; only a fire's last run has its outcome."""
    if run.state != "ended":
        return run.state
    if fire is not None:
        return str(fire.state)
    return "went on" if run.stop == Suspended.reason else run.state


def _continuation(look: Peek, run: RunRecord) -> str | None:
    """Return the run that went on with a suspended one; None if nothing did, or it was not suspended."""
    if run.stop != Suspended.reason:
        return None
    runs = look.runs(_RUNS_OF_A_FIRE, job_id=run.job_id)
    return next((other.id for other in runs if other.options.get("continues") == run.id), None)


def run_document(
    run: RunRecord, fire: Fire | None, deliveries: tuple[Delivery, ...], spending: Spending
) -> dict[str, Any]:
    """Return the run as `runs show --json` prints it."""
    return {
        **_run_json(run),
        "attempt": run.attempt,
        "source_run": run.source_run,
        "fork": run.options.get("fork"),
        "cancel_reason": run.cancel_reason,
        "request": request_of_job(run.job_id),
        "inputs": run.inputs,
        "prompt_sha256": run.prompt_sha256,
        "revision": run.revision or None,
        "manifest": run.manifest,
        "outcome": run.outcome,
        "forgotten_at": iso(run.forgotten_at),
        "artifacts_deleted_at": iso(run.artifacts_deleted_at),
        "fire": None if fire is None else fire_json(fire),
        "deliveries": [
            {
                "id": row.id,
                "channel": row.channel,
                "state": row.state,
                "attempts": row.attempts,
                "receipt": row.receipt,
                "error": row.last_error,
            }
            for row in deliveries
        ],
        "usage": {
            "calls": spending.calls,
            "input_tokens": spending.input_tokens,
            "cached_tokens": spending.cached_tokens,
            "cache_share": None if spending.cache_share is None else round(spending.cache_share, 4),
            "output_tokens": spending.output_tokens,
            "cost_usd": round(spending.cost_usd, 6),
            "models": list(spending.models),
        },
    }


def run_lines(
    place: Place,
    run: RunRecord,
    fire: Fire | None,
    deliveries: tuple[Delivery, ...],
    spending: Spending,
    width: int,
) -> list[str]:
    """Return the run as the person reads it."""
    due_at = datetime.fromtimestamp(run.due_at, UTC)
    rows = [
        ("run", run.id),
        ("due", f"{when(due_at, place.zone, place.now)}, {run.kind}"),
        ("state", run.state),
    ]
    request_id = request_of_job(run.job_id)
    if request_id is not None:
        rows.append(("works on", f"{request_id}: harness bus show {request_id}"))
    if fire is not None:
        rows.append(("fire", f"{fire.state}{f': {outcome_of(fire)}' if outcome_of(fire) else ''}"))
    if run.stop:
        rows.append(("ended by", run.stop))
    if _took(run):
        rows.append(("took", _took(run)))
    rows.extend(_wish_rows(run))
    rows.extend((f"input {name}", value) for name, value in run.inputs.items())
    if spending.calls:
        rows.append(("model", f"{', '.join(spending.models)}: {_spending_words(spending)}"))
    if run.prompt_sha256:
        made_from = f", from revision {run.revision}" if run.revision else ""
        rows.append(("prompt", f"sha256 {run.prompt_sha256[:12]}{made_from}"))
    if run.forgotten_at is not None:
        rows.append(("steps", f"{_gone(run.forgotten_at, place)}, with the transcript and the prompt's manifest"))
    if fire is not None and fire.artifact:
        where = str(artifact_path(place.state, fire.artifact))
        rows.append(("artifact", _gone(run.artifacts_deleted_at, place) or where))
    for row in deliveries:
        detail = row.receipt or row.last_error or ""
        rows.append(("delivery", f"{row.channel}: {row.state}{f', {detail}' if detail else ''}"))
    return table_lines(rows, width)


def _wish_rows(run: RunRecord) -> Iterator[tuple[str, str]]:
    """What the person wants of the run, or wanted with it."""
    fork = run.options.get("fork")
    if fork is not None:
        start = "its inputs" if fork["from_step"] is None else f"step {fork['from_step']}"
        yield "fork of", f"{run.source_run}, from {start}"
    elif run.source_run:
        yield "retry of", run.source_run
    if "continues" in run.options:
        yield "goes on", f"from {run.options['continues']}"
    if run.cancel_reason and run.state != "ended":
        yield "wanted", f"{run.cancel_reason}; not carried out yet"


def _gone(deleted_at: float | None, place: Place) -> str:
    if deleted_at is None:
        return ""
    return f"deleted by retention on {datetime.fromtimestamp(deleted_at, ZoneInfo(place.zone)):%Y-%m-%d}"


def _spending_words(spending: Spending) -> str:
    calls = "1 call" if spending.calls == 1 else f"{spending.calls} calls"
    cached = f" ({spending.cache_share:.0%} from the cache)" if spending.cached_tokens else ""
    tokens = f"{spending.input_tokens:,} tokens in{cached}, {spending.output_tokens:,} out"
    return f"{calls}, {tokens}, ${spending.cost_usd:.4f}"


def _took(run: RunRecord) -> str:
    if run.started_at is None or run.ended_at is None:
        return ""
    return duration_in_words(run.ended_at - run.started_at)


def _run_json(run: RunRecord) -> dict[str, Any]:
    return {
        "run": run.id,
        "job": run.job_id,
        "lane": run.lane,
        "kind": run.kind,
        "state": run.state,
        "due_at": iso(run.due_at),
        "started_at": iso(run.started_at),
        "ended_at": iso(run.ended_at),
        "stop": run.stop,
        "owner": run.owner,
    }


app.command("cancel", epilog=CANCEL_EXAMPLES)(cancel_run)
app.command("retry", epilog=RETRY_EXAMPLES)(retry_run)
app.command("fork", epilog=FORK_EXAMPLES)(fork_run)
app.command("replay", epilog=REPLAY_EXAMPLES)(replay_run)
app.command("diff", epilog=DIFF_EXAMPLES)(diff_runs)
