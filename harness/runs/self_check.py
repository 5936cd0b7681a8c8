"""The action `self-check`: what went wrong since the last look, told once, without a model.

What an alert has told is no news: it is named in one line, with the time at which it was told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from harness.domain.cause import job_named_by
from harness.domain.job import Job
from harness.domain.run import Fire, FireState
from harness.domain.sizes import counted
from harness.domain.workspace import Workspace
from harness.runs.actions import Action, ActionResult
from harness.runs.alert_page import headline
from harness.runs.expectations import schedule_fingerprint
from harness.runs.look import GRACE_S, Look, is_told, last_look
from harness.schedule.due import slots_between
from harness.store.database import Database
from harness.store.fires import fires_between, job_states, taken_slots
from harness.store.incidents import IncidentRow, incidents_since, open_incidents
from harness.store.outbox import count_pending

_SOURCES_NAMED = 5
_TOLD_NAMED = 1
_TROUBLE = (FireState.FAILED, FireState.MISSED)


def self_check(database: Database, workspace: Callable[[], Workspace]) -> Action:
    """Return the action: it compares the schedules with the ledger and looks for what is broken.

    It speaks only of what is new since its last run, so that an hour-long fault is told once; what
    stays open is counted in its reason, and shown by `harness status` all the time.
    """

    def check(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        with database.read() as connection:
            look = Look(last_look(connection, job, due_at), due_at, now, workspace().settings.home_zone)
            incidents = open_incidents(connection)
            recent = incidents_since(connection, look.since - timedelta(seconds=GRACE_S))
            told = [row for row in recent if is_told(connection, row)]
            news = list(_news(connection, workspace(), look, incidents, told))
            pending = count_pending(connection)
            fires = len(fires_between(connection, look.since, due_at))
        checked = [
            f"{counted(fires, 'fire')} since {look.clock(look.since)}",
            *([f"{counted(len(incidents), 'incident')} open"] if incidents else []),
            *([f"{counted(pending, 'delivery', 'deliveries')} pending"] if pending else []),
        ]
        still_wrong = [row for row in told if row.resolved_at is None]
        if not news:
            return ActionResult(f"checked: {'; '.join([*checked, *_told(still_wrong, look)])}; nothing new is wrong")
        lines = "\n".join(f"- {line}" for line in news)
        summary = "; ".join([*checked, *_told(still_wrong, look, mark="`")])
        text = f"## What went wrong\n\n{lines}\n\nChecked: {summary}.\n"
        return ActionResult(f"{counted(len(news), 'thing')} went wrong", text)

    return check


def unfired_slots(connection: Connection, workspace: Workspace, now: datetime) -> Iterator[tuple[str, datetime]]:
    """Yield the slots of the last day that came and have no row, with their job."""
    states = job_states(connection)
    until = now - timedelta(seconds=GRACE_S)
    for job in workspace.jobs():
        state = states.get(job.id)
        if state is None or state.schedule != schedule_fingerprint(job):
            continue
        after = max(datetime.fromtimestamp(state.known_since, UTC), now - timedelta(days=1))
        slots = slots_between(job.schedules, job.zone, after, until)
        taken = taken_slots(connection, job.id, [int(slot.timestamp()) for slot in slots])
        yield from ((job.id, slot) for slot in slots if int(slot.timestamp()) not in taken)


def _news(
    connection: Connection,
    workspace: Workspace,
    look: Look,
    incidents: Sequence[IncidentRow],
    told: Sequence[IncidentRow],
) -> Iterator[str]:
    """Yield what went wrong within the look and no alert has told."""
    for fire in fires_between(connection, look.since - timedelta(days=1), look.until):
        is_trouble = fire.state in _TROUBLE and not fire.is_preview
        if not is_trouble or fire.closed_at is None or not look.covers(fire.closed_at):
            continue
        if not any(_is_of(incident, fire, fire.closed_at) for incident in told):
            yield f"**{fire.job_id}** due {look.clock(fire.due_at)} {fire.state}: {fire.reason}"
    for job_id, slot in unfired_slots(connection, workspace, look.now):
        if look.covers(slot):
            yield f"**{job_id}** was due {look.clock(slot)} and nothing fired it"
    untold = (row for row in incidents if row not in told)
    fresh = [row for row in untold if look.covers(datetime.fromtimestamp(row.first_at, UTC))]
    sources = [incident for incident in fresh if incident.cause.startswith("source ")]
    # A fire that failed or was missed is told above. In code, as a bare address would be read as a link
    # that nobody collected.
    for incident in fresh:
        if not incident.cause.startswith(("job ", "missed ", "source ")):
            yield f"{incident.cause}: `{incident.message}`"
    if len(sources) > _SOURCES_NAMED:
        yield f"{len(sources)} sources keep failing (is the network up?), one of them: `{sources[0].message}`"
    else:
        yield from (f"`{incident.message}`" for incident in sources)


def _is_of(incident: IncidentRow, fire: Fire, closed_at: datetime) -> bool:
    """Say whether the fire, which was closed then, is one of the failures that the incident counts."""
    is_of_its_kind = incident.cause.startswith("missed ") == (fire.state is FireState.MISSED)
    is_of_its_time = incident.first_at <= closed_at.timestamp() and not incident.cause.startswith("disabled ")
    return is_of_its_kind and is_of_its_time and fire.job_id in (*incident.jobs, job_named_by(incident.cause))


def _told(told: Sequence[IncidentRow], look: Look, *, mark: str = "") -> Iterator[str]:
    """Yield in one line what an alert has told; `mark` stands around each, where an address would become a link."""
    if not told:
        return
    moments = ((row, datetime.fromtimestamp(row.alerted_at or row.first_at, UTC)) for row in told[:_TOLD_NAMED])
    named = ", ".join(f"{mark}{headline(row.cause)}{mark} (told at {look.clock(at)})" for row, at in moments)
    more = len(told) - _TOLD_NAMED
    yield f"known from an alert: {named}" + (f" and {more} more" if more > 0 else "")
