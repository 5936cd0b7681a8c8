"""A table that was held: what its chair concludes from, what is delivered beside that, and what is named as missing."""

from __future__ import annotations

from dataclasses import dataclass

from harness.bus.roundtables import absences, said_in, snapshot_hash
from harness.delivery.commonmark import write_quote
from harness.delivery.prose import safe_markdown
from harness.domain.digest import Section
from harness.domain.roundtable import Table
from harness.domain.source import Collected

READ = "roundtable"
"""Under which name prompt and template find what was said: `inputs.roundtable`."""


@dataclass(frozen=True, slots=True)
class Position:
    """What a speaker said last, word for word, and in which round."""

    speaker: str
    round: int
    text: str


@dataclass(frozen=True, slots=True)
class Held:
    """What is left of a table when all its rounds are over. `minutes` is the path of its minutes in the workspace.

    `said` stands in the prompt beside what was collected, and is no source of numbers: a figure that a speaker made up
    is not collected by being quoted.
    """

    table_id: str
    minutes: str
    said: Collected
    positions: tuple[Position, ...]
    gaps: tuple[str, ...]


def held_of(table: Table, table_id: str, snapshot: str, minutes: str) -> Held:
    """Return what is left of a table whose last round is over."""
    last = tuple(
        Position(voice.speaker, number, voice.final.conclusion.strip())
        for number, voice in table.last_positions
        if voice.final is not None
    )
    return Held(table_id, minutes, _said(table, table_id, snapshot), last, _gaps(table))


def sections_of(held: Held) -> tuple[Section, ...]:
    """Return the positions as they stand below the conclusion, so that no conclusion can drop one."""
    return tuple(
        Section(
            title=f"{position.speaker}, in round {position.round}, word for word",
            prose=write_quote(safe_markdown(position.text, lambda url: None)),
        )
        for position in held.positions
    )


def unnamed_in(text: str, held: Held) -> tuple[str, ...]:
    """Return a sentence for each speaker whom the conclusion does not mention at all."""
    words = text.casefold()
    return tuple(
        f"the conclusion does not mention {position.speaker}; its position stands below, word for word"
        for position in held.positions
        if position.speaker.casefold() not in words
    )


def _said(table: Table, table_id: str, snapshot: str) -> Collected:
    head = f"Roundtable {table_id} over one snapshot (sha256 {snapshot_hash(snapshot)}), the last round first."
    rounds = [f"# Round {held.number}\n\n{said_in(held)}" for held in reversed(table.rounds)]
    return Collected(READ, text="\n\n".join((head, *rounds)))


def _gaps(table: Table) -> tuple[str, ...]:
    gaps = absences(table.rounds)
    missing = table.rules.rounds - len(table.rounds)
    if missing:
        spoke, rules = len(table.rounds[-1].positions), table.rules
        too_few = f"{spoke} of {len(rules.speakers)} spoke in round {len(table.rounds)}, and {rules.quorum} had to"
        why = too_few if spoke < rules.quorum else "there was nobody left to ask"
        gaps = (*gaps, f"the table ended after {len(table.rounds)} of {rules.rounds} rounds: {why}")
    return gaps
