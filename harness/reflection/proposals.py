"""What a model proposes for records, and the rules that it passes before anything becomes of it. Pure.

A proposal says other words for a record, or that two can become one; never what a record is worth. What it names is
there, nothing is lost or brought in by it, and nothing grows. All else is refused, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from harness.domain.learning import Learning, Origin, least_trust
from harness.domain.tokens import estimate_tokens
from harness.gate.sanitise import in_short, one_line
from harness.memory.learnings import WORDS, with_words
from harness.memory.learnings_writer import as_written
from harness.reflection.judging import Change, is_of_person, joined
from harness.reflection.wording import first_missing, fixed_words, new_words

MOST = 20
"""So many proposals of one answer are looked at; the rest is refused."""

_FIELDS = ("title", *WORDS)
_SHOWN_CHARS = 160


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Words(_Shape):
    """The words that a record is to have; what is not named stays as it is."""

    title: str | None = None
    trigger: str | None = None
    wrong: str | None = None
    right: str | None = None
    why: str | None = None


class Reword(_Shape):
    """Say one record otherwise."""

    kind: Literal["reword"]
    id: str
    words: Words


class Merge(_Shape):
    """Make one record of several: `keep` stays, with these words, and the others go."""

    kind: Literal["merge"]
    keep: str
    drop: Annotated[list[str], Field(min_length=1, max_length=5)]
    words: Words = Words()


class Contradiction(_Shape):
    """Two records cannot both be right; the person is told."""

    kind: Literal["contradiction"]
    ids: Annotated[list[str], Field(min_length=2, max_length=2)]


class Share(_Shape):
    """A promoted record would help the other agents too."""

    kind: Literal["share"]
    id: str


Proposal = Annotated[Reword | Merge | Contradiction | Share, Field(discriminator="kind")]
_PROPOSAL: TypeAdapter[Reword | Merge | Contradiction | Share] = TypeAdapter(Proposal)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What passed, and what did not and why."""

    changes: tuple[Change, ...] = ()
    contradictions: tuple[tuple[str, str], ...] = ()
    shares: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class _NotAllowed(ValueError):
    """The proposal is refused."""


@dataclass(slots=True)
class _Checking:
    records: Mapping[str, Learning]
    shareable: Mapping[str, Learning]
    changes: dict[str, Change] = field(default_factory=dict)
    contradictions: list[tuple[str, str]] = field(default_factory=list)
    shares: list[str] = field(default_factory=list)

    def take(self, proposal: Reword | Merge | Contradiction | Share) -> None:
        match proposal:
            case Reword():
                self._change(reworded(self._record(proposal.id), proposal.words), "the model worded it otherwise")
            case Merge():
                self._merge(proposal)
            case Contradiction():
                one, other = (self._record(each).id for each in proposal.ids)
                if one == other:
                    raise _NotAllowed(f"{one} cannot contradict itself")
                self.contradictions.append((one, other))
            case Share():
                if proposal.id not in self.shareable:
                    raise _NotAllowed(f"there is no record {in_short(proposal.id, 40)} that may be shared")
                self.shares.append(proposal.id)

    def _merge(self, proposal: Merge) -> None:
        kept, *others = (self._record(each) for each in (proposal.keep, *proposal.drop))
        merged = merged_of(kept, others, proposal.words)
        self._change(merged, f"it says what {', '.join(each.id for each in others)} said as well")
        for other in others:
            self._change(replace(other, status="superseded"), f"{kept.id} says it as well")

    def _record(self, learning_id: str) -> Learning:
        record = self.records.get(learning_id)
        if record is None:
            raise _NotAllowed(f"there is no record {in_short(learning_id, 40)} among those that it was shown")
        if learning_id in self.changes:
            raise _NotAllowed(f"{learning_id} is changed by another proposal already")
        return record

    def _change(self, after: Learning, why: str) -> None:
        self.changes[after.id] = Change(self.records[after.id], after, why)


def check_answer(
    answer: str, records: Mapping[str, Learning], shareable: Mapping[str, Learning] | None = None
) -> Accepted:
    """Return what of the model's answer may be done. `records` are those that it was shown, as they are now.

    `shareable` are promoted records that it may name for the whole team.
    """
    try:
        entries = _entries(answer)
    except ValueError as error:
        return Accepted(refused=(f"the whole answer: {error}",))
    checking, refused = _Checking(records, shareable or {}), []
    for number, entry in enumerate(entries, 1):
        known = dict(checking.changes)
        try:
            if number > MOST:
                raise _NotAllowed(f"no more than {MOST} are looked at")
            checking.take(_PROPOSAL.validate_python(entry))
        except ValidationError as error:
            refused.append(f"proposal {number}: {_shown(error)}")
        except _NotAllowed as error:
            checking.changes = known
            refused.append(f"proposal {number}: {in_short(str(error), _SHOWN_CHARS)}")
    changes = tuple(each for each in checking.changes.values() if each.before != each.after)
    return Accepted(changes, tuple(checking.contradictions), tuple(dict.fromkeys(checking.shares)), tuple(refused))


def reworded(record: Learning, words: Words) -> Learning:
    """Return the record in other words. Raises ValueError if they say more, less or something else."""
    _refuse_persons([record])
    after = _with(record, words)
    for name in _FIELDS:
        old, new = fixed_words(getattr(record, name)), fixed_words(getattr(after, name))
        missing, added = first_missing(old, new), first_missing(new, old)
        if missing is not None:
            raise _NotAllowed(f"it drops {missing!r} from the {name} of {record.id}")
        if added is not None:
            raise _NotAllowed(f"it puts {added!r} into the {name} of {record.id}")
        if getattr(record, name) and not getattr(after, name):
            raise _NotAllowed(f"it leaves out the {name} of {record.id}")
    _refuse_growth(after, [record])
    return after


def merged_of(kept: Learning, others: Sequence[Learning], words: Words) -> Learning:
    """Return the one record that the others go into, believed no more than the least of them.

    What the others were verified by does not count for it: that they mean the same is only the model's word. What
    contradicted them does. Raises ValueError where something of them would be lost or brought in.
    """
    sources = [kept, *others]
    if len({each.id for each in sources}) < len(sources):
        raise _NotAllowed(f"{kept.id} is named twice")
    _refuse_persons(sources)
    if len({each.scope for each in sources}) > 1:
        raise _NotAllowed("records of different scopes do not become one")
    if any(not each.is_in_force for each in sources):
        raise _NotAllowed("only records in force become one")
    trust = least_trust(sources)
    if any(each.status == "promoted" for each in others) or (kept.status == "promoted" and trust < kept.trust):
        raise _NotAllowed("what stands in MEMORY.md goes into no other record, and takes in none that is believed less")
    after = _with(kept, words)
    for name in _FIELDS:
        new = fixed_words(getattr(after, name))
        for source in sources:
            missing = first_missing(fixed_words(getattr(source, name)), new)
            if missing is not None:
                raise _NotAllowed(f"it drops {missing!r} of {source.id}")
        theirs = {word for source in sources for word in fixed_words(getattr(source, name))}
        added = next((word for word in new if word not in theirs), None)
        if added is not None:
            raise _NotAllowed(f"it puts {added!r} into the {name} of {kept.id}")
    _refuse_growth(after, sources)
    contradictions = kept.contradictions
    for other in others:
        contradictions = joined(contradictions, other.contradictions)
    return replace(
        after,
        trust=trust,
        origin=_least_origin(sources),
        is_approved=all(each.is_approved for each in sources),
        contradictions=contradictions,
        supersedes=kept.supersedes or others[0].id,
    )


def _least_origin(sources: Sequence[Learning]) -> Origin:
    """Return where the least believed comes from: from outside, if any does, however far a person trusts it."""
    if any(each.origin == "external" for each in sources):
        return "external"
    return min(sources, key=lambda each: each.trust).origin


def _entries(answer: str) -> list[Any]:
    text = answer.strip()
    if text.startswith("```"):
        text = text.partition("\n")[2].rpartition("```")[0]
    try:
        said = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
    entries = said.get("proposals") if isinstance(said, dict) and set(said) == {"proposals"} else said
    if not isinstance(entries, list):
        raise ValueError('it is no list, and no {"proposals": […]}')
    return entries


def _with(record: Learning, words: Words) -> Learning:
    said = {name: one_line(text) for name in _FIELDS if (text := getattr(words, name)) is not None}
    title = said.pop("title", record.title)
    return as_written(with_words(replace(record, title=title), said))


def _refuse_persons(records: Sequence[Learning]) -> None:
    own = next((each.id for each in records if is_of_person(each)), None)
    if own is not None:
        raise _NotAllowed(f"{own} is the person's own: its words stay")


def _refuse_growth(after: Learning, sources: Sequence[Learning]) -> None:
    texts = [getattr(each, name) for each in sources for name in _FIELDS]
    brought = new_words(" ".join(getattr(after, name) for name in _FIELDS), texts)
    if brought:
        raise _NotAllowed(f"it brings in {brought[0]!r}, which none of its sources says")
    tokens, most = estimate_tokens(_said(after)), sum(estimate_tokens(_said(each)) for each in sources)
    if tokens > most:
        raise _NotAllowed(f"it grows {after.id} from {most} to {tokens} tokens")


def _said(record: Learning) -> str:
    return " ".join(getattr(record, name) for name in _FIELDS)


def _shown(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return in_short(f"{place}: {first['msg']}" if place else first["msg"], _SHOWN_CHARS)
