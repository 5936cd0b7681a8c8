"""What an agent hears of its own requests in its next prompt: what came back, and what is still out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from harness.bus.brief import LEAST_CHARS, final_as_text, final_overflow
from harness.bus.log import standing_of
from harness.bus.payload import write_overflow
from harness.domain.agent import Agent
from harness.domain.moments import utc_time
from harness.domain.request import RequestState
from harness.domain.roundtable import seat_in
from harness.gate.sanitise import in_short
from harness.store.requests import RequestRow, requests_in, unnoticed_of

_OPEN = (RequestState.REQUESTED, RequestState.DELIVERED, RequestState.CONFIRMED)
_AT_MOST = 10
_TASK_CHARS = 200


@dataclass(frozen=True, slots=True)
class News:
    """One request of the agent's, in words. `is_final`: it is over, and the agent has not been told before."""

    request_id: str
    text: str
    is_final: bool


def news_for(connection: Connection, agent: Agent, folder: Path | None = None) -> tuple[News, ...]:
    """Return what the agent is to be told of its requests; nothing if it may ask nobody.

    First what is over and was not told, the longest over first, then what is still open. What others said stands
    fenced as data. Of a long answer the beginning is told, and the whole is written into the folder, that of the run
    that is told: in full it would not find room among the other news.
    """
    if not agent.may_ask:
        return ()
    # Of what is said at its table a chair hears when the round is over, and by going on with it.
    over = [row for row in unnoticed_of(connection, agent.name, _AT_MOST) if seat_in(row.key) is None]
    still = requests_in(connection, states=_OPEN, sender=agent.name, limit=_AT_MOST)
    return (*(_over(connection, row, folder) for row in over), *(_still_open(row) for row in still))


def _over(connection: Connection, row: RequestRow, folder: Path | None) -> News:
    standing = standing_of(connection, row.id)
    assert standing.final is not None, "it is over"
    whole = final_overflow(standing.final, standing.request, LEAST_CHARS)
    if whole is not None and folder is not None:
        write_overflow(whole, folder)
    return News(row.id, final_as_text(standing.final, standing.request, LEAST_CHARS), is_final=True)


def _still_open(row: RequestRow) -> News:
    due = utc_time(datetime.fromtimestamp(row.due_at, UTC))
    text = f"- {row.id} to {row.receiver}, {row.state}, due {due}: {in_short(row.task, _TASK_CHARS)}"
    return News(row.id, text, is_final=False)
