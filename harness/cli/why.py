"""`harness why`: what happened to a job or a run, the cause, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness.cli.bus_lines import find_request, waits_words
from harness.cli.bus_story import RequestStory, story_json, story_lines, tell_story
from harness.cli.bus_story import advise as advise_on_request
from harness.cli.completion import job_names, request_ids, run_ids
from harness.cli.failures import UnknownName
from harness.cli.fires import fire_json, iso, outcome_of
from harness.cli.incidents import incident_json, pause_json
from harness.cli.lazy_group import new_app
from harness.cli.options import HappeningArgument, JsonOption, WorkspaceOption
from harness.cli.output import emit_json, say
from harness.cli.place import Place, find_place
from harness.cli.run_names import run_beginning
from harness.cli.run_steps import passed_over, stand_in_lines
from harness.cli.runs import run_document, run_lines
from harness.cli.table import table_lines, terminal_width, wrap
from harness.daemon.liveness import Liveness, has_process
from harness.daemon.nodes import (
    latest_lives,
    liveness_now,
    look_from,
    waiting_for_a_node,
    waiting_in_words,
)
from harness.daemon.overdue import overdue_jobs
from harness.daemon.wording import local_time, when
from harness.domain.cause import is_of_a_budget
from harness.domain.channel import HELD_BACK
from harness.domain.pause import PauseRow, pause_in_words, pause_of, scope_name
from harness.domain.request import request_job, request_of_job
from harness.domain.run import Fire, FireState
from harness.store.peek import Peek, peek
from harness.store.records import Delivery, OpenIncident, PlannedJob, RunRecord, Spending
from harness.store.request_records import RequestRecord

app = new_app()

_LAST_FIRES = 5
_EXAMPLES = """\b
Examples:
  harness why ainews/arxiv
  harness why cron:ainews/arxiv:1795101300
  harness why r-4mq2t7xkpa

\b
JSON: job, schedule, next_due, overdue_since, fires [{see ledger}], incidents
[{cause, message, since, occurrences, jobs}], paused {scope, by, reason,
since, is_automatic} or null, advice [sentence], run {see runs show, without
its steps} or null, passed_over [profile that could not answer: why],
request {see bus show} or null."""


@dataclass(frozen=True, slots=True)
class Story:
    """What is known of a job, and of one run of it; `fires` are the newest first.

    `deliveries` are those of the run, or of the newest fire where no run was named. `absent_node` says in words
    that the run may begin on one node only, which is not there. `passed_over` are the profiles that could not answer
    in the run whose deliveries these are, each with the reason.
    """

    job_id: str
    now: datetime
    zone: str
    liveness: Liveness
    planned: PlannedJob | None
    fires: tuple[Fire, ...]
    incidents: tuple[OpenIncident, ...]
    pause: PauseRow | None = None
    run: RunRecord | None = None
    fire: Fire | None = None
    deliveries: tuple[Delivery, ...] = ()
    spending: Spending = field(default_factory=Spending)
    absent_node: str = ""
    request: RequestStory | None = None
    awaits: tuple[RequestRecord, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def overdue_since(self) -> datetime | None:
        overdue = () if self.planned is None else overdue_jobs((self.planned,), self.liveness, self.now)
        return overdue[0][1] if overdue else None

    @property
    def next_due(self) -> datetime | None:
        if self.planned is None or self.planned.next_due is None:
            return None
        return datetime.fromtimestamp(self.planned.next_due, UTC)


@app.command(epilog=_EXAMPLES)
def why(subject: HappeningArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Say why a job, a run or a request ended as it did, and what to do.

    For a job: its last fires, what is broken, and whether it is overdue. For a run: its end, its
    deliveries and its cost as well. For a request: what harness bus show says of it. The beginning of
    the id of a run or a request is enough where no other one begins so.
    """
    place = find_place(workspace)
    with peek(place.database) as look:
        story = _tell(place, liveness_now(place.state, look, place.now), look, subject)
    if as_json:
        emit_json(_story_json(story))
        return
    for line in _story_lines(place, story, terminal_width()):
        say(line)


def advise(story: Story) -> tuple[str, ...]:
    """Return what the person can do now, the most urgent first; never empty."""
    return tuple(_advice(story)) or ("nothing to fix",)


def _advice(story: Story) -> Iterator[str]:
    if story.request is not None:
        yield from advise_on_request(story.request, story.liveness)
        return
    fire = story.fire or (story.fires[0] if story.fires else None)
    if story.pause is not None:
        gone = (
            "when its cause is gone, let the schedule start it again" if story.pause.is_automatic else "end the pause"
        )
        yield f"{gone}: harness jobs resume {scope_name(story.pause.scope)}"
    if story.overdue_since is not None:
        yield (
            "the daemon is alive and did not fire it: harness doctor"
            if story.liveness.is_alive
            else "nobody was there to fire it; start the daemon: harness up"
        )
        if fire is not None and fire.state.is_success:
            return
    if fire is None:
        if story.overdue_since is None:
            yield f"it has never fired; try it: harness run {story.job_id}"
        return
    yield from _advice_on(story, fire)
    if any(is_of_a_budget(incident.cause) for incident in story.incidents):
        yield "see what was spent, and on what: harness cost"


def _advice_on(story: Story, fire: Fire) -> Iterator[str]:
    match fire.state:
        case FireState.FAILED:
            yield from _advice_on_failure(story, fire)
        case FireState.MISSED:
            yield f"do it now: harness run {fire.job_id}"
            yield "have the operating system keep the daemon up: harness service print"
        case FireState.DEGRADED:
            yield "it was delivered, and names its gaps itself"
        case FireState.SILENT:
            yield "it ran and had nothing to say; nothing to fix"
        case FireState.PLANNED | FireState.RUNNING | FireState.SUSPENDED if not story.liveness.is_alive:
            yield "nobody is working on it; harness up goes on with it"
        case FireState.SKIPPED:
            yield f"it did not run, for the reason above; when that has changed: harness run {fire.job_id}"
        case FireState.SUSPENDED:
            yield from _advice_on_waiting(story)
        case FireState.PLANNED if story.absent_node:
            yield f"{story.absent_node}: start the daemon there, or take away `on:`"
        case FireState.PLANNED if fire.reason:
            yield "it looks again by itself, and goes on when that has come"
        case FireState.PLANNED:
            yield "it waits until its agent is free: harness status"


def _advice_on_failure(story: Story, fire: Fire) -> Iterator[str]:
    if fire.run_id and story.run is None:
        yield f"see the whole run: harness runs show {fire.run_id}"
    if fire.reason.endswith("that the run may use (budget)"):
        path = f"agents/{fire.job_id.replace('/', '/jobs/', 1)}.md"
        yield f"it may use more with a larger budget in {path}, or larger limits for a run in its profile"
    yield f"when the cause is gone, do it again: harness run {fire.job_id}"


def _advice_on_waiting(story: Story) -> Iterator[str]:
    if story.awaits:
        yield from (f"it waits for {waits_words(record)}" for record in story.awaits)
        return
    waiting = [row for row in story.deliveries if row.state == "pending"]
    for row in waiting:
        if row.last_error:
            what = "is held back" if row.last_error.startswith(HELD_BACK) else "failed"
            yield f"its delivery to {row.channel} {what}: {row.last_error}"
        next_try = datetime.fromtimestamp(row.next_try_at, UTC)
        soon = "now" if next_try <= story.now else f"at {local_time(next_try, story.zone, story.now)}"
        yield f"its delivery to {row.channel} is tried again {soon}; until then: harness status"
    if not waiting:
        yield "it waits for its delivery to be acknowledged: harness status"


def _tell(place: Place, liveness: Liveness, look: Peek | None, subject: str) -> Story:
    if look is not None:
        subject = _happening_meant(place, look, subject)
    run = None if look is None else look.run(subject)
    request = None if look is None else _request_meant(look, subject if run is None else run.job_id)
    job_id = subject if run is None else run.job_id
    if request is not None:
        job_id = request_job(request.standing.receiver, request.record.id)
    known = [*job_names(place.root), *(() if look is None else look.job_ids())]
    if job_id not in known and request is None:
        if subject.startswith("r-"):
            raise UnknownName("request", subject, request_ids(place), "harness bus list --all")
        if ":" in subject:
            raise UnknownName("run", subject, run_ids(place), "harness runs")
        raise UnknownName("job", subject, known, "harness jobs")
    if look is None:
        return Story(job_id, place.now, place.zone, liveness, None, (), ())
    agent, _, name = job_id.partition("/")
    files = (f"jobs/{name}.md", "agent.toml", "SOUL.md", "AGENTS.md")
    causes = {f"job {job_id}", f"missed {job_id}", *(f"file agents/{agent}/{file}" for file in files)}
    fires = look.last_fires(job_id, _LAST_FIRES)
    shown = run.id if run is not None else fires[0].run_id if fires else None
    return Story(
        job_id=job_id,
        now=place.now,
        zone=place.zone,
        liveness=liveness,
        planned=look.planned_jobs().get(job_id),
        fires=fires,
        incidents=tuple(row for row in look.open_incidents() if row.cause in causes or job_id in row.jobs),
        pause=pause_of(look.pauses(), job_id),
        run=run,
        fire=None if run is None else look.fire_of_run(run.id),
        deliveries=() if shown is None else look.deliveries_of_run(shown),
        spending=Spending() if run is None else look.spending_of_run(run.id),
        absent_node="" if shown is None else _absent_node(place, look, job_id, shown),
        request=request,
        awaits=() if shown is None else look.requests.awaited_by(shown),
        passed_over=() if shown is None else passed_over(look.steps_of_run(shown)),
    )


def _happening_meant(place: Place, look: Peek, subject: str) -> str:
    """Return the job, or the id of the run or request, that begins so; the words as they are where there is none."""
    if ":" in subject:
        return run_beginning(look, subject) or subject
    return find_request(place, look, subject) if subject.startswith("r-") else subject


def _request_meant(look: Peek, subject: str) -> RequestStory | None:
    """Return the story of the request that is named by its id, or by the job that is the work on it."""
    request_id = request_of_job(subject) or subject
    return tell_story(look, request_id) if look.requests.record(request_id) is not None else None


def _absent_node(place: Place, look: Peek, job_id: str, run_id: str) -> str:
    node = look.node_of_run(run_id)
    lives = latest_lives(look.nodes(), place.now, look_from(place.state, has_process))
    waiting = waiting_for_a_node({} if node is None else {node: (job_id,)}, lives)
    return waiting_in_words(waiting[0], place.zone, place.now) if waiting else ""


def _story_lines(place: Place, story: Story, width: int) -> Iterator[str]:
    if story.run is not None:
        yield from run_lines(place, story.run, story.fire, story.deliveries, story.spending, width)
        yield from stand_in_lines(story.passed_over, width)
        yield ""
    if story.request is not None:
        yield from story_lines(place, story.request, story.liveness, width)
        return
    schedule = "never planned yet" if story.planned is None else story.planned.schedule.replace("'", "")
    yield f"{story.job_id}: {schedule}"
    if story.overdue_since is not None:
        yield f"OVERDUE since {_moment(story, story.overdue_since)}"
    elif story.next_due is not None:
        yield f"next {_moment(story, story.next_due)}"
    if story.pause is not None:
        yield from wrap(pause_in_words(story.pause, story.zone), width)
    if story.fires:
        yield ""
        rows = [(_moment(story, fire.due_at), str(fire.state), outcome_of(fire)) for fire in story.fires]
        yield from table_lines(rows, width, ("last fires", "state", "outcome"))
    if story.passed_over and story.run is None:
        yield ""
        yield "in the newest of them"
        yield from stand_in_lines(story.passed_over, width)
    if story.incidents:
        yield ""
        for incident in story.incidents:
            since = _moment(story, datetime.fromtimestamp(incident.first_at, UTC))
            yield from wrap(f"broken since {since}: {incident.message}", width)
    yield ""
    for sentence in advise(story):
        yield from wrap(f"-> {sentence}", width)


def _moment(story: Story, moment: datetime) -> str:
    return when(moment, story.zone, story.now)


def _story_json(story: Story) -> dict[str, Any]:
    return {
        "job": story.job_id,
        "schedule": None if story.planned is None else story.planned.schedule,
        "next_due": iso(story.next_due),
        "overdue_since": iso(story.overdue_since),
        "fires": [fire_json(fire) for fire in story.fires],
        "incidents": [incident_json(incident) for incident in story.incidents],
        "paused": None if story.pause is None else pause_json(story.pause),
        "advice": list(advise(story)),
        "run": None if story.run is None else run_document(story.run, story.fire, story.deliveries, story.spending),
        "passed_over": list(story.passed_over),
        "request": None if story.request is None else story_json(story.request, story.liveness),
    }
