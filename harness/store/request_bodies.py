"""What the events of a request say, from the JSON that they are kept as.

Standard library only, because fast commands import this.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from harness.domain.request import (
    Body,
    Confirmed,
    DeadLettered,
    Delivered,
    Dropped,
    Event,
    Evidence,
    Final,
    Finished,
    HandedOff,
    Noticed,
    Progressed,
    Request,
    Requested,
    Resent,
    Situation,
    Watch,
)
from harness.store.reader import Row


def event_of(row: Row) -> Event:
    """Return the event that a row of `event` holds; raises as `body_of` does."""
    body = body_of(row["kind"], json.loads(row["body"]))
    return Event(row["request_id"], row["number"], datetime.fromtimestamp(row["at"], UTC), row["party"], body)


def body_of(kind: str, fields: Mapping[str, Any]) -> Body:
    """Return what an event says, from the JSON that it is kept as. Raises ValueError for a kind that is not known."""
    match kind:
        case "requested":
            return Requested(_request(fields["request"]))
        case "delivered":
            return Delivered(fields["token"], fields["run_id"])
        case "confirmed":
            return Confirmed(fields["token"])
        case "progress":
            return Progressed(fields["token"], fields["note"], fields["by_harness"])
        case "handed_off":
            return HandedOff(fields["token"], fields["receiver"], fields["reason"])
        case "final":
            return Finished(_final(fields["final"]), fields["token"])
        case "noticed":
            return Noticed(fields["how"])
        case "dead":
            return DeadLettered(fields["reason"], Situation(fields["situation"]))
        case "resent":
            return Resent(fields["request_id"])
        case "dropped":
            return Dropped(fields["reason"])
    raise ValueError(f"no event of a request is called {kind!r}")


def _request(fields: Mapping[str, Any]) -> Request:
    values = dict(fields)
    for name in ("due_at", "made_at", "files_since"):
        values[name] = _moment(values[name])
    for name in ("inputs", "acceptance"):
        values[name] = tuple(values[name])
    watch = values["watch"]
    values["watch"] = None if watch is None else Watch(watch["file"], watch["job"], _moment(watch["at"]))
    return Request(**values)


def _final(fields: Mapping[str, Any]) -> Final:
    evidence = tuple(Evidence(**one) for one in fields["evidence"])
    return Final(fields["result"], fields["conclusion"], evidence, tuple(fields["actions"]), fields["verdict"])


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
