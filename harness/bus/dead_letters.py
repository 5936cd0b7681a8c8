"""Dead letters: requests that ended without having been worked to their end, until the person decides.

Sending one again is safe only where the log shows that nobody began to work on it. A timeout alone says nothing:
the work may have been done, and its news lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection

from harness.bus.log import append, standing_of
from harness.bus.radar.coder import FIX, NO_CODER, coder_of, is_of_radar
from harness.bus.sending import Ask, Sent, send
from harness.bus.team import Team
from harness.domain.errors import HarnessError, Refused
from harness.domain.moments import utc_time
from harness.domain.request import (
    SYSTEM,
    Delivered,
    Dropped,
    HandedOff,
    Request,
    Requested,
    Resent,
    Situation,
    Standing,
    request_job,
)
from harness.domain.run import Outcome
from harness.domain.sizes import counted
from harness.store.json_codec import from_json
from harness.store.outbox import deliveries_of_run
from harness.store.request_log import events_of
from harness.store.requests import request_with_key
from harness.store.runs import RunRow, runs_of_job
from harness.store.usage import usage_of_run

_NUMBERED = re.compile(r"(?P<first>.+)#\d+")


def resend(connection: Connection, request_id: str, team: Team, now: datetime, *, by: str, force: bool = False) -> Sent:
    """Ask for a dead letter's work again, as another request that is due after as long a time as the first was.

    Raises Refused (`may-do-twice`) with all that may be done twice, unless the log shows that nobody began to work
    on it or `force` is given; HarnessError if it is no dead letter; and what `send` raises. The transaction should
    be alone, and must be given up if this raises.
    """
    standing = _open_dead_letter(connection, request_id)
    unsafe = why_unsafe(connection, standing)
    if unsafe is not None and not force:
        raise Refused("may-do-twice", f"request {request_id}: {unsafe}; sending it again may do this twice")
    receiver = _receiver(standing.request, team)
    again = send(connection, _repeated(connection, standing.request, receiver, now), team, now)
    append(connection, standing, Resent(again.standing.request.id), by=by, now=now)
    return again


def drop(connection: Connection, request_id: str, reason: str, *, by: str, now: datetime) -> Standing:
    """Give a dead letter up, with the reason. Raises HarnessError if it is no dead letter, or without a reason."""
    if not reason.strip():
        raise HarnessError("say why the request is given up")
    standing = _open_dead_letter(connection, request_id)
    return append(connection, standing, Dropped(reason.strip()), by=by, now=now)


def why_unsafe(connection: Connection, standing: Standing) -> str | None:
    """Return what may be done twice if the request is sent again, or None if nobody ever began to work on it.

    It names every run that was begun: since when, with how many model calls, what it made and what it delivered.
    """
    if standing.situation is Situation.NOTICE_LOST:
        return "it was worked to its end, and only the news of it may be lost"
    deliveries = list(_deliveries(connection, standing.request.id))
    known = {run.id: run for receiver in _workers(deliveries) for run in _runs(connection, standing, receiver)}
    begun = [
        _begun_in_words(connection, run) for run in known.values() if run.started_at is not None or run.ended_at is None
    ]
    begun += [
        f"{receiver} has had it since {utc_time(at)}, and may have acted on it"
        for receiver, at, body in deliveries
        if body.run_id is None
    ]
    begun += [
        f"the ledger does not know what became of run {body.run_id} of {receiver}"
        for receiver, _, body in deliveries
        if body.run_id is not None and body.run_id not in known
    ]
    return "; ".join(begun) or None


def _open_dead_letter(connection: Connection, request_id: str) -> Standing:
    standing = standing_of(connection, request_id, for_change=True)
    if standing.is_dead_letter:
        return standing
    match standing.settled:
        case Resent(request_id=again):
            what = f"was sent again as {again}"
        case Dropped(reason=reason):
            what = f"was given up: {reason}"
        case None:
            what = f"is {standing.state if standing.final is None else standing.final.result}, and no dead letter"
    raise HarnessError(f"request {request_id} {what}")


def _receiver(asked: Request, team: Team) -> str:
    """Return who is asked again: where there was nobody, the coder that is configured by now."""
    if asked.receiver != SYSTEM or not is_of_radar(asked):
        return asked.receiver
    coder = coder_of(team)
    if coder is None:
        raise HarnessError(f"request {asked.id}: {NO_CODER}; {FIX}, or give it up: harness bus drop {asked.id}")
    return coder


def _repeated(connection: Connection, asked: Request, receiver: str, now: datetime) -> Ask:
    return Ask(
        sender=asked.sender,
        receiver=receiver,
        task=asked.task,
        key=_next_key(connection, asked),
        due_at=now + (asked.due_at - asked.made_at),
        background=asked.background,
        inputs=asked.inputs,
        expected_output=asked.expected_output,
        acceptance=asked.acceptance,
        fallback=asked.fallback,
        priority=asked.priority,
        is_untrusted=asked.is_untrusted,
        watch=asked.watch,
        resend_of=asked.id,
    )


def _next_key(connection: Connection, asked: Request) -> str:
    """Return the first key's next number that is free: `daily#2` after `daily`, `daily#3` after `daily#2`."""
    numbered = _NUMBERED.fullmatch(asked.key) if asked.resend_of is not None else None
    first = asked.key if numbered is None else numbered["first"]
    number = 2
    while request_with_key(connection, asked.sender, f"{first}#{number}") is not None:
        number += 1
    return f"{first}#{number}"


def _deliveries(connection: Connection, request_id: str) -> Iterator[tuple[str, datetime, Delivered]]:
    """Yield to whom and when the request was delivered, the first delivery first."""
    receiver = ""
    for event in events_of(connection, request_id):
        match event.body:
            case Requested(request=asked):
                receiver = asked.receiver
            case HandedOff(receiver=next_one):
                receiver = next_one
            case Delivered() as delivered:
                yield receiver, event.at, delivered
            case _:
                pass


def _workers(deliveries: list[tuple[str, datetime, Delivered]]) -> list[str]:
    return list(dict.fromkeys(receiver for receiver, _, body in deliveries if body.run_id is not None))


def _runs(connection: Connection, standing: Standing, receiver: str) -> list[RunRow]:
    """Return the runs of all deliveries to the receiver, further attempts and continuations included."""
    return runs_of_job(connection, request_job(receiver, standing.request.id))


def _begun_in_words(connection: Connection, run: RunRow) -> str:
    if run.started_at is None:
        return f"run {run.id} of {run.agent} is queued still"
    words = [f"run {run.id} of {run.agent} began {_when(run.started_at)}"]
    calls = usage_of_run(connection, run.id)[2]
    if calls:
        words.append(f"made {counted(calls, 'model call')}")
    artifact = _artifact(run)
    if artifact is not None:
        words.append(f"made {artifact}")
    sent_to = [row.channel for row in deliveries_of_run(connection, run.id) if row.state == "acknowledged"]
    if sent_to:
        words.append(f"was delivered to {', '.join(sent_to)}")
    return ", ".join(words)


def _artifact(run: RunRow) -> str | None:
    if not isinstance(run.outcome, dict) or "state" not in run.outcome:
        return None  # it ended without an outcome of its own: another run went on
    return from_json(Outcome, run.outcome).artifact


def _when(epoch: float) -> str:
    return utc_time(datetime.fromtimestamp(epoch, UTC))
