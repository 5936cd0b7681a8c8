"""Alerts: the person is told of incidents, once for each level, and once more when they are over.

What is told goes through the outbox like every digest: the promise and the mark on the incident are one
transaction, so that a kill between them tells nothing twice and forgets nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from harness.delivery.channels import Channel
from harness.delivery.digest import digest_to_json
from harness.delivery.outbox import deliver_due
from harness.domain.cause import happens_once, is_of_a_budget
from harness.domain.settings import Alerts, Settings
from harness.runs.accounting import accounted_until
from harness.runs.alert_page import alert_digest
from harness.store.database import Database
from harness.store.incidents import (
    IncidentRow,
    last_told,
    mark_alerted,
    mark_over_told,
    open_incidents,
    over_and_untold,
)
from harness.store.outbox import pending_runs, promise

GATHER_S = 60
"""How long a new incident waits for others to be told with it: one cause often breaks several things."""

PROVED_AFTER_S = 600
"""How long a cause must be gone before it is told to be over: what flaps is told as one incident."""

ALERT_PREFIX = "alert:"
"""With this begin the ids under which alerts stand in the outbox."""
_PREFERRED_CHANNEL = "digest"

log = logging.getLogger("harness.alerts")


@dataclass(frozen=True, slots=True)
class News:
    """What the person does not know yet: incidents that go on, and those that are over."""

    wrong: tuple[IncidentRow, ...] = ()
    over: tuple[IncidentRow, ...] = ()

    @property
    def run_id(self) -> str:
        """The idempotency key of the message: no two of them begin with the same incident at the same level."""
        if self.wrong:
            first = self.wrong[0]
            return f"{ALERT_PREFIX}{first.cause}:{first.first_at:.3f}:{first.alerts + 1}"
        return f"{ALERT_PREFIX}{self.over[0].cause}:{self.over[0].first_at:.3f}:over"


def tell_incidents(
    database: Database, settings: Settings, now: datetime, *, notice: str = "", gather_s: float = GATHER_S
) -> str | None:
    """Promise one message that tells of everything new to the channels for alerts; return its id.

    An incident that is less than `gather_s` old waits for others, unless something else is told anyway.
    None if there is nothing to tell, or no channel to tell it on.
    """
    channels = alert_channels(settings)
    if not channels:
        return None
    with database.read() as connection:
        if not _is_time(_news(connection, settings.alerts, now), now, gather_s):
            return None
    with database.write(alone=True) as connection:
        # Looked at again, as another daemon may have told it meanwhile.
        news = _news(connection, settings.alerts, now)
        if not _is_time(news, now, gather_s):
            return None
        for row in news.wrong:
            mark_alerted(connection, row, now)
        for row in news.over:
            mark_over_told(connection, row.cause, now)
        digest = alert_digest(news.run_id, news.wrong, news.over, now=now, zone=settings.home_zone, notice=notice)
        digest = replace(digest, accounted=accounted_until(connection, now, settings.home_zone))
        text = json.dumps(digest_to_json(digest), ensure_ascii=False)
        for channel in channels:
            promise(connection, run_id=news.run_id, channel=channel, digest=text, now=now)
    log.info("%s: %s", digest.title, ", ".join(row.cause for row in (*news.wrong, *news.over)))
    return news.run_id


def deliver_alerts(database: Database, channels: Mapping[str, Channel], settings: Settings, now: datetime) -> None:
    """Try what is owed of the alerts that were promised; what fails is tried again, as every delivery is."""
    with database.read() as connection:
        owed = pending_runs(connection, now, ALERT_PREFIX)
    for run_id in owed:
        deliver_due(database, channels, settings, now, run_id=run_id, is_shared_work=True)


def alert_channels(settings: Settings) -> tuple[str, ...]:
    """Return the names of the channels that alerts go to; empty if the person has declared none at all."""
    if settings.alerts.channels:
        return settings.alerts.channels
    if _PREFERRED_CHANNEL in settings.channels:
        return (_PREFERRED_CHANNEL,)
    return tuple(settings.channels)[:1]


def _news(connection: Connection, alerts: Alerts, now: datetime) -> News:
    going_on = open_incidents(connection)
    told_at = last_told(connection)
    wrong = tuple(row for row in going_on if _is_news(row, told_at.get(row.cause), alerts, now))
    return News(wrong, _over({row.cause for row in going_on}, over_and_untold(connection), now))


def _is_news(row: IncidentRow, told_at: float | None, alerts: Alerts, now: datetime) -> bool:
    """Say whether the incident is to be told: when it is new, and again after the pause between two alerts.

    What the person believes to be broken anyway is not told sooner because it worked for a moment.
    """
    enough = 1 if happens_once(row.cause) else alerts.after
    if row.occurrences < enough or row.occurrences <= row.alerted_occurrences:
        return False
    if row.alerts and is_of_a_budget(row.cause):
        return False  # it was told with the moment until which it lasts
    return told_at is None or now.timestamp() >= told_at + alerts.cool_down_s


def _over(going_on: Collection[str], untold: Sequence[IncidentRow], now: datetime) -> tuple[IncidentRow, ...]:
    """Return one row for each cause that has been gone for long enough; what came and went is added up."""
    over: dict[str, IncidentRow] = {}
    for row in untold:
        first = over.get(row.cause)
        over[row.cause] = (
            row
            if first is None
            else replace(row, first_at=first.first_at, occurrences=first.occurrences + row.occurrences)
        )
    return tuple(
        row
        for row in over.values()
        if row.cause not in going_on and now.timestamp() >= (row.resolved_at or 0.0) + PROVED_AFTER_S
    )


def _is_time(news: News, now: datetime, gather_s: float) -> bool:
    if news.over or any(row.alerts for row in news.wrong):
        return True
    return any(now.timestamp() >= row.first_at + gather_s for row in news.wrong)
