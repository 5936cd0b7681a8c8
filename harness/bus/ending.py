"""Ending a request from outside the work: its sender wants it no more, or a person or a program answers it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from harness.bus.finals import finish
from harness.bus.log import standing_of
from harness.bus.payload import check_final_text
from harness.domain.errors import HarnessError, Refused
from harness.domain.request import SYSTEM, USER, Final, Standing

ANSWERS = ("done", "failed", "rejected")
"""What a person or a program may say that a request came to; the harness alone says the rest."""


def cancel(connection: Connection, request_id: str, reason: str, *, by: str, now: datetime) -> Standing:
    """Give the request the final `cancelled`; the person may cancel any, everybody else what they asked for.

    Whoever works on it holds it no more; `harness.runs.requests.ends.cancel_request` stops the run as well.
    Raises UnknownRequest, Refused (`not-yours`), IllegalTransition if it is final.
    """
    standing = standing_of(connection, request_id, for_change=True)
    if by not in (USER, SYSTEM, standing.request.sender):
        raise Refused("not-yours", f"request {request_id} was made by {standing.request.sender}, not by {by}")
    conclusion = f"cancelled by {by}: {reason.strip()}" if reason.strip() else f"cancelled by {by}"
    return finish(connection, standing, Final("cancelled", conclusion), by=by, now=now)


def answer(connection: Connection, request_id: str, final: Final, *, by: str, now: datetime) -> Standing:
    """Give a request to this person or program its final.

    Raises UnknownRequest, Refused (`not-yours`) if another has it, IllegalTransition if it is final, HarnessError for
    a final that says nothing or that is not theirs to say.
    """
    standing = standing_of(connection, request_id, for_change=True)
    if standing.receiver != by:
        raise Refused("not-yours", f"request {request_id} is {standing.receiver}'s to answer, not {by}'s")
    if final.result not in ANSWERS:
        raise HarnessError(f"an answer is one of {', '.join(ANSWERS)}, not {final.result}")
    if not final.conclusion.strip():
        raise HarnessError("an answer needs a conclusion: say in a sentence what the request came to")
    check_final_text(final)
    return finish(connection, standing, final, by=by, now=now, token=standing.token)
