"""One roundtable in full: its rounds, who was asked what in them, and what each said. For the person alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.cli.bus_lines import first_line
from harness.cli.bus_story import final_json, final_lines, result_words, situation_words
from harness.cli.failures import Misused, UnknownName
from harness.cli.fires import iso
from harness.cli.place import Place
from harness.cli.table import table_lines, wrap
from harness.daemon.wording import when
from harness.domain.request import Request, Standing, fold
from harness.domain.roundtable import KEY_BEGINS, Seat, is_sealed, seat_in
from harness.store.peek import Peek

_TABLE_ID = KEY_BEGINS.rpartition(" ")[2]
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class TableStory:
    """All that is known of one table: every seat with what it came to, by round and speaker."""

    table: str
    seats: tuple[tuple[Seat, Standing], ...]

    @property
    def first(self) -> Request:
        return self.seats[0][1].request

    def rounds(self) -> dict[int, list[tuple[Seat, Standing]]]:
        """Return the seats of each round."""
        found: dict[int, list[tuple[Seat, Standing]]] = {}
        for seat, standing in self.seats:
            found.setdefault(seat.round, []).append((seat, standing))
        return found


def is_table_name(name: str) -> bool:
    """Say whether a table is meant, and no request."""
    return name.startswith(_TABLE_ID)


def tell_table(look: Peek | None, name: str) -> TableStory:
    """Return the story of the table that is meant, which may be written as its beginning.

    Raises UnknownName if there is none, Misused where more than one is meant.
    """
    found = () if look is None else look.requests.seats(name)
    seated = [(seat, request_id) for request_id, key in found if (seat := seat_in(key)) is not None]
    tables = sorted({seat.table for seat, _ in seated})
    if not tables or look is None:
        raise UnknownName("roundtable", name, (), "harness bus list --all")
    if len(tables) > 1:
        raise Misused(f"{name!r} begins the ids of several roundtables: {', '.join(tables)}; write more of it")
    seated.sort(key=lambda one: (one[0].round, one[0].speaker))
    return TableStory(tables[0], tuple((seat, fold(look.requests.log(request_id))) for seat, request_id in seated))


def table_story_lines(place: Place, story: TableStory, width: int) -> Iterator[str]:
    """Yield the table as the person reads it: also what is sealed for everybody else."""
    asked = story.first
    facts = [
        ("table", story.table),
        ("chair", asked.sender),
        ("asks", first_line(asked.task)),
        ("snapshot", f"sha256 {_snapshot_hash(story)}"),
    ]
    if asked.parent_run is not None:
        facts.append(("called by", f"harness runs show {asked.parent_run}"))
    yield from table_lines(facts, width)
    for number, seats in story.rounds().items():
        first = seats[0][1].request
        due = when(first.due_at, place.zone, place.now)
        is_open = any(is_sealed(standing) for _, standing in seats)
        how = f"open, due {due}: no agent can read this yet" if is_open else "over"
        yield ""
        yield from wrap(f"round {number}, called {when(first.made_at, place.zone, place.now)}, {how}", width)
        for seat, standing in seats:
            yield from _voice_lines(seat, standing, width)


def _voice_lines(seat: Seat, standing: Standing, width: int) -> Iterator[str]:
    final = standing.final
    how = situation_words(standing) if final is None else result_words(final)
    yield ""
    yield from (f"{_INDENT}{line}" for line in wrap(f"{seat.speaker} ({standing.request.id}): {how}", width - 2))
    if final is None and standing.note:
        yield from (f"{_INDENT * 2}{line}" for line in wrap(f"news: {standing.note}", width - 4))
    if final is not None:
        yield from (f"{_INDENT * 2}{line}" if line else "" for line in final_lines(final, width - 4))


def table_story_json(story: TableStory) -> dict[str, Any]:
    """Return the same as data."""
    return {
        "table": story.table,
        "chair": story.first.sender,
        "task": story.first.task,
        "snapshot_sha256": _snapshot_hash(story),
        "run": story.first.parent_run,
        "rounds": [
            {
                "round": number,
                "is_open": any(is_sealed(standing) for _, standing in seats),
                "called_at": iso(seats[0][1].request.made_at),
                "due_at": iso(seats[0][1].request.due_at),
                "voices": [_voice_json(seat, standing) for seat, standing in seats],
            }
            for number, seats in story.rounds().items()
        ],
    }


def _voice_json(seat: Seat, standing: Standing) -> dict[str, Any]:
    return {
        "speaker": seat.speaker,
        "request": standing.request.id,
        "state": str(standing.state),
        "note": standing.note,
        "closed_at": iso(standing.closed_at),
        "final": None if standing.final is None else final_json(standing.final),
    }


def _snapshot_hash(story: TableStory) -> str:
    """Return the hash of what the first round was shown, which is the snapshot to the byte."""
    return hashlib.sha256(story.first.background.encode()).hexdigest()
