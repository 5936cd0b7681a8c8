"""The action `self-check`: what went wrong since the last look, told once, without a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from harness.domain.job import Job
from harness.domain.run import FireState
from harness.domain.workspace import Workspace
from harness.runs.actions import Action, ActionResult
from harness.runs.expectations import schedule_fingerprint
from harness.schedule.due import slots_between
from harness.store.database import Database
from harness.store.fires import fires_between, job_states, last_fires, taken_slots
from harness.store.incidents import open_incidents
from harness.store.outbox import count_pending

GRACE_S = 120
_SOURCES_NAMED = 5
_TROUBLE = (FireState.FAILED, FireState.MISSED)


def self_check(database: Database, workspace: Callable[[], Workspace]) -> Action:
    """Return the action: it compares the schedules with the ledger and looks for what is broken.

    It speaks only of what is new since its last run, so that an hour-long fault is told once; what
    stays open is counted in its reason, and shown by `harness status` all the time.
    """

    def check(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        with database.read() as connection:
            since = _last_look(connection, job, due_at)
            news = list(_news(connection, workspace(), since, due_at, now))
            still_open = len(open_incidents(connection))
            pending = count_pending(connection)
            fires = len(fires_between(connection, since, due_at))
        told = f"{_count(fires, 'fire', 'fires')} since {_clock(since, job.zone)}"
        rest = (
            _count(still_open, "incident open", "incidents open") if still_open else "",
            _count(pending, "delivery pending", "deliveries pending") if pending else "",
        )
        summary = "; ".join([told, *(part for part in rest if part)])
        if not news:
            return ActionResult(f"checked: {summary}; nothing new is wrong")
        text = "## What went wrong\n\n" + "\n".join(f"- {line}" for line in news) + f"\n\nChecked: {summary}.\n"
        return ActionResult(_count(len(news), "thing is wrong", "things are wrong"), text)

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
    connection: Connection, workspace: Workspace, since: datetime, until: datetime, now: datetime
) -> Iterator[str]:
    """Yield what went wrong in [since, until): each moment belongs to exactly one look."""
    zone = workspace.settings.home_zone
    for fire in fires_between(connection, since - timedelta(days=1), until):
        is_trouble = fire.state in _TROUBLE and not fire.is_preview
        if is_trouble and fire.closed_at is not None and since <= fire.closed_at < until:
            yield f"**{fire.job_id}** due {_clock(fire.due_at, zone)} {fire.state}: {fire.reason}"
    for job_id, slot in unfired_slots(connection, workspace, now):
        if not since <= slot + timedelta(seconds=GRACE_S) < until:
            continue
        yield f"**{job_id}** was due {_clock(slot, zone)} and nothing fired it"
    fresh = [i for i in open_incidents(connection) if since.timestamp() <= i.first_at < until.timestamp()]
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


def _last_look(connection: Connection, job: Job, due_at: datetime) -> datetime:
    """Return until when the last finished check had looked; a day back if there is none."""
    for fire in last_fires(connection, job.id, 50):
        if not fire.state.is_open and fire.state.is_success and fire.due_at < due_at:
            return fire.due_at
    return due_at - timedelta(days=1)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _clock(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%a %H:%M")
