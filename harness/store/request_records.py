"""Looks at requests without changing them: what `bus`, `inbox`, `ask` and `status` are told.

Standard library only, because fast commands import this.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.domain.request import USER, Event, RequestState, request_job
from harness.store.reader import Reader, Row
from harness.store.request_bodies import event_of

Waiting = Literal["open", "dead", "unsettled", "untold"]
"""Which requests are meant: not final yet; final and waiting for the person as a dead letter; either of these; or final
no dead letter, and whoever asked was not told yet."""

_COLUMNS = (
    "id, sender, receiver, state, token, run_id, priority, due_at, made_at, news_at, closed_at, noticed_at, result,"
    " verdict, is_dead, is_watched, depth, parent, parent_run, task, note, why_waiting"
)
_OPEN = ("closed_at IS NULL", "due_at")
_FINAL = ("closed_at IS NOT NULL", "updated_at DESC")
_DEAD = ("is_dead = 1", "closed_at DESC")
_UNTOLD = ("closed_at IS NOT NULL AND noticed_at IS NULL AND is_dead = 0", "closed_at DESC")
_PARTS: Mapping[Waiting | None, tuple[tuple[str, str], ...]] = {
    None: (_OPEN, _FINAL),
    "open": (_OPEN,),
    "dead": (_DEAD,),
    "unsettled": (_OPEN, _DEAD),
    "untold": (_UNTOLD,),
}
"""Conditions and orders that follow an index, so that a long history costs nothing."""
_AT_ONCE = 500
_ID = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What a request has come to, as its row says it; times in epoch seconds.

    `priority` is a number, the smaller the more urgent. `is_dead`: it is a dead letter that nobody has settled.
    """

    id: str
    sender: str
    receiver: str
    state: RequestState
    token: int
    run_id: str | None
    priority: int
    due_at: float
    made_at: float
    news_at: float | None
    closed_at: float | None
    noticed_at: float | None
    result: str | None
    verdict: str | None
    is_dead: bool
    is_watched: bool
    depth: int
    parent: str | None
    parent_run: str | None
    task: str
    note: str
    why_waiting: str

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def waits_for_person(self) -> bool:
        """Whether only the person can end it."""
        return self.is_open and self.receiver == USER and not self.is_watched


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """How many requests are open, how many of them only the person can end, and how many are dead letters."""

    open: int = 0
    for_person: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class WorkRun:
    """A run that works or worked on a request; `outcome` is the state of its fire if it is the fire's last run."""

    id: str
    state: str
    started_at: float | None
    ended_at: float | None
    outcome: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class WaitingRun:
    """A run that was suspended until a request is final, and the run that goes on with it, if there is one."""

    id: str
    continued_as: str | None


class RequestRecords:
    """The queries, all within one consistent view of the database."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def counts(self) -> RequestCounts:
        """Return how many there are that are not over and done with."""
        # Each of them is counted in an index of such rows alone.
        query = (
            "SELECT (SELECT COUNT(*) FROM request WHERE closed_at IS NULL),"
            " (SELECT COUNT(*) FROM request WHERE closed_at IS NULL AND receiver = ? AND is_watched = 0),"
            " (SELECT COUNT(*) FROM request WHERE is_dead = 1)"
        )
        return RequestCounts(*self._reader.rows(query, (USER,))[0])

    def record(self, request_id: str) -> RequestRecord | None:
        """Return one request."""
        found = self._records("WHERE id = ?", request_id)
        return found[0] if found else None

    def named(self, ids: Sequence[str]) -> dict[str, RequestRecord]:
        """Return those of these requests that there are, by their ids."""
        found: dict[str, RequestRecord] = {}
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE]
            found |= {row.id: row for row in self._records(f"WHERE id IN ({', '.join('?' * len(some))})", *some)}
        return found

    def listed(
        self,
        *,
        agent: str | None = None,
        sender: str | None = None,
        receiver: str | None = None,
        state: RequestState | None = None,
        waiting: Waiting | None = None,
        limit: int = 1000,
    ) -> tuple[RequestRecord, ...]:
        """Return the requests that are all of this: what is open first, the soonest due first, then the latest ended.

        `agent` is any party to it: who asked, or who has it.
        """
        conditions, values = [], []
        for column, value in (("sender", sender), ("receiver", receiver), ("state", state)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(str(value))
        if agent is not None:
            conditions.append("(sender = ? OR receiver = ?)")
            values += [agent, agent]
        found: list[RequestRecord] = []
        for part, order in _PARTS[waiting]:
            where = f"WHERE {' AND '.join((*conditions, part))} ORDER BY {order}, id LIMIT ?"
            found += self._records(where, *values, limit - len(found)) if len(found) < limit else ()
        return tuple(found)

    def below(self, request_id: str) -> tuple[RequestRecord, ...]:
        """Return what was asked in the work on this request, oldest first."""
        return self._records("WHERE parent = ? ORDER BY made_at, id", request_id)

    def above(self, request_id: str) -> tuple[RequestRecord, ...]:
        """Return the requests that this one was asked for, the nearest first."""
        chain: list[RequestRecord] = []
        record = self.record(request_id)
        while record is not None and record.parent is not None:
            record = self.record(record.parent)
            chain += [] if record is None else [record]
        return tuple(chain)

    def ids(self, limit: int) -> tuple[str, ...]:
        """Return the ids of the latest requests, those that are open first."""
        return tuple(record.id for record in self.listed(limit=limit))

    def ids_beginning(self, prefix: str, limit: int = 4) -> tuple[str, ...]:
        """Return the ids that begin so, with or without their `r-`; at most `limit`."""
        if not _ID.fullmatch(prefix):
            return ()
        whole = prefix if prefix.startswith("r-") else f"r-{prefix}"
        rows = self._reader.rows("SELECT id FROM request WHERE id LIKE ? ORDER BY id LIMIT ?", (f"{whole}%", limit))
        return tuple(row[0] for row in rows)

    def seats(self, table: str) -> tuple[tuple[str, str], ...]:
        """Return the id and the key of each request of the roundtables whose ids begin so."""
        if not _ID.fullmatch(table):
            return ()
        query = "SELECT id, key FROM request WHERE key LIKE ? ORDER BY id"
        return tuple((row[0], row[1]) for row in self._reader.rows(query, (f"roundtable {table}%",)))

    def log(self, request_id: str) -> tuple[Event, ...]:
        """Return the request's events in their order; empty if there is no such request."""
        query = "SELECT request_id, number, at, party, kind, body FROM event WHERE request_id = ? ORDER BY number"
        return tuple(event_of(row) for row in self._reader.rows(query, (request_id,)))

    def work_on(self, request_id: str, receivers: Collection[str]) -> tuple[WorkRun, ...]:
        """Return the runs of these receivers that work or worked on it, oldest first."""
        jobs = [request_job(receiver, request_id) for receiver in receivers]
        rows = self._reader.rows(
            "SELECT run.id, run.state, run.started_at, run.ended_at, fire.state, fire.reason"  # noqa: S608
            " FROM run LEFT JOIN fire ON fire.run_id = run.id"
            f" WHERE run.job_id IN ({', '.join('?' * len(jobs))}) ORDER BY run.created_at, run.id",
            jobs,
        )
        return tuple(WorkRun(row[0], row[1], row[2], row[3], row[4], row[5] or "") for row in rows)

    def waiting_for(self, request_id: str) -> tuple[WaitingRun, ...]:
        """Return the runs that were suspended until it is final."""
        rows = self._reader.rows(
            "SELECT awaited.run_id, suspension.continued_as FROM awaited"
            " JOIN suspension ON suspension.run_id = awaited.run_id WHERE awaited.request_id = ?"
            " ORDER BY awaited.run_id",
            (request_id,),
        )
        return tuple(WaitingRun(*row) for row in rows)

    def awaited_by(self, run_id: str) -> tuple[RequestRecord, ...]:
        """Return what a suspended run waits for, and nothing goes on with yet."""
        rows = self._reader.rows(
            "SELECT awaited.request_id FROM awaited JOIN suspension ON suspension.run_id = awaited.run_id"
            " WHERE awaited.run_id = ? AND suspension.continued_as IS NULL ORDER BY awaited.request_id",
            (run_id,),
        )
        return tuple(self.named([row[0] for row in rows]).values())

    def _records(self, rest: str, *values: object) -> tuple[RequestRecord, ...]:
        rows = self._reader.rows(f"SELECT {_COLUMNS} FROM request {rest}", values)  # noqa: S608
        return tuple(_record(row) for row in rows)


def _record(row: Row) -> RequestRecord:
    values: Sequence[Any] = [*row]
    record = dict(zip(_COLUMNS.split(", "), values, strict=True))
    record |= {
        "state": RequestState(record["state"]),
        "is_dead": bool(record["is_dead"]),
        "is_watched": bool(record["is_watched"]),
    }
    return RequestRecord(**record)
