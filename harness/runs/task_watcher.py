"""The action `task-watcher`: requests that nobody moves, told once, and pages that lag behind the log of requests.

Deadlines and watches are served by the tick, every second; this looks whether that helped. Where nothing is open it is
one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from harness.bus.files.standing_incidents import OpenIncidents, keep_incidents
from harness.bus.radar.coder import KEY_PREFIX
from harness.bus.radar.decisions import MIRRORED_FOR, mirror_requests
from harness.bus.radar.folder import RadarFolder
from harness.bus.team import Team
from harness.domain.cause import dead_letter_cause
from harness.domain.job import Job
from harness.domain.request import USER, RequestState
from harness.domain.roundtable import seat_in
from harness.domain.sizes import counted
from harness.gate.sanitise import in_short
from harness.runs.actions import Action, ActionResult
from harness.runs.followups.told import in_code
from harness.runs.look import Look, is_told, last_look
from harness.store.database import Database
from harness.store.incidents import incidents_since
from harness.store.requests import RequestRow, unsettled_requests
from harness.store.unsettled import look_for_unsettled

CAUSE = "radar page "
"""How the cause of the incident begins that a page of the Tech Radar cannot be written."""

NOT_BEGUN_AFTER = timedelta(minutes=15)
QUIET_AT_LEAST = timedelta(hours=1)
"""Nobody has to say anything in less time than that."""

_MOST = 500
_TASK_CHARS = 120
_WHY_CHARS = 200


def task_watcher(
    database: Database, team: Callable[[], Team], incidents: Callable[[datetime], OpenIncidents]
) -> Action:
    """Return the action: it speaks of what is overdue, not begun, without news, or dead, each once.

    A dead letter of which an alert has told is not told again.
    """

    def watch(job: Job, due_at: datetime, now: datetime) -> ActionResult:
        with database.read() as connection:
            there_is = look_for_unsettled(connection, prefix=KEY_PREFIX, since=now - MIRRORED_FOR, cause=CAUSE)
        if there_is.is_nothing:
            return ActionResult("nothing is open")
        here = team()
        mirrored = ""
        if there_is.changed or there_is.told:
            mirrored = _mirror(database, here, incidents(now), now)
        with database.read() as connection:
            rows = unsettled_requests(connection, _MOST)
            look = Look(last_look(connection, job, due_at), due_at, now, here.workspace.settings.home_zone)
            told = [f"- {line}" for line in _news(connection, rows, look)]
        is_open = sum(row.is_open for row in rows)
        counts = f"{is_open} open, {counted(len(rows) - is_open, 'dead letter')}{mirrored}"
        if not told:
            return ActionResult(f"{counts}; nothing new is stuck")
        return ActionResult(
            f"{counted(len(told), 'request')} stuck; {counts}",
            "## Requests that nobody moves\n\n" + "\n".join(told) + "\n\nEach in full: `harness bus show ID`.\n",
        )

    return watch


def _mirror(database: Database, team: Team, incidents: OpenIncidents, now: datetime) -> str:
    """Bring the radar's pages up to the log; what cannot be written is an incident until it can."""
    mirrored = mirror_requests(database, RadarFolder(team.workspace.root), team, now)
    keep_incidents(incidents, [CAUSE], {f"{CAUSE}{slug}": problem for slug, problem in mirrored.problems.items()})
    return f", {counted(len(mirrored.changed), 'radar page')} brought up to date" if mirrored.changed else ""


def _news(connection: Connection, rows: Sequence[RequestRow], look: Look) -> Iterator[str]:
    for row in rows:
        for since, what in _troubles(row):
            if look.covers(since) and not (row.closed_at is not None and _is_known(connection, row, look)):
                task = in_code(in_short(row.task, _TASK_CHARS))
                yield f"**{what}** {row.id}, {row.sender} → {row.receiver}: {task}, {_why(row, look)}"


def _troubles(row: RequestRow) -> Iterator[tuple[datetime, str]]:
    """Yield what is wrong with the request, or will be if nothing happens to it, and since when."""
    if row.closed_at is not None:
        yield _at(row.closed_at), "dead letter"
        return
    yield _at(row.due_at), "overdue"
    if row.is_watched or row.receiver == USER:
        return
    quiet = max(QUIET_AT_LEAST, (_at(row.due_at) - _at(row.made_at)) / 2)
    is_begun = row.state is not RequestState.REQUESTED
    since = _at(row.news_at or row.made_at) + quiet if is_begun else _at(row.made_at) + NOT_BEGUN_AFTER
    if since < _at(row.due_at):
        yield since, "no news" if is_begun else "not begun"


def _is_known(connection: Connection, row: RequestRow, look: Look) -> bool:
    """Say whether an alert has told of the dead letter."""
    cause = dead_letter_cause(row.id)
    recent = incidents_since(connection, look.since - timedelta(days=1))
    return any(one.cause == cause and is_told(connection, one) for one in recent)


def _why(row: RequestRow, look: Look) -> str:
    if row.closed_at is not None:
        return str(row.result)
    parts = [f"due {look.clock(_at(row.due_at))}"]
    if row.why_waiting:
        parts.append(in_code(in_short(row.why_waiting, _WHY_CHARS)))
    # What is said at a roundtable is heard by nobody before its round is over, and jobs may read this page.
    if row.note and seat_in(row.key) is None:
        heard = look.clock(_at(row.news_at or row.made_at))
        parts.append(f"last news {heard}: {in_code(in_short(row.note, _WHY_CHARS))}")
    return ", ".join(parts)


def _at(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
