"""The post office: gives requests to their receivers, as many at a time as each of them takes.

What is given to an agent is its run, queued in the same transaction: from then on it is confirmed, as nothing can
lose it. What cannot be given now keeps waiting, with the reason; a delivery that fails again and again is a
dead letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from harness.bus.burial import bury
from harness.bus.log import append, standing_of
from harness.bus.team import Team
from harness.domain.job import PRIORITIES
from harness.domain.pause import pause_in_words, pause_of
from harness.domain.request import (
    SYSTEM,
    USER,
    Confirmed,
    Delivered,
    Final,
    Situation,
    Standing,
    request_job,
    request_run,
)
from harness.domain.run import FireKind, FireState
from harness.store.fires import add_fire, first_free_slot
from harness.store.pauses import all_pauses
from harness.store.requests import (
    RequestRow,
    count_at_work,
    postpone_delivery,
    undelivered,
    waiting_receivers,
)
from harness.store.runs import NewRun, queue_run

FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 3600.0
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """Why a request cannot be given to its receiver now. `has_failed`: it is broken, and not only busy."""

    why: str
    has_failed: bool = False


def deliver_waiting(connection: Connection, team: Team, now: datetime) -> list[str]:
    """Give every receiver what it takes now, the most urgent first; return the requests' ids."""
    given: list[str] = []
    for receiver in waiting_receivers(connection):
        limit = team.max_open(receiver)
        room = AT_ONCE if limit is None else min(AT_ONCE, limit - count_at_work(connection, receiver))
        if room > 0:
            rows = undelivered(connection, now, room, receiver)
            given += [row.id for row in rows if deliver(connection, row, team, now) is not None]
    return given


def deliver_if_room(connection: Connection, standing: Standing, row: RequestRow, team: Team, now: datetime) -> Standing:
    """Give the request to its receiver at once, unless others are before it; return what it has come to."""
    limit = team.max_open(standing.receiver)
    if limit is not None and count_at_work(connection, standing.receiver) >= limit:
        why = f"{standing.receiver} has {limit} open requests, and takes no more at a time"
        postpone_delivery(connection, row.id, why, until=None, failed=False)
        return standing
    return deliver(connection, row, team, now) or standing


def deliver(connection: Connection, row: RequestRow, team: Team, now: datetime) -> Standing | None:
    """Give the request to its receiver; None if it cannot be given now."""
    standing = standing_of(connection, row.id, for_change=True)
    obstacle = _obstacle(connection, standing, team)
    if obstacle is not None:
        _postpone(connection, row, standing, obstacle, team, now)
        return None
    token = standing.token + 1
    run_id = None if standing.receiver == USER else _queue(connection, standing, token, team, now)
    standing = append(connection, standing, Delivered(token, run_id), by=SYSTEM, now=now)
    return append(connection, standing, Confirmed(token), by=SYSTEM, now=now)


def _obstacle(connection: Connection, standing: Standing, team: Team) -> Undeliverable | None:
    receiver = standing.receiver
    if receiver == USER:
        return None
    if receiver not in team.workspace.agents:
        there_are = ", ".join(sorted(team.workspace.agents)) or "none"
        return Undeliverable(f"there is no agent {receiver!r}; there are: {there_are}", has_failed=True)
    pause = pause_of(all_pauses(connection), request_job(receiver, standing.request.id))
    if pause is not None:
        return Undeliverable(f"{receiver} is {pause_in_words(pause, team.workspace.settings.home_zone)}")
    return None


def _postpone(
    connection: Connection, row: RequestRow, standing: Standing, obstacle: Undeliverable, team: Team, now: datetime
) -> None:
    failed = row.deliveries_failed + int(obstacle.has_failed)
    if failed >= team.rules.max_deliveries:
        reason = f"it could not be delivered in {failed} tries: {obstacle.why}"
        bury(connection, standing, Final("failed", reason), Situation.NEVER_DELIVERED, by=SYSTEM, now=now)
        return
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** max(0, failed - 1))
    until = now + timedelta(seconds=pause_s)
    postpone_delivery(connection, row.id, obstacle.why, until=until, failed=obstacle.has_failed)


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
    queue_run(connection, new, now)
    return run_id
