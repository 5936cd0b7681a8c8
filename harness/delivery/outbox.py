"""Deliveries that are promised are tried until the channel acknowledges them, or are given up by name."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.delivery.channels import Channel, OutboundDigest
from harness.delivery.digest import digest_from_json
from harness.delivery.quiet_hours import quiet_until
from harness.domain.errors import HarnessError, OwnerError
from harness.domain.settings import Settings
from harness.store.database import Database
from harness.store.outbox import (
    OutboxRow,
    acknowledge,
    claim_delivery,
    deliveries_of_run,
    due_deliveries,
    give_up,
    postpone,
)
from harness.store.runs import run_by_id

MAX_ATTEMPTS = 12
FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 3600.0
LONGEST_TRY_S = 120.0
"""After that a try that nobody has told the end of is over: its daemon died in it."""

log = logging.getLogger("harness.outbox")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one delivery; `problem` is empty when the channel has acknowledged it.

    `is_final`: it will not be tried again.
    """

    delivery_id: str
    run_id: str
    channel: str
    problem: str = ""
    is_final: bool = False


def deliver_due(
    database: Database,
    channels: Mapping[str, Channel],
    settings: Settings,
    now: datetime,
    *,
    run_id: str,
    is_shared_work: bool = False,
    holder: str | None = None,
) -> list[Attempt]:
    """Try those deliveries of one run that are pending and due.

    Between "sent" and "recorded" lies one crash: the channel sees the same idempotency key again then,
    and a file channel writes the same file. `is_shared_work`: no daemon holds the run any more; of several
    that look at once, one tries. What a cancel has dropped meanwhile is not tried, nor what is left when the
    run is not in the hands of `holder` any more. Blocks; no transaction is open while a channel works.
    """
    with database.read() as connection:
        rows = due_deliveries(connection, now, run_id)
    return [
        _try(database, channels, settings, row, now)
        for row in rows
        if (_take_in_hand(database, row, now) if is_shared_work else _is_still_owed(database, row, holder))
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
    database: Database, channels: Mapping[str, Channel], settings: Settings, row: OutboxRow, now: datetime
) -> Attempt:
    channel = channels.get(row.channel)
    attempt = Attempt(row.id, row.run_id, row.channel)
    try:
        if channel is None:
            raise OwnerError(
                "harness.toml", None, f"there is no channel {row.channel!r} any more", f"add [channels.{row.channel}]"
            )
        held_until = quiet_until(now, settings.home_zone, settings.quiet_hours) if settings.quiet_hours else None
        if held_until is not None and channel.is_interrupting:
            with database.write() as connection:
                postpone(connection, row.id, f"quiet hours until {held_until.isoformat()}", held_until)
            return Attempt(row.id, row.run_id, row.channel, "held back by quiet hours")
        receipt = channel.deliver(OutboundDigest(row.id, digest_from_json(json.loads(row.digest))))
    except HarnessError as error:
        return _failed(database, row, str(error), now)
    with database.write() as connection:
        acknowledge(connection, row.id, receipt.location, now)
    return attempt


def _failed(database: Database, row: OutboxRow, problem: str, now: datetime) -> Attempt:
    attempts = row.attempts + 1
    is_final = attempts >= MAX_ATTEMPTS
    log.warning("delivery %s failed (attempt %d of %d): %s", row.id, attempts, MAX_ATTEMPTS, problem)
    with database.write() as connection:
        if is_final:
            give_up(connection, row.id, problem)
        else:
            postpone(connection, row.id, problem, now + timedelta(seconds=pause_s(attempts)))
    return Attempt(row.id, row.run_id, row.channel, problem, is_final)
