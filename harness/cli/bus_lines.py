"""Requests in lists, as lines and as JSON; the one place that decides how a request reads in a line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from harness.cli.completion import request_ids
from harness.cli.failures import Misused, UnknownName
from harness.cli.fires import iso
from harness.cli.place import Place
from harness.cli.table import wrap
from harness.daemon.wording import when
from harness.domain.job import PRIORITIES
from harness.domain.request import RequestState
from harness.store.peek import Peek, peek
from harness.store.request_records import RequestRecord

_PRIORITY_NAMES = {number: name for name, number in PRIORITIES.items()}
_MANY = 4


def find_request(place: Place, look: Peek | None, name: str) -> str:
    """Return the id that is meant, which may be written as its beginning.

    Raises UnknownName, with the ids that are near, if there is none, and Misused where more than one is meant.
    """
    if look is not None:
        if look.requests.record(name) is not None:
            return name
        found = look.requests.ids_beginning(name, _MANY + 1)
        if len(found) == 1:
            return found[0]
        if found:
            raise Misused(f"{name!r} begins the ids of several requests: {', '.join(found)}; write more of it")
    raise UnknownName("request", name, request_ids(place), "harness bus list --all")


def request_named(place: Place, name: str) -> str:
    """Return the id that is meant; as `find_request`."""
    with peek(place.database) as look:
        return find_request(place, look, name)


def record_json(record: RequestRecord) -> dict[str, Any]:
    """Return the request with stable keys; times are ISO 8601 in UTC."""
    return {
        "request": record.id,
        "from": record.sender,
        "to": record.receiver,
        "task": record.task,
        "state": str(record.state),
        "result": record.result,
        "verdict": record.verdict,
        "is_dead": record.is_dead,
        "is_watched": record.is_watched,
        "priority": _PRIORITY_NAMES[record.priority],
        "note": record.note,
        "why_waiting": record.why_waiting,
        "due_at": iso(record.due_at),
        "made_at": iso(record.made_at),
        "news_at": iso(record.news_at),
        "closed_at": iso(record.closed_at),
        "told_at": iso(record.noticed_at),
        "run": record.run_id,
        "parent": record.parent,
    }


def request_lines(records: Sequence[RequestRecord], place: Place, width: int) -> list[str]:
    """Return two lines or more for each request: its id, who asked whom, how it stands, by when; and what was asked."""
    ids = [record.id for record in records]
    parties = [f"{record.sender} → {record.receiver}" for record in records]
    indent = " " * (max(map(len, ids), default=0) + 2)
    lines: list[str] = []
    for record, request_id, between in zip(records, ids, parties, strict=True):
        standing = f"{standing_words(record)}, {when_words(record, place)}"
        lines.append(f"{request_id.ljust(len(indent))}{between.ljust(max(map(len, parties)))}  {standing}")
        lines += [f"{indent}{line}" for line in wrap(first_line(record.task), width - len(indent))]
    return lines


def waits_words(record: RequestRecord) -> str:
    """Return what a run waits for that waits for this request, with the command that shows or ends it."""
    if record.waits_for_person:
        return f"your answer to {record.sender}, “{first_line(record.task, 60)}”: {answer_command(record.id)}"
    return f"{record.receiver}, “{first_line(record.task, 60)}”: harness bus show {record.id}"


def standing_words(record: RequestRecord) -> str:
    """Return how the request stands, in a word or two: `confirmed`, `for you`, `done (FAIL)`, `DEAD, timed out`."""
    if record.is_dead:
        return f"DEAD, {_words(record)}"
    if not record.is_open:
        return _words(record)
    if record.is_watched:
        return "watching"
    if record.waits_for_person:
        return "for you"
    return "waiting" if record.state is RequestState.REQUESTED else str(record.state)


def resend_command(request_id: str) -> str:
    """Return the command that sends a dead letter again."""
    return f"harness bus resend {request_id}"


def drop_command(request_id: str) -> str:
    """Return the command that gives a dead letter up."""
    return f'harness bus drop {request_id} --reason "…"'


def answer_command(request_id: str) -> str:
    """Return the command that answers a request to the person."""
    return f'harness bus answer {request_id} "…"'


def when_words(record: RequestRecord, place: Place) -> str:
    """Return by when it is due if it is open, when it ended otherwise."""
    if record.closed_at is None:
        return f"due {when(datetime.fromtimestamp(record.due_at, UTC), place.zone, place.now)}"
    return f"ended {when(datetime.fromtimestamp(record.closed_at, UTC), place.zone, place.now)}"


def first_line(text: str, longest: int = 160) -> str:
    """Return the beginning of a text on one line, with … where something is left out."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[:longest].rstrip()}…"


def _words(record: RequestRecord) -> str:
    found_wanting = f" ({record.verdict})" if record.verdict not in (None, "PASS") else ""
    return f"{(record.result or '').replace('_', ' ')}{found_wanting}"
