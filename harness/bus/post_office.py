"""The post office: gives requests to their receivers, as many at a time as each of them takes.

What is given to an agent is its run, queued in the same transaction: from then on it is confirmed, as nothing can
lose it. What cannot be given now keeps waiting, with the reason; a delivery that fails again and again is a
dead letter.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from harness.bus.finals import bury, with_fallback
from harness.bus.log import append, standing_of
from harness.bus.team import Team
from harness.domain.errors import HarnessError
from harness.domain.job import PRIORITIES
from harness.domain.pause import pause_in_words, pause_of, scope_name
from harness.domain.request import (
    SYSTEM,
    USER,
    Confirmed,
    Delivered,
    Final,
    RequestState,
    Situation,
    Standing,
    request_job,
    request_run,
)
from harness.domain.run import FireKind, FireState
from harness.store.fires import add_fire, first_free_slot
from harness.store.pauses import all_pauses
from harness.store.request_conditions import LONGEST_PAUSE_S
from harness.store.requests import (
    RequestRow,
    count_at_work,
    postpone_all,
    postpone_delivery,
    request_row,
    undelivered,
    waiting_receivers,
)
from harness.store.runs import NewRun, queue_run

FIRST_PAUSE_S = 30.0
AT_ONCE = 50


def has_deliverable(connection: Connection, team: Team, now: datetime) -> bool:
    """Say whether anything waits that its receiver would take now; it changes nothing."""
    return any(_room(connection, receiver, team) > 0 for receiver in waiting_receivers(connection, now))


def deliver_waiting(connection: Connection, team: Team, now: datetime) -> list[str]:
    """Give every receiver what it takes now, the most urgent first; return the requests' ids."""
    return [
        request_id
        for receiver in waiting_receivers(connection, now)
        for request_id in _deliver_to(connection, receiver, team, now)
    ]


def deliverable(connection: Connection, team: Team, now: datetime) -> list[RequestRow]:
    """Return what would be given to its receiver now, if each is judged alone."""
    rows: list[RequestRow] = []
    for receiver in waiting_receivers(connection, now):
        room = _room(connection, receiver, team)
        if room > 0 and _why_closed(connection, receiver, team) is None:
            rows += undelivered(connection, now, room, receiver)
    return rows


def deliver_one(connection: Connection, row: RequestRow, team: Team, now: datetime) -> bool:
    """Give one request to its receiver; False if there is no room any more, or no such receiver."""
    current = request_row(connection, row.id, for_change=True)
    if current is None or current.state is not RequestState.REQUESTED or _room(connection, current.receiver, team) <= 0:
        return False
    return _deliver(connection, current, team, now)


def deliver_if_room(connection: Connection, standing: Standing, row: RequestRow, team: Team, now: datetime) -> Standing:
    """Give the request to its receiver at once, unless others are before it; return what it has come to.

    Those are left to the tick: what is wrong with one of them is nothing to whoever sends this one.
    """
    receiver = standing.receiver
    room, until = _room(connection, receiver, team), None
    if room <= 0:
        why = f"{receiver} has {team.max_open(receiver)} open requests, and takes no more at a time"
    elif (closed := _why_closed(connection, receiver, team)) is not None:
        why, until = closed, now + timedelta(seconds=FIRST_PAUSE_S)
    elif row.id not in {waiting.id for waiting in undelivered(connection, now, room, receiver)}:
        why = f"other requests wait for {receiver} before it"
    else:
        return standing_of(connection, row.id) if _deliver(connection, row, team, now) else standing
    postpone_delivery(connection, row.id, why, until=until, failed=False)
    return standing


def _deliver_to(connection: Connection, receiver: str, team: Team, now: datetime) -> list[str]:
    """Give the receiver what it takes now, the most urgent first; return the requests' ids."""
    room = _room(connection, receiver, team)
    if room <= 0:
        return []
    why = _why_closed(connection, receiver, team)
    if why is not None:
        # One statement, however many wait: nothing of each of them is wrong.
        postpone_all(connection, receiver, why, now, until=now + timedelta(seconds=FIRST_PAUSE_S))
        return []
    rows = undelivered(connection, now, room, receiver)
    return [row.id for row in rows if _deliver(connection, row, team, now)]


def _room(connection: Connection, receiver: str, team: Team) -> int:
    limit = team.max_open(receiver)
    return AT_ONCE if limit is None else min(AT_ONCE, limit - count_at_work(connection, receiver))


def _deliver(connection: Connection, row: RequestRow, team: Team, now: datetime) -> bool:
    """Give the request to its receiver; False if there is no such receiver."""
    standing = standing_of(connection, row.id, for_change=True)
    why = _why_impossible(standing.receiver, team)
    if why is not None:
        _fail(connection, row, standing, why, team, now)
        return False
    token = standing.token + 1
    run_id = None if standing.receiver == USER else _queue(connection, standing, token, team, now)
    standing = append(connection, standing, Delivered(token, run_id), by=SYSTEM, now=now)
    append(connection, standing, Confirmed(token), by=SYSTEM, now=now)
    return True


def _why_closed(connection: Connection, receiver: str, team: Team) -> str | None:
    """Return why the receiver is given nothing for now, though nothing is wrong."""
    pause = pause_of(all_pauses(connection), request_job(receiver, ""))
    if receiver not in team.workspace.agents or pause is None:
        return None
    words = pause_in_words(pause, team.workspace.settings.home_zone)
    return f"{receiver} is {words}; harness jobs resume {scope_name(pause.scope)}"


def _why_impossible(receiver: str, team: Team) -> str | None:
    """Return why there is nobody to give the request to."""
    if receiver == USER or receiver in team.workspace.agents:
        return None
    if receiver == SYSTEM:
        return "the harness itself does no work on request; it only watches"
    return f"there is no agent {receiver!r}; there are: {', '.join(sorted(team.workspace.agents)) or 'none'}"


def _fail(connection: Connection, row: RequestRow, standing: Standing, why: str, team: Team, now: datetime) -> None:
    """Count a delivery that failed: it is tried again later and later, and then it is a dead letter."""
    failed = row.deliveries_failed + 1
    if failed >= team.rules.max_deliveries:
        reason = with_fallback(standing.request, f"it could not be delivered in {failed} tries: {why}")
        bury(connection, standing, Final("failed", reason), Situation.NEVER_DELIVERED, by=SYSTEM, now=now)
        return
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (failed - 1))
    postpone_delivery(connection, row.id, why, until=now + timedelta(seconds=pause_s), failed=True)


def _queue(connection: Connection, standing: Standing, token: int, team: Team, now: datetime) -> str:
    asked = standing.request
    job_id, run_id = request_job(standing.receiver, asked.id), request_run(asked.id, token)
    due_at = first_free_slot(connection, job_id, int(now.timestamp()))
    add_fire(
        connection,
        job_id=job_id,
        due_at=due_at,
        kind=FireKind.BUS,
        state=FireState.PLANNED,
        reason="",
        run_id=run_id,
        now=now,
    )
    new = NewRun(
        run_id,
        job_id,
        "agent",
        FireKind.BUS,
        due_at,
        team.workflow_version,
        options={"request": asked.id, "token": token},
        priority=PRIORITIES[asked.priority],
        node=team.workspace.agents[standing.receiver].on,
    )
    if not queue_run(connection, new, now):
        raise HarnessError(f"request {asked.id} cannot be delivered: there is a run {run_id} already")
    return run_id
