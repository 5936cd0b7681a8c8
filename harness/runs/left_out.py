"""What is taken out of an answer that breaks its contract, so that the rest of it can be delivered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.domain.contract import Violation
from harness.domain.judgement import judge
from harness.domain.passages import without_lines
from harness.domain.promised_items import MAX_SHARE, TOO_MANY
from harness.domain.promised_words import has_disclaimer
from harness.domain.sizes import counted
from harness.runs.contract import Grounds, as_delivered, lost_with_items
from harness.runs.reachability import Reach
from harness.runs.report import Report, drop_items, parse_report

NEVER_WITHOUT = frozenset({
    "must_include", "min_chars", "sections", "cite", "must_not_include", "numbers", "signals", "max_share",
    "every_item.priority", "reminder",
})  # fmt: skip
"""Rules that nothing is delivered against: what cannot be taken out of an answer makes it a failure."""

_MOST_ROUNDS = 8
"""What is taken out may leave something else wanting: a section without text, another share of the rest."""


@dataclass(frozen=True, slots=True)
class Remainder:
    """What is left of an answer. `removed` says in sentences what was taken out, `left` what is still wrong."""

    report: Report
    removed: tuple[str, ...]
    left: tuple[Violation, ...]


def take_out(text: str, grounds: Grounds, reachability: Mapping[str, Reach]) -> Remainder:
    """Return the answer without the lines and items that its contract does not allow, and with its disclaimer.

    Items whose links were not collected are left for the digest, which takes no such item and names it.
    """
    contract = grounds.job.contract
    collected = {item.url for item in grounds.items}
    removed: dict[str, None] = {}
    for _ in range(_MOST_ROUNDS):
        report = parse_report(text, grounds.items)
        violations = judge(contract, grounds.evidence(report, reachability))
        lines = [violation for violation in violations if violation.lines is not None]
        items = [violation for violation in violations if violation.url in collected]
        if not lines and not items:
            break
        removed.update(dict.fromkeys(_sentences((*lines, *items))))
        text = without_lines(text, [violation.lines for violation in lines if violation.lines is not None])
        if items:
            text = drop_items(text, {violation.url for violation in items if violation.url is not None})
    if contract.disclaimer and text.strip() and not has_disclaimer(as_delivered(report), contract.disclaimer):
        report = parse_report(f"{text.rstrip()}\n\n{contract.disclaimer}\n", grounds.items)
        violations = judge(contract, grounds.evidence(report, reachability))
    left = [violation for violation in violations if violation.url is None]
    left += lost_with_items(report, grounds)
    return Remainder(report, tuple(removed), tuple(dict.fromkeys(left)))


def _sentences(violations: Iterable[Violation]) -> Iterator[str]:
    """Yield a sentence for each thing that is left out; items that are too many of one basket share theirs."""
    surplus: dict[str, list[str]] = {}
    for violation in violations:
        if violation.rule == MAX_SHARE:
            item, _, why = violation.detail.partition(TOO_MANY)
            surplus.setdefault(why, []).append(item.partition(" ")[2].partition(" ")[2])
        else:
            yield f"left out: {violation.detail}"
    for why, titles in surplus.items():
        yield f"left out: {counted(len(titles), 'item')} too many of {why}: {'; '.join(reversed(titles))}"
