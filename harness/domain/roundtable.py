"""A roundtable: in each round all speakers are asked the same, and nobody hears another before all are done.

    gathering → (speaking → closed)* → heard, or broken up

A table is nothing but the requests of its rounds, each with its seat in its idempotency key: what it has come to is a
fold over them, `fold_table`, and what does not follow is refused. The chair asks, closes nothing and hears nothing
by itself: a round is closed by the final of its last speaker, and in that moment all of it becomes visible.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from harness.domain.errors import HarnessError
from harness.domain.request import Final, Request, Standing
from harness.domain.seating import Roundtable

_KEY = re.compile(r"roundtable (?P<table>t-[a-z2-7]+) (?P<round>[1-9]\d*) (?P<speaker>\S+)")
KEY_BEGINS = "roundtable t-"
"""How the idempotency key of every seat begins. Keys of what agents ask begin with the id of a run."""


class OutOfTurn(HarnessError):
    """What was asked at a table does not follow from what was asked there before."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Whose turn it is at which table, in which round; rounds count from 1."""

    table: str
    round: int
    speaker: str

    @property
    def key(self) -> str:
        """The idempotency key of the one request that is made of this speaker in this round."""
        return f"roundtable {self.table} {self.round} {self.speaker}"


def seat_in(key: str) -> Seat | None:
    """Return the seat that an idempotency key names, None for that of any other request."""
    found = _KEY.fullmatch(key)
    return None if found is None else Seat(found["table"], int(found["round"]), found["speaker"])


def seat_of(request: Request) -> Seat | None:
    """Return the seat from which the request is to be answered, None if it is of no table."""
    return seat_in(request.key)


def is_sealed(standing: Standing) -> bool:
    """Say whether what its worker says may be shown to no agent yet, nor in any file: its round is open.

    Of all requests of a round the chair is told in the transaction of the last final; that opens the seal of all.
    """
    return standing.noticed_at is None and seat_of(standing.request) is not None


# ── What a table has come to ─────────────────────────────────────────────────────────────────────


class TableState(StrEnum):
    """Where a table stands.

    `gathering`: no round was called. `speaking`: a round is open, and nobody hears anybody. `closed`: all of it can be
    read, and the next one is to be called. `heard`: the chair concludes. `broken up`: too few spoke in the first round.
    """

    GATHERING = "gathering"
    SPEAKING = "speaking"
    CLOSED = "closed"
    HEARD = "heard"
    BROKEN_UP = "broken_up"


S = TableState
TRANSITIONS: Mapping[str, tuple[tuple[TableState, ...], TableState]] = {
    "called": ((S.GATHERING, S.CLOSED), S.SPEAKING),
    "spoke": ((S.SPEAKING,), S.SPEAKING),
    "stayed_away": ((S.SPEAKING,), S.SPEAKING),
    "closed": ((S.SPEAKING,), S.CLOSED),
    "heard": ((S.CLOSED,), S.HEARD),
    "broken_up": ((S.CLOSED,), S.BROKEN_UP),
}
"""The whole state machine: from which states something may happen, and to which it leads."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker in one round: the request, None where nobody could be asked, and what it came to."""

    speaker: str
    request: Request | None = None
    final: Final | None = None
    closed_at: datetime | None = None

    @property
    def is_over(self) -> bool:
        return self.request is None or self.final is not None

    @property
    def has_spoken(self) -> bool:
        """Whether there is a position: a worker's own judgement of it makes it none the less one."""
        return self.final is not None and self.final.result == "done" and bool(self.final.conclusion.strip())

    @property
    def absence(self) -> str:
        """Why there is no position, in words; empty while it is awaited, and where there is one."""
        if self.request is None:
            return f"there is no agent {self.speaker}"
        if self.final is None or self.has_spoken:
            return ""
        how = {"timed_out": "late", "done": "said nothing"}.get(self.final.result, self.final.result)
        return f"{how}: {self.final.conclusion.strip()}" if self.final.conclusion.strip() else how


@dataclass(frozen=True, slots=True)
class Round:
    """One round: every speaker of the table, in the order in which the job names them."""

    number: int
    voices: tuple[Voice, ...]

    @property
    def is_closed(self) -> bool:
        return all(voice.is_over for voice in self.voices)

    @property
    def positions(self) -> tuple[Voice, ...]:
        """Those who spoke: nobody before the round is closed."""
        return tuple(voice for voice in self.voices if voice.has_spoken) if self.is_closed else ()

    @property
    def absent(self) -> tuple[Voice, ...]:
        """Those of whom there is no position; nobody before the round is closed."""
        return tuple(voice for voice in self.voices if not voice.has_spoken) if self.is_closed else ()


@dataclass(frozen=True, slots=True)
class Table:
    """What a table has come to by the requests of its rounds."""

    rules: Roundtable
    state: TableState = TableState.GATHERING
    rounds: tuple[Round, ...] = ()

    @property
    def next_round(self) -> int | None:
        """The number of the round that is to be called now, if one is."""
        return len(self.rounds) + 1 if self.state in (S.GATHERING, S.CLOSED) else None

    @property
    def last_positions(self) -> tuple[tuple[int, Voice], ...]:
        """What each speaker said last, with the number of the round, in the order of the speakers."""
        last = {voice.speaker: (one.number, voice) for one in self.rounds for voice in one.positions}
        return tuple(last[speaker] for speaker in self.rules.speakers if speaker in last)


def fold_table(rules: Roundtable, asked: Iterable[Standing]) -> Table:
    """Return what the table has come to; `asked` are the requests of its rounds, in any order.

    Raises OutOfTurn for a request that is of no seat of this table, for one seat that was asked twice, for speakers of
    one round who were not asked the same, and for a round that was called before the one before it was closed.
    """
    seats = _seated(rules, asked)
    table = Table(rules)
    for number in sorted({number for number, _ in seats}):
        if table.next_round != number:
            raise OutOfTurn(f"round {number} was called while the table was {table.state} in round {len(table.rounds)}")
        voices = tuple(_voice(speaker, seats.get((number, speaker))) for speaker in rules.speakers)
        table = _held(table, Round(number, voices))
    return table


def _seated(rules: Roundtable, asked: Iterable[Standing]) -> Mapping[tuple[int, str], Standing]:
    seats: dict[tuple[int, str], Standing] = {}
    tables, called = set[str](), dict[int, Request]()
    for standing in asked:
        request, seat = standing.request, seat_of(standing.request)
        if seat is None or seat.speaker not in rules.speakers or seat.round > rules.rounds:
            raise OutOfTurn(f"request {request.id} to {standing.receiver} is of no seat of this table")
        if standing.receiver != seat.speaker or (seat.round, seat.speaker) in seats:
            raise OutOfTurn(f"request {request.id}: {seat.speaker} is to speak once in round {seat.round}, and itself")
        first = called.setdefault(seat.round, request)
        if (first.task, first.background, first.due_at) != (request.task, request.background, request.due_at):
            raise OutOfTurn(f"{first.receiver} and {seat.speaker} were not asked the same in round {seat.round}")
        tables.add(seat.table)
        seats[(seat.round, seat.speaker)] = standing
    if len(tables) > 1:
        raise OutOfTurn(f"these requests are of several tables: {', '.join(sorted(tables))}")
    return seats


def _voice(speaker: str, standing: Standing | None) -> Voice:
    if standing is None:
        return Voice(speaker)
    return Voice(speaker, standing.request, standing.final, standing.closed_at)


def _held(table: Table, held: Round) -> Table:
    """Return the table with one more round, as far as that has come."""
    state = _follow(table.state, "called")
    for voice in held.voices:
        if voice.is_over:
            state = _follow(state, "spoke" if voice.has_spoken else "stayed_away")
    rounds = (*table.rounds, held)
    if not held.is_closed:
        return Table(table.rules, state, rounds)
    state = _follow(state, "closed")
    has_quorum = len(held.positions) >= table.rules.quorum
    if not has_quorum and held.number == 1:
        state = _follow(state, "broken_up")
    elif not has_quorum or held.number == table.rules.rounds:
        state = _follow(state, "heard")
    return Table(table.rules, state, rounds)


def _follow(state: TableState, happened: str) -> TableState:
    origins, target = TRANSITIONS[happened]
    assert state in origins, f"a table that is {state} cannot have {happened}"
    return target
