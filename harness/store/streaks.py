"""Queries on how often in a row a job has failed, in `job_state`."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from harness.store.tables import job_state


def count_failure(connection: Connection, job_id: str) -> None:
    """Count one more failure of the job."""
    connection.execute(
        update(job_state)
        .where(job_state.c.job_id == job_id)
        .values(failures_in_a_row=job_state.c.failures_in_a_row + 1)
    )


def reset_failures(connection: Connection, job_id: str) -> None:
    """Begin to count anew: the job has succeeded, or the person gives it another chance."""
    connection.execute(
        update(job_state)
        .where(job_state.c.job_id == job_id, job_state.c.failures_in_a_row > 0)
        .values(failures_in_a_row=0)
    )


def failing_jobs(connection: Connection) -> dict[str, int]:
    """Return how often in a row each job has failed, of those that have."""
    query = select(job_state.c.job_id, job_state.c.failures_in_a_row).where(job_state.c.failures_in_a_row > 0)
    return {row[0]: row[1] for row in connection.execute(query.order_by(job_state.c.job_id))}
