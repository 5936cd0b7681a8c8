"""Who was told of a request's end: the sender, or the person in its place; the work is never redone for it.

A sender counts as told when the run that waited for the final goes on with it; an agent that went on meanwhile, when
the end stood in its next prompt; the person, when they looked at it or it stood in a message that a channel took.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from harness.bus.log import append, standing_of
from harness.domain.request import SYSTEM, USER, Noticed
from harness.store.database import Database
from harness.store.incidents import open_incident, open_incidents, resolve_incident

BY_INCIDENT = "an incident: the person was told"
_CAUSE = "untold "
_TASK_CHARS = 200
_CONCLUSION_CHARS = 500


def note_told(connection: Connection, request_ids: Iterable[str], how: str, now: datetime) -> None:
    """Write down that the senders were told of these ends; `how` is the run that did it, or the channel."""
    for request_id in request_ids:
        standing = standing_of(connection, request_id, for_change=True)
        if standing.noticed_at is None:
            append(connection, standing, Noticed(how), by=SYSTEM, now=now)


def tell_instead(connection: Connection, request_id: str, now: datetime) -> bool:
    """Tell the person of an end that its sender will not hear of; False if somebody was told meanwhile.

    It goes the way of every incident, so that it is told once, and again if no channel took it. There is nothing to be
    put right afterwards: as soon as it was told it is over, without another message.
    """
    standing = standing_of(connection, request_id, for_change=True)
    if standing.final is None or standing.noticed_at is not None:
        return False
    request, final = standing.request, standing.final
    whose = "your request" if request.sender == USER else f"the request of {request.sender}"
    message = (
        f"nobody has heard yet what became of {whose} to {request.receiver} ({request.task[:_TASK_CHARS]}): "
        f"{final.result}, {final.conclusion[:_CONCLUSION_CHARS]}; all of it: harness bus show {request_id}"
    )
    open_incident(connection, f"{_CAUSE}{request_id}", message, now)
    append(connection, standing, Noticed(BY_INCIDENT), by=SYSTEM, now=now)
    return True


def forget_told(database: Database, now: datetime) -> None:
    """Close the incidents by which the person was told; nothing was broken that could be over."""
    with database.read() as connection:
        told = [row.cause for row in open_incidents(connection) if row.cause.startswith(_CAUSE) and row.alerts]
    if told:
        with database.write() as connection:
            for cause in told:
                resolve_incident(connection, cause, now, is_told=True)
