"""Roundtables on the bus: a round is called in one transaction, and what a table has come to is read from its requests.

Barrier: what is said in a round is shown to no agent and in no file until the final of its last speaker. Guards keep
speakers from asking one another meanwhile (`speakers_beside`), and the seal of a round (`is_sealed`) is opened by the
transaction in which that final queues the chair.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from harness.bus.log import standing_of
from harness.bus.sending import Ask, send
from harness.bus.team import Team
from harness.domain.job import Priority
from harness.domain.roundtable import Round, Seat, Table, fold_table
from harness.domain.seating import Roundtable
from harness.store.seats import requests_at

_ID_CHARS = 10
FALLBACK = "the table goes on without you, and the minutes name you as absent"
EXPECTED = (
    "Your position, as one complete message: what you hold and why, with your confidence; a stop for each entry that "
    "you would make; what would show that you are wrong."
)
ACCEPTANCE = ("every number comes from the snapshot", "every entry names its stop")


@dataclass(frozen=True, slots=True)
class Call:
    """What the chair asks of its table. `run_id` is the run that calls; `snapshot` are the bytes that all see."""

    chair: str
    table_id: str
    run_id: str
    rules: Roundtable
    question: str
    snapshot: str
    priority: Priority = "normal"


def table_id_of(run_id: str) -> str:
    """Return the id of the table that a run holds, the same in each attempt at it and in what goes on with it."""
    before, _, last = run_id.rpartition(":")
    work = f"{before}:{last.partition('~')[0].partition('.')[0]}"
    return f"t-{base64.b32encode(hashlib.sha256(work.encode()).digest()).decode('ascii').lower()[:_ID_CHARS]}"


def read_table(connection: Connection, chair: str, table_id: str, rules: Roundtable) -> Table:
    """Return what the table has come to. Raises OutOfTurn if its requests make no sense."""
    numbers = range(1, rules.rounds + 1)
    keys = [Seat(table_id, number, speaker).key for number in numbers for speaker in rules.speakers]
    ids = requests_at(connection, chair, keys)
    return fold_table(rules, (standing_of(connection, one) for one in ids))


def call_round(connection: Connection, call: Call, table: Table, team: Team, now: datetime) -> Round:
    """Ask every speaker that there is for the next round; the transaction should be alone.

    All of them are asked the same, until the same moment. A round that was called before is returned as it is.
    Raises Refused or HarnessError, and nobody is asked, if one of them cannot be.
    """
    number = table.next_round
    assert number is not None, "the caller looks before it calls"
    task, background = task_of(call, number), background_of(call, table)
    for speaker in call.rules.speakers:
        if speaker not in team.workspace.agents:
            continue  # named as absent
        ask = Ask(
            sender=call.chair,
            receiver=speaker,
            task=task,
            key=Seat(call.table_id, number, speaker).key,
            due_at=now + timedelta(seconds=call.rules.due_s),
            background=background,
            expected_output=EXPECTED,
            acceptance=ACCEPTANCE,
            fallback=FALLBACK,
            priority=call.priority,
            parent_run=call.run_id,
            is_untrusted=True,
        )
        send(connection, ask, team, now)
    return read_table(connection, call.chair, call.table_id, call.rules).rounds[number - 1]


def snapshot_hash(snapshot: str) -> str:
    """Return the SHA-256 by which all speakers know that they see the same."""
    return hashlib.sha256(snapshot.encode()).hexdigest()


def snapshot_in(table: Table) -> str | None:
    """Return the snapshot that the first round was shown, to the byte; None before there is one."""
    if not table.rounds:
        return None
    return next((voice.request.background for voice in table.rounds[0].voices if voice.request is not None), None)


def task_of(call: Call, number: int) -> str:
    """Return what is asked of every speaker of a round."""
    who = f"Roundtable {call.table_id}, round {number} of {call.rules.rounds}, chaired by {call.chair}"
    material = f"the snapshot (sha256 {snapshot_hash(call.snapshot)})"
    if number > 1:
        material += f", and before it what was said in round {number - 1}"
    again = (
        "Say what you hold now, and why: keep your position or change it, and name with whom you disagree."
        if number > 1
        else "Say what you hold, and why."
    )
    return (
        f"{call.question}\n\n{who}; speakers: {', '.join(call.rules.speakers)}. All of you are shown the same: "
        f"{material}. Nobody hears another before the round is over. {again} Answer once, with `finish`, and put the "
        "whole of your position into its conclusion."
    )


def background_of(call: Call, table: Table) -> str:
    """Return what every speaker of the next round is shown; it ends in the snapshot, to the byte."""
    if not table.rounds:
        return call.snapshot
    last = table.rounds[-1]
    return f"# What was said in round {last.number}\n\n{said_in(last)}\n\n{call.snapshot}"


def said_in(held: Round) -> str:
    """Return what was said in a closed round, word for word below the name of each, and who was absent."""
    parts = [f"## {voice.speaker}\n\n{voice.final.conclusion.strip()}" for voice in held.positions if voice.final]
    parts += [f"## {voice.speaker}\n\n(absent: {voice.absence})" for voice in held.absent]
    return "\n\n".join(parts)


def absences(rounds: Sequence[Round]) -> tuple[str, ...]:
    """Return a sentence for each speaker that was absent from a round."""
    return tuple(
        f"{voice.speaker} was absent in round {held.number}: {voice.absence}"
        for held in rounds
        for voice in held.absent
    )
