"""What the evidence says of an agent's records tonight: by rules alone, no model asked. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from harness.domain.learning import Learning, Status, Verification
from harness.memory.promotion import Waiting, judge_all

_RANK: dict[Status, int] = {"promoted": 3, "verified": 2, "candidate": 1, "superseded": 0, "archived": 0}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one record, and why."""

    before: Learning
    after: Learning
    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The records as they stand after the night, and what is to be told of them.

    `contradicted` have to prove themselves again. `disputed` are contradicted as well, and the person's own: only
    they decide. `due` are ready for MEMORY.md, `waiting` are not.
    """

    changes: tuple[Change, ...] = ()
    learned: tuple[Learning, ...] = ()
    contradicted: tuple[Learning, ...] = ()
    disputed: tuple[Learning, ...] = ()
    due: tuple[Learning, ...] = ()
    waiting: tuple[Waiting, ...] = ()

    @property
    def for_person(self) -> tuple[Learning, ...]:
        """Return the records that have proven themselves, and that only the person may promote."""
        return tuple(each.learning for each in self.waiting if each.for_person)


def judge(learnings: Iterable[Learning], today: date) -> Judged:
    """Return what the evidence says of the records. Judged again as they are then, nothing changes."""
    records = {each.id: each for each in learnings}
    judging = _Judging(records)
    # In this order: what the same ones bring along may contradict, and what is contradicted replaces nothing.
    judging.merge_same()
    judging.contradict()
    judging.supersede()
    due, waiting = judge_all(judging.records.values())
    return Judged(
        judging.changes(),
        tuple(each for each in records.values() if each.first_seen == today and each.is_in_force),
        tuple(judging.records[each] for each in judging.contradicted if judging.records[each].is_in_force),
        tuple(each for each in records.values() if is_of_person(each) and _is_contradicted_on(each, today)),
        due,
        waiting,
    )


def is_of_person(learning: Learning) -> bool:
    """Say whether only the person may change what the record says or is."""
    return learning.is_pinned or learning.origin == "human"


def is_contradicted(learning: Learning) -> bool:
    """Say whether the record did not hold when it was looked at last; on one day, what went wrong counts."""
    last = max((each.at for each in learning.contradictions), default=None)
    held = learning.last_verified
    return last is not None and (held is None or last >= held)


def says_the_same(one: Learning, other: Learning) -> bool:
    """Say whether two records are about the same mistake and name the same way out of it."""
    return one.fingerprint == other.fingerprint and _words(one.right) == _words(other.right)


def joined(one: Iterable[Verification], more: Iterable[Verification]) -> tuple[Verification, ...]:
    """Return the evidence of both, each run and check once."""
    return tuple({(each.run, each.check): each for each in (*more, *one)}.values())


class _Judging:
    """The records while they are judged."""

    def __init__(self, records: dict[str, Learning]) -> None:
        self._before = dict(records)
        self._why: dict[str, str] = {}
        self.records = dict(records)
        self.contradicted: list[str] = []

    def merge_same(self) -> None:
        """Of records that say the same one stays: it takes over the evidence, but none that is believed less."""
        groups: dict[tuple[str, str, str], list[Learning]] = defaultdict(list)
        for record in self.records.values():
            if record.is_in_force:
                groups[record.scope, record.fingerprint, _words(record.right)].append(record)
        for group in groups.values():
            kept, *others = sorted(group, key=_worth, reverse=True)
            for other in others:
                if is_of_person(other):
                    continue
                kept = _with_evidence(kept, other)
                self._set(replace(other, status="superseded"), f"{kept.id} says the same")
                self._set(kept, f"it says the same as {other.id}")

    def contradict(self) -> None:
        """What did not hold since it was proven has to prove itself again; the person's own stays as it is."""
        for record in list(self.records.values()):
            if record.status in ("verified", "promoted") and is_contradicted(record) and not is_of_person(record):
                run = max(record.contradictions, key=lambda each: each.at).run
                self._set(replace(record, status="candidate"), f"it did not hold in {run}")
                self.contradicted.append(record.id)

    def supersede(self) -> None:
        """What a proven record says that it replaces is replaced; never by one that is believed less."""
        for learning_id in self._before:
            record = self.records[learning_id]
            old = self.records.get(record.supersedes or "")
            is_proven = record.status in ("verified", "promoted") and not is_contradicted(record)
            if old is None or old.id == record.id or not old.is_in_force or is_of_person(old):
                continue
            if is_proven and record.trust >= old.trust:
                self._set(replace(old, status="superseded"), f"{record.id} took its place")

    def changes(self) -> tuple[Change, ...]:
        return tuple(
            Change(before, self.records[before.id], self._why[before.id])
            for before in self._before.values()
            if self.records[before.id] != before
        )

    def _set(self, record: Learning, why: str) -> None:
        if record != self.records[record.id]:
            self.records[record.id], self._why[record.id] = record, why


def _with_evidence(kept: Learning, other: Learning) -> Learning:
    verifications = kept.verifications
    if other.trust >= kept.trust:
        verifications = joined(verifications, other.verifications)
    return replace(
        kept,
        verifications=verifications,
        contradictions=joined(kept.contradictions, other.contradictions),
        supersedes=kept.supersedes or other.id,
    )


def _worth(record: Learning) -> tuple[bool, int, int, int, int]:
    """Return what decides which of the same stays; of equal ones the eldest."""
    age = -record.first_seen.toordinal()
    return is_of_person(record), record.trust, _RANK[record.status], len(record.verifications), age


def _is_contradicted_on(record: Learning, today: date) -> bool:
    return record.is_in_force and is_contradicted(record) and any(each.at == today for each in record.contradictions)


def _words(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(" .")
