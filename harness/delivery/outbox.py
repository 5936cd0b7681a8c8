"""Deliveries that are promised are tried until the channel acknowledges them, or are given up by name."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from harness.delivery.channels import Channel, OutboundDigest
from harness.delivery.digest import digest_from_json
from harness.delivery.quiet_hours import quiet_until
from harness.delivery.repetition import contents_of, may_repeat, without_told
from harness.domain.cause import channel_cause
from harness.domain.channel import HELD_BACK
from harness.domain.digest import Digest
from harness.domain.errors import HarnessError, OwnerError, Refused, TransientError
from harness.domain.moments import utc_time
from harness.domain.settings import Settings
from harness.store.database import Database
from harness.store.incidents import open_incident, resolve_incident
from harness.store.outbox import (
    OutboxRow,
    acknowledge,
    claim_delivery,
    deliveries_of_run,
    due_deliveries,
    give_up,
    leave_out,
    note_progress,
    postpone,
)
from harness.store.runs import run_by_id
from harness.store.told import note_told, told_since

MAX_ATTEMPTS = 12
FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 3600.0
LONGEST_ASKED_PAUSE_S = 4 * 3600.0
LONGEST_TRY_S = 120.0
"""After that a try that nobody has told the end of is over: its daemon died in it."""

log = logging.getLogger("harness.outbox")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one delivery; `problem` is empty when the channel has acknowledged it.

    `is_final`: it will not be tried again. `is_held_back`: it was not tried, as it is quiet now.
    """

    delivery_id: str
    run_id: str
    channel: str
    problem: str = ""
    is_final: bool = False
    is_held_back: bool = False

    @property
    def has_failed(self) -> bool:
        return bool(self.problem) and not self.is_held_back


def deliver_due(
    database: Database,
    channels: Mapping[str, Channel],
    settings: Settings,
    now: datetime,
    *,
    run_id: str,
    is_shared_work: bool = False,
    holder: str | None = None,
    but: Collection[str] = (),
) -> list[Attempt]:
    """Try those deliveries of one run that are pending and due, `but` on these channels.

    Between "sent" and "recorded" lies one crash: the channel sees the same idempotency key again then,
    and a file channel writes the same file. `is_shared_work`: no daemon holds the run any more; of several
    that look at once, one tries. What a cancel has dropped meanwhile is not tried, nor what is left when the
    run is not in the hands of `holder` any more. Blocks; no transaction is open while a channel works.
    """
    with database.read() as connection:
        rows = due_deliveries(connection, now, run_id)
    return [
        _try(database, channels, settings, row, now, LONGEST_TRY_S if is_shared_work else 0.0)
        for row in rows
        if row.channel not in but
        and (_take_in_hand(database, row, now) if is_shared_work else _is_still_owed(database, row, holder))
    ]


def _take_in_hand(database: Database, row: OutboxRow, now: datetime) -> bool:
    with database.write() as connection:
        return claim_delivery(connection, row, now + timedelta(seconds=LONGEST_TRY_S))


def _is_still_owed(database: Database, row: OutboxRow, holder: str | None) -> bool:
    with database.read() as connection:
        run = run_by_id(connection, row.run_id)
        if holder is not None and run is not None and run.owner != holder:
            return False  # this executor stood still, and another one goes on with the run
        return any(now.id == row.id and now.state == "pending" for now in deliveries_of_run(connection, row.run_id))


def pause_s(attempts: int) -> float:
    """Return how long to wait after that many failed attempts: doubling from 30 s up to an hour."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** max(0, attempts - 1)))


def _try(
    database: Database,
    channels: Mapping[str, Channel],
    settings: Settings,
    row: OutboxRow,
    now: datetime,
    more_s: float,
) -> Attempt:
    """Try one delivery; with each part of it that was taken it stays in hand for `more_s` seconds longer."""
    channel = channels.get(row.channel)
    attempt = Attempt(row.id, row.run_id, row.channel)
    try:
        if channel is None:
            raise OwnerError(
                "harness.toml", None, f"there is no channel {row.channel!r} any more", f"add [channels.{row.channel}]"
            )
        digest = digest_from_json(json.loads(row.digest))
        held_until = None if digest.is_emergency else _held_until(settings, channel, now)
        if held_until is not None:
            with database.write() as connection:
                postpone(connection, row.id, f"{HELD_BACK}{held_until.isoformat()}", held_until)
            return replace(attempt, problem="held back by quiet hours", is_held_back=True)
        fresh = _new_to(database, settings, row.channel, digest, now)
        if fresh is None:
            return _leave_out(database, settings, row, attempt, now)
        receipt = channel.deliver(OutboundDigest(row.id, fresh, row.progress, _noting(database, row.id, more_s)))
    except HarnessError as error:
        return _failed(database, row, error, now)
    except Exception as error:  # noqa: BLE001 - the boundary of a delivery: whatever breaks, the others go on
        # Without its words: they may hold the address or the key of the channel.
        name = type(error).__name__
        log.error("delivery %s broke (%s):\n%s", row.id, name, "".join(traceback.format_tb(error.__traceback__)))
        return _failed(database, row, TransientError(f"channel {row.channel}: a fault in the harness ({name})"), now)
    with database.write() as connection:
        acknowledge(connection, row.id, receipt.location, now)
        if _unseen_for(settings, row.channel) is not None:
            note_told(connection, row.channel, contents_of(fresh), now)
        resolve_incident(connection, channel_cause(row.channel), now)
    return attempt


def _held_until(settings: Settings, channel: Channel, now: datetime) -> datetime | None:
    """Return when the quiet hours end that hold for the channel now: its own, or the team's where it interrupts."""
    declared = settings.channels.get(channel.name)
    hours = None if declared is None else declared.quiet_hours
    if hours is None and channel.is_interrupting:
        hours = settings.quiet_hours
    return None if hours is None else quiet_until(now, hours.zone or settings.home_zone, hours)


def _unseen_for(settings: Settings, channel: str) -> timedelta | None:
    declared = settings.channels.get(channel)
    seconds = None if declared is None else declared.unseen_for_s
    return None if seconds is None else timedelta(seconds=seconds)


def _new_to(database: Database, settings: Settings, channel: str, digest: Digest, now: datetime) -> Digest | None:
    """Return the digest without what the channel was given within its `unseen_for`; None if nothing is left."""
    unseen_for = _unseen_for(settings, channel)
    if unseen_for is None or may_repeat(digest):
        return digest
    with database.read() as connection:
        return without_told(digest, told_since(connection, channel, contents_of(digest), now - unseen_for))


def _leave_out(database: Database, settings: Settings, row: OutboxRow, attempt: Attempt, now: datetime) -> Attempt:
    since = utc_time(now - (_unseen_for(settings, row.channel) or timedelta()))
    reason = f"nothing in it is new to {row.channel}: all of it was delivered there since {since}"
    with database.write() as connection:
        leave_out(connection, row.id, reason, now)
    return attempt


def _noting(database: Database, delivery_id: str, more_s: float) -> Callable[[str], None]:
    def note(progress: str) -> None:
        with database.write() as connection:
            note_progress(connection, delivery_id, progress, more_s=more_s)

    return note


def _failed(database: Database, row: OutboxRow, error: HarnessError, now: datetime) -> Attempt:
    """Put the next try off, or give the delivery up; what the person must correct is told at once, and tried on."""
    attempts = row.attempts + 1
    problem, is_final = str(error), attempts >= MAX_ATTEMPTS
    log.warning("delivery %s failed (attempt %d of %d): %s", row.id, attempts, MAX_ATTEMPTS, problem)
    with database.write() as connection:
        if isinstance(error, OwnerError | Refused):
            message = f"{row.channel} takes nothing until you act: {problem}"
            open_incident(connection, channel_cause(row.channel), message, now, row.run_id)
        if is_final:
            give_up(connection, row.id, problem)
        else:
            postpone(connection, row.id, problem, now + timedelta(seconds=_wait_s(attempts, error)))
    return Attempt(row.id, row.run_id, row.channel, problem, is_final)


def _wait_s(attempts: int, error: HarnessError) -> float:
    """Return how long to wait: as long as the other side asks for, but no longer than a sixth of a day."""
    asked_s = error.retry_after_s if isinstance(error, TransientError) else None
    return max(pause_s(attempts), min(asked_s or 0.0, LONGEST_ASKED_PAUSE_S))
