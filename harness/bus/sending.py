"""Making a request: checked, written down, and given to its receiver in one transaction."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from harness.bus.finals import bury
from harness.bus.guards import RATE_WINDOW, Traffic, check_request, check_share
from harness.bus.log import open_log, standing_of
from harness.bus.payload import check_request_text
from harness.bus.post_office import deliver_if_room
from harness.bus.team import Team
from harness.domain.errors import HarnessError
from harness.domain.job import Priority
from harness.domain.request import SYSTEM, Final, Request, Situation, Standing, Watch
from harness.domain.roundtable import seat_in
from harness.gate.sanitise import in_short
from harness.store.requests import (
    RequestRow,
    count_asked_by_run,
    count_at_work,
    count_between,
    count_waiting,
    open_between,
    request_row,
    request_with_key,
)
from harness.store.seats import keys_of_run

_ID_CHARS = 10
_TITLE_CHARS = 60


@dataclass(frozen=True, slots=True)
class Ask:
    """What a sender wants; see `harness.domain.request.Request`.

    `due_at` None means as long as the team's rules give; `parent` is the request that the sender is working on, and
    no work for it is due after it.
    """

    sender: str
    receiver: str
    task: str
    key: str
    due_at: datetime | None = None
    background: str = ""
    inputs: tuple[str, ...] = ()
    expected_output: str = ""
    acceptance: tuple[str, ...] = ()
    fallback: str = ""
    priority: Priority = "normal"
    parent: str | None = None
    parent_run: str | None = None
    is_untrusted: bool = False
    watch: Watch | None = None
    resend_of: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What the request has come to, and whether it is new: False if the same was asked before with its key."""

    standing: Standing
    is_new: bool


def send(connection: Connection, ask: Ask, team: Team, now: datetime, *, rejected: Final | None = None) -> Sent:
    """Write the request and give it to its receiver if it takes one more; the transaction should be alone.

    Asking again with the same key changes nothing and returns what was asked first. `rejected` is the final of a
    request for which there is nobody: it has it at once, and is a dead letter for the person.
    Raises Refused with the name of the guard's rule, or `too-long`; HarnessError if the receiver is unknown, if nothing
    is asked, or if the key stands for something else.
    """
    check_request_text(ask)
    before = request_with_key(connection, ask.sender, ask.key)
    if before is not None:
        return Sent(_the_same(standing_of(connection, before.id), ask), is_new=False)
    _check_sense(ask, team, now)
    above = requests_above(connection, ask.parent)
    chain = (*(row.sender for row in above), ask.sender)
    is_seat = seat_in(ask.key) is not None
    traffic = Traffic(
        chain,
        # The rounds of a table are as the person wrote them, and none of a model's asking.
        0 if ask.parent_run is None or is_seat else count_asked_by_run(connection, ask.parent_run),
        count_between(connection, ask.sender, ask.receiver, now - RATE_WINDOW, now),
        count_at_work(connection, ask.receiver),
        count_waiting(connection, ask.receiver),
        _speakers_beside(connection, above),
    )
    check_request(ask.sender, ask.receiver, traffic, team.rules, team.max_open(ask.receiver))
    if not is_seat and ask.watch is None:
        _check_share(connection, ask, team)
    request = _request(ask, len(chain) - 1, team, now)
    if above and now.timestamp() < above[-1].due_at < request.due_at.timestamp():
        # After that nobody would hear the answer any more.
        request = replace(request, due_at=datetime.fromtimestamp(above[-1].due_at, UTC))
    standing = open_log(connection, request, ask.sender, now)
    if standing is None:
        raise HarnessError(f"request {request.id} is there already, and its key {ask.key!r} is not")
    row = request_row(connection, request.id)
    assert row is not None, "it was written just now"
    if rejected is not None:
        standing = bury(connection, standing, rejected, Situation.NEVER_DELIVERED, by=SYSTEM, now=now)
    elif ask.watch is None:
        standing = deliver_if_room(connection, standing, row, team, now)
    return Sent(standing, is_new=True)


def request_id(sender: str, key: str) -> str:
    """Return the id of the request that this sender makes with this idempotency key."""
    digest = hashlib.sha256(f"{sender}\n{key}".encode()).digest()
    return f"r-{base64.b32encode(digest).decode('ascii').lower()[:_ID_CHARS]}"


def chain_to(connection: Connection, request: Request) -> tuple[str, ...]:
    """Return the parties from the first sender down to the one that made the request."""
    return (*(row.sender for row in requests_above(connection, request.parent)), request.sender)


def requests_above(connection: Connection, parent: str | None) -> tuple[RequestRow, ...]:
    """Return the requests from the first one down to the one named."""
    rows: list[RequestRow] = []
    while parent is not None and (row := request_row(connection, parent)) is not None:
        rows.append(row)
        parent = row.parent
    return tuple(reversed(rows))


def _speakers_beside(connection: Connection, above: Sequence[RequestRow]) -> tuple[str, ...]:
    """Return who speaks at the table for which all of this is asked; nobody if it is for none."""
    seated = next(((row, seat) for row in above if (seat := seat_in(row.key)) is not None), None)
    if seated is None:
        return ()
    row, seat = seated
    beside = (seat_in(key) for key in keys_of_run(connection, row.parent_run or ""))
    return tuple(one.speaker for one in beside if one is not None and one.table == seat.table)


def _check_share(connection: Connection, ask: Ask, team: Team) -> None:
    most = team.max_open_at(ask.sender, ask.receiver)
    if most is not None:
        still_open = open_between(connection, ask.sender, ask.receiver)
        named = [f"{row.id} “{in_short(row.task, _TITLE_CHARS)}”" for row in still_open if seat_in(row.key) is None]
        check_share(ask.receiver, named, most)


def _check_sense(ask: Ask, team: Team, now: datetime) -> None:
    if not ask.task.strip():
        raise HarnessError("a request needs a task")
    if not ask.key:
        raise HarnessError("a request needs an idempotency key")
    if ask.receiver == ask.sender:
        raise HarnessError(f"{ask.sender} cannot ask {ask.sender}: a request goes from one to another")
    if not team.knows(ask.receiver):
        others = ", ".join(sorted({*team.workspace.agents, "user"} - {ask.sender}))
        raise HarnessError(f"there is nobody called {ask.receiver!r} to ask; there are: {others}")
    if ask.due_at is not None and ask.due_at <= now:
        raise HarnessError(f"the request would be due at {ask.due_at:%Y-%m-%d %H:%M %Z}, which has passed")


def _request(ask: Ask, depth: int, team: Team, now: datetime) -> Request:
    return Request(
        id=request_id(ask.sender, ask.key),
        sender=ask.sender,
        receiver=ask.receiver,
        task=ask.task.strip(),
        due_at=(ask.due_at or now + timedelta(seconds=team.rules.due_s)).astimezone(UTC),
        made_at=now.astimezone(UTC),
        key=ask.key,
        background=ask.background,
        inputs=ask.inputs,
        expected_output=ask.expected_output,
        acceptance=ask.acceptance,
        fallback=ask.fallback,
        priority=ask.priority,
        parent=ask.parent,
        parent_run=ask.parent_run,
        depth=depth,
        is_untrusted=ask.is_untrusted,
        watch=ask.watch,
        resend_of=ask.resend_of,
        files_since=team.files_now,
    )


def _the_same(standing: Standing, ask: Ask) -> Standing:
    asked = standing.request
    if (asked.receiver, asked.task, asked.watch) != (ask.receiver, ask.task.strip(), ask.watch):
        raise HarnessError(
            f"the idempotency key {ask.key!r} stands for request {asked.id} ({asked.receiver}: {asked.task[:80]!r}); "
            "use another key for another task"
        )
    return standing
