"""What one look of a watching action covers, so that each thing is told by exactly one look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from harness.domain.job import Job
from harness.domain.moments import local_time
from harness.runs.alerts import ALERT_PREFIX
from harness.store.fires import last_fires
from harness.store.incidents import IncidentRow
from harness.store.outbox import is_undelivered

GRACE_S = 120
"""So long something may be wrong before it is told: a slot may still be fired, an alert still be sent."""

_FIRES = 50


@dataclass(frozen=True, slots=True)
class Look:
    """What one look covers, in [since, until): each moment belongs to exactly one look. Times are aware UTC."""

    since: datetime
    until: datetime
    now: datetime
    zone: str

    def covers(self, moment: datetime) -> bool:
        """Say whether what is wrong since then is to be told by this look."""
        return self.since <= moment + timedelta(seconds=GRACE_S) < self.until

    def clock(self, moment: datetime) -> str:
        """Return the moment as the person reads it."""
        return local_time(moment, self.zone, self.now)


def last_look(connection: Connection, job: Job, due_at: datetime) -> datetime:
    """Return until when the last finished run of the job had looked; a day back if there is none."""
    for fire in last_fires(connection, job.id, _FIRES):
        if not fire.state.is_open and fire.state.is_success and fire.due_at < due_at:
            return fire.due_at
    return due_at - timedelta(days=1)


def is_told(connection: Connection, incident: IncidentRow) -> bool:
    """Say whether an alert has told of the incident and has come through."""
    return incident.alerted_at is not None and not is_undelivered(connection, ALERT_PREFIX, incident.alerted_at)
