"""What went wrong with a job lately, in words: memory is asked for what is known of it."""

from __future__ import annotations

from harness.domain.run import FireState
from harness.store.database import Database
from harness.store.fires import last_fires

_FIRES = 3


def failures_lately(database: Database, job_id: str) -> tuple[str, ...]:
    """Return for which reasons the newest fires of the job failed, the newest first; empty if they did not."""
    with database.read() as connection:
        fires = last_fires(connection, job_id, _FIRES)
    return tuple(fire.reason for fire in fires if fire.state is FireState.FAILED)
