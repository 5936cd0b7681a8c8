"""What the person hears of the bus at once: dead letters, as incidents, and what is urgently asked of them.

Both follow from the requests' rows, looked at again and again: what a crash kept from being told is told next time.
What is asked goes through the outbox like every alert, under an id of its own: it is told once, and not at all if
the request is over before a channel took it.
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from harness.bus.log import standing_of
from harness.bus.payload import preview
from harness.delivery.commonmark import escape_with_addresses, guard_lines, write_quote
from harness.delivery.digest import digest_to_json
from harness.domain.cause import DEAD_LETTERS, dead_letter_cause, dead_letter_of
from harness.domain.digest import Digest, Section
from harness.domain.moments import local_time
from harness.domain.request import Standing
from harness.domain.settings import Settings
from harness.gate.sanitise import in_short, sanitise
from harness.runs.accounting import accounted_until
from harness.runs.alerts import alert_channels
from harness.store.database import Database
from harness.store.incidents import open_incident, open_incidents, resolve_incident
from harness.store.outbox import deliveries_of_run, drop_deliveries, pending_runs, promise
from harness.store.requests import request_row
from harness.store.requests_for_person import open_dead_letters, urgent_for_person

REQUESTS_JOB = "harness/requests"
"""Under this name urgent requests stand among the digests; no agent can be called so."""

TOLD_EACH = 20
"""How many dead letters are incidents of their own; more at the same moment are told as one."""

_PREFIX = "alert:request:"  # what begins with `alert:` is delivered with the alerts
_BLANK_LINES = re.compile(r"\n[ \t]*\n")
_TITLE_CHARS = 100
_REASON_CHARS = 500
_TEXT_CHARS = 4_000

log = logging.getLogger("harness.bus")


def keep_dead_letters_told(database: Database, now: datetime) -> None:
    """Make the open incidents those of the open dead letters: each is one until it is sent again or given up.

    Whoever settled it knows, and is not told that it is over. Of very many, the oldest are told one by one.
    """
    with database.read() as connection:
        if _changes(connection) == ([], []):
            return
    with database.write(alone=True) as connection:
        # Looked at again, as it may have been settled, or told by another daemon, meanwhile.
        begun, over = _changes(connection)
        for cause in over:
            resolve_incident(connection, cause, now, is_told=True)
        for cause in begun:
            open_incident(connection, cause, _what_died(connection, cause), now)
    if begun:
        log.error("dead letters: %s", ", ".join(begun))


def tell_urgent_requests(database: Database, settings: Settings, now: datetime, *, notice: str = "") -> list[str]:
    """Promise a message of its own for each urgent request to the person that they have not been told of.

    Return the requests' ids. Quiet hours hold it back, as every message. What was asked and is over is not told any
    more. Nothing is promised where no channel is declared: it stands in `harness inbox`.
    """
    channels = alert_channels(settings)
    with database.read() as connection:
        if not _untold(connection, channels) and not _overtaken(connection, now):
            return []
    with database.write(alone=True) as connection:
        for run_id in _overtaken(connection, now):
            drop_deliveries(connection, run_id, "the request is over")
        told = _untold(connection, channels)
        for request_id in told:
            page = _page(standing_of(connection, request_id), settings, now, notice)
            digest = replace(page, accounted=accounted_until(connection, now, settings.home_zone))
            text = json.dumps(digest_to_json(digest), ensure_ascii=False)
            for channel in channels:
                promise(connection, run_id=digest.run_id, channel=channel, digest=text, now=now)
    if told:
        log.info("asked of the person, urgently: %s", ", ".join(told))
    return told


def _changes(connection: Connection) -> tuple[list[str], list[str]]:
    """Return the causes that begin and those that are over."""
    told = [row.cause for row in open_incidents(connection)]
    each = {cause: request_id for cause in told if (request_id := dead_letter_of(cause)) is not None}
    dead = open_dead_letters(connection, TOLD_EACH + len(each) + 1)
    over = [cause for cause, request_id in each.items() if not _is_dead(connection, request_id)]
    room = TOLD_EACH - (len(each) - len(over))
    begun = [dead_letter_cause(one) for one in dead if dead_letter_cause(one) not in each][: max(0, room)]
    are_many = len(dead) > TOLD_EACH
    if are_many and DEAD_LETTERS not in told:
        begun.append(DEAD_LETTERS)
    if not are_many and DEAD_LETTERS in told:
        over.append(DEAD_LETTERS)
    return begun, over


def _is_dead(connection: Connection, request_id: str) -> bool:
    row = request_row(connection, request_id)
    return row is not None and row.is_dead


def _what_died(connection: Connection, cause: str) -> str:
    request_id = dead_letter_of(cause)
    if request_id is None:
        return (
            f"more than {TOLD_EACH} requests ended without having been worked to their end; harness bus dead lists all"
        )
    standing = standing_of(connection, request_id)
    asked = standing.request
    reason = "" if standing.dead is None else f": {in_short(standing.dead.reason, _REASON_CHARS)}"
    return f"{asked.sender} asked {standing.receiver} for “{in_short(asked.task, _TITLE_CHARS)}”{reason}"


def _untold(connection: Connection, channels: tuple[str, ...]) -> list[str]:
    if not channels:
        return []
    return [one for one in urgent_for_person(connection) if not deliveries_of_run(connection, f"{_PREFIX}{one}")]


def _overtaken(connection: Connection, now: datetime) -> list[str]:
    """Return the promised messages, due to be tried, whose request is over."""
    pending = pending_runs(connection, now, _PREFIX)
    rows = {run_id: request_row(connection, run_id.removeprefix(_PREFIX)) for run_id in pending}
    return [run_id for run_id, row in rows.items() if row is None or not row.is_open]


def _page(standing: Standing, settings: Settings, now: datetime, notice: str) -> Digest:
    asked, zone = standing.request, settings.home_zone
    due = local_time(asked.due_at, zone, now)
    answer = f'`harness bus answer {asked.id} "…"`'
    sections = [
        Section("What is asked", _quoted(asked.task)),
        Section("What you should know", _quoted(asked.background)),
        Section("How to answer", f"{answer} by {due}; all of it: `harness bus show {asked.id}`"),
        Section("What happens without an answer", _quoted(asked.fallback)),
    ]
    return Digest(
        title=f"{asked.sender} asks, urgently: {in_short(asked.task, _TITLE_CHARS)}",
        job_id=REQUESTS_JOB,
        run_id=f"{_PREFIX}{asked.id}",
        made_at=now,
        zone=zone,
        made_by="the harness, no model",
        state="delivered",
        sections=tuple(section for section in sections if section.prose),
        notice=notice,
    )


def _quoted(text: str) -> str:
    """The words of somebody else, shown as they are: no markup of theirs counts, and no address becomes a link."""
    whole = sanitise(text).strip()
    shown = preview(whole, _TEXT_CHARS)
    paragraphs = [_paragraph(part) for part in _BLANK_LINES.split(shown) if part.strip()]
    if len(shown) < len(whole):
        paragraphs.append("(cut here)")
    return write_quote("\n\n".join(paragraphs)) if paragraphs else ""


def _paragraph(text: str) -> str:
    """Lines that stay lines, and none of which begins a block."""
    shown = guard_lines("\n".join(escape_with_addresses(line) for line in text.split("\n")))
    return shown.replace("\n", "  \n")
