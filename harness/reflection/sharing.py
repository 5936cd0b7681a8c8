"""What one agent has learned and others can use: copied for all of them, with its author and its evidence. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from harness.domain.learning import SHARED, TRUST, Learning
from harness.memory.learnings import parse_learnings
from harness.memory.learnings_writer import with_learning
from harness.reflection.judging import is_contradicted, joined, says_the_same

SHARED_LEARNINGS = PurePosixPath("shared-context", "learnings.md")
_HEAD = (
    "# What the team has learned\n\nRecords that one agent has proven and that help the others; each names its author"
    " and the runs that bore it out.\n"
)


@dataclass(frozen=True, slots=True)
class Share:
    """A record for all, as it is to stand there, and why; or one that is to be taken back."""

    learning: Learning
    why: str


def shareable(learnings: Iterable[Learning]) -> tuple[Learning, ...]:
    """Return the records that may be shared at all: in a MEMORY.md, of one agent, and believed."""
    return tuple(
        each
        for each in learnings
        if each.status == "promoted"
        and each.scope.startswith("agent/")
        and (each.trust >= TRUST["tool"] or each.is_approved)
        and each.origin != "external"
        and not is_contradicted(each)
    )


def shares_of(learnings: Sequence[Learning], marked: Collection[str], shared_text: str) -> tuple[Share, ...]:
    """Return what is to be shared of all agents' records: what held for two agents, and what is `marked`.

    Of records that say the same one is shared, with the evidence of all. What is shared already and not proven any
    more is taken back.
    """
    shared = {each.learning.id: each.learning for each in parse_learnings(shared_text).found}
    shares = []
    by_fingerprint: dict[str, list[Learning]] = defaultdict(list)
    for each in learnings:
        by_fingerprint[each.fingerprint].append(each)
    for group in by_fingerprint.values():
        one = _to_share(group, marked, shared)
        if one is not None:
            shares.append(one)
    known = {each.id: each for each in learnings}
    for learning_id, there in shared.items():
        own = known.get(learning_id)
        if own is not None and there.is_in_force and (not own.is_in_force or is_contradicted(own)):
            shares.append(Share(replace(there, status="superseded"), "it does not hold any more"))
    return tuple(shares)


def with_shares(text: str, shares: Iterable[Share]) -> str:
    """Return the text of the team's records with these in it; shared again, it is the same."""
    for share in shares:
        standing = parse_learnings(text).find(share.learning.id)
        if standing is None and share.learning.status == "superseded":
            continue
        text = with_learning(text or f"{_HEAD}\n", share.learning)
    return text


def _to_share(group: Sequence[Learning], marked: Collection[str], shared: Collection[str]) -> Share | None:
    candidates = shareable(group)
    for learning in sorted(candidates, key=lambda each: (each.id not in shared, each.first_seen, each.id)):
        same = [each for each in group if says_the_same(learning, each) and each.is_in_force]
        agents = sorted({_author(each) for each in same if any(held.is_ok for held in each.verifications)})
        if len(agents) < 2 and learning.id not in marked and learning.id not in shared:
            continue
        verifications = learning.verifications
        for other in same:
            if other is not learning and other.trust >= learning.trust:
                verifications = joined(verifications, other.verifications)
        copy = replace(learning, scope=SHARED, author=_author(learning), verifications=verifications)
        why = f"it held for {' and '.join(agents)}" if len(agents) > 1 else "the team's reflection chose it"
        return Share(copy, why)
    return None


def _author(learning: Learning) -> str:
    return learning.author or learning.scope.removeprefix("agent/")
