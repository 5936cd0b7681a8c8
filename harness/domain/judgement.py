"""Whether what a run made keeps its contract: every promise that does not hold, and what nobody could judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from harness.domain.contract import Contract, Evidence, EvidenceItem, Violation
from harness.domain.promised_items import judge_items, judge_shares
from harness.domain.promised_words import folded, judge_reminder, judge_words
from harness.domain.sizes import counted
from harness.domain.source import canonical_url
from harness.domain.traced_text import judge_confidence, judge_numbers, judge_signals

MOST_NAMED = 60
"""So many faults are named in the one turn that a model has to repair them."""


def judge(contract: Contract, evidence: Evidence) -> tuple[Violation, ...]:
    """Return every promise that does not hold, the whole text's first, then its lines', then the items' in their order.

    An item whose link was not collected never counts towards `min_items` (it will not be delivered), and
    items that link to the same page count once.
    A link that could not be checked is no violation; `gaps` names it.
    """
    return (
        *_judge_size(contract, evidence),
        *judge_words(contract, evidence),
        *judge_reminder(contract, evidence),
        *judge_numbers(contract, evidence),
        *judge_signals(contract, evidence),
        *judge_confidence(contract, evidence),
        *judge_items(contract, evidence),
        *judge_shares(contract, evidence),
    )


def gaps(evidence: Evidence, contract: Contract | None = None) -> tuple[str, ...]:
    """Return what could not be judged, as sentences for the person.

    With a contract that does not ask for reachable links, unchecked links are no gap.
    """
    promised = Contract() if contract is None else contract
    found: list[str] = []
    if contract is None or (promised.every_item is not None and promised.every_item.reachable):
        found += _unchecked(evidence)
    if promised.every_item is not None and promised.every_item.priority and not evidence.is_judged:
        found += ["not judged for impact: no model"] if any(not item.has_priority for item in evidence.items) else []
    found += [f"{job} has no result yet that could be cited" for job in promised.cite if not evidence.days.get(job)]
    return tuple(found)


def repair_message(violations: Sequence[Violation]) -> str:
    """Return what is said to the model in its one repair turn: exactly what is wrong, and nothing else to change."""
    return (
        "Your answer breaks its contract. Fix exactly these points and send the whole answer again, "
        "complete and in the same form, with no comment on the change:\n" + in_order(violations)
    )


def in_order(violations: Sequence[Violation]) -> str:
    """Return the violations as a model is told of them: numbered, a line each, with what it is to do about it."""
    faults = "\n".join(
        f"{number}. {violation}" + (f"; {violation.remedy}" if violation.remedy else "")
        for number, violation in enumerate(violations[:MOST_NAMED], start=1)
    )
    more = len(violations) - MOST_NAMED
    return faults + (f"\nand {more} more of the same kinds" if more > 0 else "")


def _unchecked(evidence: Evidence) -> Iterator[str]:
    unchecked = [item for item in evidence.items if item.is_collected and item.reachable is None]
    if not unchecked:
        return
    reasons = Counter((urlsplit(item.url).netloc, item.reach_reason or "not checked") for item in unchecked)
    named = "; ".join(f"{host}: {counted(links, 'link')} ({reason})" for (host, reason), links in reasons.items())
    count = len(unchecked)
    yield f"{'the link of 1 item' if count == 1 else f'links of {count} items'} could not be checked: {named}"


def _judge_size(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    yield from _judge_count(contract, evidence.items)
    length = len(evidence.text.strip())
    if contract.min_chars is not None and length < contract.min_chars:
        yield Violation("min_chars", f"{length} characters, at least {contract.min_chars} needed")
    if contract.max_chars is not None and length > contract.max_chars:
        yield Violation("max_chars", f"{length} characters, at most {contract.max_chars} allowed")
    words = folded(evidence.text)
    for phrase in contract.must_include:
        if folded(phrase) not in words:
            yield Violation("must_include", f"the text lacks “{phrase}”", remedy="write it word for word")


def _judge_count(contract: Contract, items: Sequence[EvidenceItem]) -> Iterator[Violation]:
    # The same page twice is one item: an answer does not get longer by repeating itself.
    count = len({canonical_url(item.url) for item in items if item.is_collected})
    strays = sum(not item.is_collected for item in items)
    verb = "does not count: its link was" if strays == 1 else "do not count: their links were"
    aside = f" ({strays} more {verb} not collected)" if strays else ""
    noun = "item" if count == 1 else "items"
    if contract.min_items is not None and count < contract.min_items:
        yield Violation(
            "min_items",
            f"{count} {noun}{aside}, at least {contract.min_items} needed",
            remedy="an item is a list entry that starts with a link: - [Title](URL) — why it matters",
        )
    if contract.max_items is not None and count > contract.max_items:
        detail = f"{count} {noun}, at most {contract.max_items} allowed"
        yield Violation("max_items", detail, remedy="keep the most important")
