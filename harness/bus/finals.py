"""The one final of a request: who writes it, and what follows from it in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from harness.bus.continuations import continue_waiting
from harness.bus.log import append, standing_of
from harness.domain.request import (
    SYSTEM,
    DeadLettered,
    Final,
    Finished,
    Request,
    Result,
    Situation,
    Standing,
    Verdict,
    request_of_job,
)
from harness.domain.roundtable import seat_of
from harness.domain.run import FireState, Outcome

_RESULTS: Mapping[FireState, Result] = {
    FireState.DELIVERED: "done",
    FireState.SILENT: "done",
    FireState.DEGRADED: "done",
    FireState.FAILED: "failed",
    FireState.MISSED: "timed_out",
    FireState.SKIPPED: "rejected",
    FireState.CANCELLED: "cancelled",
}
_VERDICTS: Mapping[FireState, Verdict] = {FireState.DEGRADED: "NEEDS_WORK"}
"""What the harness can say where the worker did not: only that something is missing."""


def finish(
    connection: Connection, standing: Standing, final: Final, *, by: str, now: datetime, token: int | None = None
) -> Standing:
    """Write the request's final, and queue whoever waits for it.

    With `token` a worker speaks, otherwise the harness or the sender. Raises IllegalTransition if there is a final,
    Superseded if the worker's delivery is void.
    """
    after = append(connection, standing, Finished(final, token), by=by, now=now)
    continue_waiting(connection, standing.request.id, now)
    request_id = standing.request.id
    return standing_of(connection, request_id) if after.noticed_at is None else after


def bury(
    connection: Connection, standing: Standing, final: Final, situation: Situation, *, by: str, now: datetime
) -> Standing:
    """End the request with this final, tell whoever waits for it, and put it among the dead letters.

    A seat at a roundtable is none: its table goes on without the speaker, and says so.
    """
    finished = finish(connection, standing, final, by=by, now=now)
    if seat_of(standing.request) is not None:
        return finished
    return append(connection, finished, DeadLettered(final.conclusion, situation), by=by, now=now)


def with_fallback(request: Request, what_happened: str) -> str:
    """Return the conclusion of a request that was not worked to its end, with what its sender does then."""
    fallback = request.fallback.strip()
    return f"{what_happened}; for this case it was said: {fallback}" if fallback else what_happened


def finish_for_run(
    connection: Connection, *, job_id: str, run_id: str, outcome: Outcome, final: Final | None, now: datetime
) -> None:
    """Give the request that a run worked on its final, now that the run's fire is closed.

    `final` is what the worker said it came to; where it said nothing, the harness says it from the outcome. Does
    nothing if the run worked on no request, was superseded, or the request is final.
    """
    request_id = request_of_job(job_id)
    if request_id is None:
        return
    standing = standing_of(connection, request_id, for_change=True)
    if not standing.is_open or standing.run_id is None or not _is_of(run_id, standing.run_id):
        return
    agent = job_id.partition("/")[0]
    finish(connection, standing, final or final_of(outcome), by=agent if final else SYSTEM, now=now)


def final_of(outcome: Outcome) -> Final:
    """Return what a run's outcome means for the request that it worked on and said nothing of."""
    result = _RESULTS[outcome.state]
    conclusion = outcome.reason or "done; the result is in the artifact"
    return Final(result, conclusion, verdict=_VERDICTS.get(outcome.state))


def _is_of(run_id: str, first: str) -> bool:
    """Say whether the run is the delivery's own, another attempt at it, or goes on with it."""
    return run_id == first or run_id.startswith((f"{first}~", f"{first}."))
