"""A table that was held: what its chair concludes from, what is delivered beside that, and what is named as missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.bus.roundtables import absences, said_in, snapshot_hash
from harness.delivery.commonmark import write_quote
from harness.delivery.prose import safe_markdown
from harness.domain.contract import Contract, Evidence
from harness.domain.digest import Section
from harness.domain.judgement import judge
from harness.domain.number_sources import known_numbers
from harness.domain.roundtable import Table
from harness.domain.source import Collected

_MOST_FAULTS = 5
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


def held_of(table: Table, table_id: str, snapshot: str, minutes: str, faults: Sequence[str] = ()) -> Held:
    """Return what is left of a table whose last round is over; `faults` is what was found in its positions."""
    said = _said(table, table_id, snapshot, faults)
    return Held(table_id, minutes, said, last_positions(table), (*_gaps(table), *faults))


def last_positions(table: Table) -> tuple[Position, ...]:
    """Return what each speaker said last, in the order of the speakers."""
    return tuple(
        Position(voice.speaker, number, voice.final.conclusion.strip())
        for number, voice in table.last_positions
        if voice.final is not None
    )


def faults_in(
    positions: Sequence[Position], contract: Contract, collected: Sequence[Collected], *texts: str
) -> tuple[str, ...]:
    """Return a sentence for each promise of the chair's contract about numbers and signals that a position breaks.

    Positions are quoted whole, so that what is wrong in one is named beside it. Its numbers have to come from what was
    collected, or from these texts.
    """
    promised = Contract(numbers=contract.numbers, signals=contract.signals)
    known = known_numbers(collected, *texts)
    found: list[str] = []
    for position in positions:
        violations = judge(promised, Evidence(position.text, known=known))
        found += [f"{position.speaker}, in round {position.round}: {one.detail}" for one in violations[:_MOST_FAULTS]]
        if len(violations) > _MOST_FAULTS:
            found.append(f"{position.speaker}: {len(violations) - _MOST_FAULTS} more of the same kinds")
    return tuple(found)


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


def _said(table: Table, table_id: str, snapshot: str, faults: Sequence[str]) -> Collected:
    head = f"Roundtable {table_id} over one snapshot (sha256 {snapshot_hash(snapshot)}), the last round first."
    rounds = [f"# Round {held.number}\n\n{said_in(held)}" for held in reversed(table.rounds)]
    wrong = ["Found in the last positions:\n" + "\n".join(f"- {fault}" for fault in faults)] if faults else []
    return Collected(READ, text="\n\n".join((head, *wrong, *rounds)))


def _gaps(table: Table) -> tuple[str, ...]:
    gaps = absences(table.rounds)
    missing = table.rules.rounds - len(table.rounds)
    if missing:
        spoke, rules = len(table.rounds[-1].positions), table.rules
        too_few = f"{spoke} of {len(rules.speakers)} spoke in round {len(table.rounds)}, and {rules.quorum} had to"
        why = too_few if spoke < rules.quorum else "there was nobody left to ask"
        gaps = (*gaps, f"the table ended after {len(table.rounds)} of {rules.rounds} rounds: {why}")
    return gaps
