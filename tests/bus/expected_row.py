"""What the row of a request has to say, read off its standing without the code that writes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from harness.domain.request import Standing
from harness.store.requests import RequestRow, request_row

_OF_THE_QUEUE = ("updated_at", "deliveries_failed", "deliver_after", "why_waiting")
"""What no event tells: when it was written, and how the tries to deliver it went."""


def assert_row_tells(connection: Connection, standing: Standing) -> RequestRow:
    """Compare the request's row with what its log comes to, field by field, and return it."""
    row = request_row(connection, standing.request.id)
    assert row is not None, f"request {standing.request.id} has a log and no row"
    said = {name: getattr(row, name) for name in RequestRow.__slots__ if name not in _OF_THE_QUEUE}
    assert said == _expected(standing)
    return row


def _expected(standing: Standing) -> dict[str, Any]:
    asked = standing.request
    return {
        "id": asked.id,
        "sender": asked.sender,
        "receiver": standing.receiver,
        "state": standing.state,
        "version": standing.version,
        "token": standing.token,
        "run_id": standing.run_id,
        "priority": {"high": 0, "normal": 1, "low": 2}[asked.priority],
        "due_at": asked.due_at.timestamp(),
        "made_at": asked.made_at.timestamp(),
        "news_at": _epoch(standing.news_at),
        "closed_at": _epoch(standing.closed_at),
        "noticed_at": _epoch(standing.noticed_at),
        "result": standing.final and standing.final.result,
        "verdict": standing.final and standing.final.verdict,
        "is_dead": standing.dead is not None and standing.settled is None,
        "is_watched": asked.watch is not None,
        "depth": asked.depth,
        "parent": asked.parent,
        "parent_run": asked.parent_run,
        "key": asked.key,
        "task": asked.task,
        "note": standing.note,
    }


def _epoch(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
