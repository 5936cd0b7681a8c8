"""Tables whose chair will not come back: it was cancelled, failed, or its time was over while a round was open."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.log import standing_of
from harness.bus.notices import note_told
from harness.domain.request import SYSTEM
from harness.runs.requests.ends import cancel_request
from harness.store.database import Database
from harness.store.fires import fire_at
from harness.store.requests import request_row
from harness.store.runs import run_by_id
from harness.store.seats import seats_not_heard

GIVEN_UP = "its roundtable was given up"


def seats_given_up(connection: Connection) -> list[str]:
    """Return the seats whose round nobody will hear: the fire of the run that called it is closed."""
    return [request_id for request_id in seats_not_heard(connection) if _is_given_up(connection, request_id)]


def give_up_seat(database: Database, request_id: str, now: datetime) -> bool:
    """Stop whoever still speaks, and open the seal of what was said; False if it was heard meanwhile."""
    with database.write(alone=True) as connection:
        if not _is_given_up(connection, request_id) or standing_of(connection, request_id).noticed_at is not None:
            return False
        if standing_of(connection, request_id).is_open:
            cancel_request(connection, request_id, GIVEN_UP, by=SYSTEM, now=now)
        note_told(connection, [request_id], GIVEN_UP, now)
    return True


def _is_given_up(connection: Connection, request_id: str) -> bool:
    row = request_row(connection, request_id)
    chair = None if row is None or row.parent_run is None else run_by_id(connection, row.parent_run)
    if chair is None:
        return True
    # Another attempt, and the run that goes on, are runs of the same fire.
    fire = fire_at(connection, chair.job_id, chair.due_at)
    return fire is None or not fire.state.is_open
