"""What a run promises to deliver, and the judgement whether it did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal
from urllib.parse import urlsplit

from harness.domain.source import canonical_url

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class ItemRule:
    """What must hold for every item: `url_collected`, its link stands in the collected inputs;
    `reachable`, its link answers; `priority`, it ends in P0, P1 or P2."""

    url_collected: bool = True
    reachable: bool = False
    priority: bool = False


@dataclass(frozen=True, slots=True)
class SignalRule:
    """What must hold for every entry signal: `stop`, it names one on the right side of its entry; at a confidence
    below `wait_below` (percent) it says to wait, and names no entry."""

    stop: bool = True
    wait_below: float | None = None


@dataclass(frozen=True, slots=True)
class ShareLimit:
    """At most `percent` of the items may be of the basket."""

    basket: str
    percent: float


@dataclass(frozen=True, slots=True)
class Contract:
    """A job's declared promise; a field that is None or empty promises nothing.

    `unseen_for_s`: no item that this job delivered within that many seconds. `numbers`: each stands in what was
    collected, or follows from it. `confidence`: each judgement says how sure it is. `sections` are headings with text
    below, `disclaimer` words that stand in whatever is delivered, `must_not_include` words that never do. `cite` are
    jobs whose latest result the text names with its date. `reminder_chars`: it is a reminder, no longer than that.
    """

    min_items: int | None = None
    max_items: int | None = None
    min_chars: int | None = None
    max_chars: int | None = None
    must_include: tuple[str, ...] = ()
    every_item: ItemRule | None = None
    unseen_for_s: int | None = None
    numbers: Literal["collected"] | None = None
    signals: SignalRule | None = None
    confidence: Literal["labelled"] | None = None
    sections: tuple[str, ...] = ()
    disclaimer: str | None = None
    max_share: tuple[ShareLimit, ...] = ()
    must_not_include: tuple[str, ...] = ()
    cite: tuple[str, ...] = ()
    reminder_chars: int | None = None


def joined(own: Contract, shared: Contract) -> Contract:
    """Return what a job promises whose agent promises something for all of its jobs.

    What the job says itself goes before what is shared, lists add up, and a rule for items or signals that either of
    them has holds: a job adds to what its agent keeps, and takes nothing away.
    """
    values: dict[str, Any] = {}
    for each in fields(Contract):
        mine, theirs = getattr(own, each.name), getattr(shared, each.name)
        values[each.name] = tuple(dict.fromkeys((*mine, *theirs))) if mine and theirs and _is_list(mine) else mine
        if mine in (None, ()):
            values[each.name] = theirs
    values["every_item"] = _joined_rules(own.every_item, shared.every_item)
    limits = {limit.basket: limit for limit in (*shared.max_share, *own.max_share)}
    return Contract(**(values | {"max_share": tuple(limits.values())}))


def _is_list(value: object) -> bool:
    return isinstance(value, tuple)


def _joined_rules(own: ItemRule | None, shared: ItemRule | None) -> ItemRule | None:
    if own is None or shared is None:
        return own or shared
    return ItemRule(
        url_collected=own.url_collected or shared.url_collected,
        reachable=own.reachable or shared.reachable,
        priority=own.priority or shared.priority,
    )


@dataclass(frozen=True, slots=True)
class EvidenceItem:
    """What is known of one item, in the order in which it was written.

    `reachable` is None where the link was not checked, or could not be (then `reach_reason` says why).
    `is_seen`: delivered before, within the time that the contract names.
    """

    title: str
    url: str
    is_collected: bool
    reachable: bool | None = None
    is_seen: bool = False
    reach_reason: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run made, as its contract sees it: the Markdown text, and its items."""

    text: str
    items: tuple[EvidenceItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise. `rule` is the contract's own key; `detail` says what is wrong, to the person as to
    a model; `remedy` what the model is to do about it. `url` is the item's link where the promise is about
    one item."""

    rule: str
    detail: str
    url: str | None = None
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"


def judge(contract: Contract, evidence: Evidence) -> tuple[Violation, ...]:
    """Return every promise that does not hold, the whole text's first, then the items' in their order.

    An item whose link was not collected never counts towards `min_items` (it will not be delivered), and
    items that link to the same page count once.
    A link that could not be checked is no violation; `gaps` names it.
    """
    return (*_judge_size(contract, evidence), *_judge_items(contract, evidence))


def gaps(evidence: Evidence, contract: Contract | None = None) -> tuple[str, ...]:
    """Return what could not be judged, as sentences for the person.

    With a contract that does not ask for reachable links, unchecked links are no gap.
    """
    if contract is not None and (contract.every_item is None or not contract.every_item.reachable):
        return ()
    unchecked = [item for item in evidence.items if item.is_collected and item.reachable is None]
    if not unchecked:
        return ()
    reasons = Counter((urlsplit(item.url).netloc, item.reach_reason or "not checked") for item in unchecked)
    named = "; ".join(
        f"{host}: {links} {'link' if links == 1 else 'links'} ({reason})" for (host, reason), links in reasons.items()
    )
    count = len(unchecked)
    return (f"{'the link of 1 item' if count == 1 else f'links of {count} items'} could not be checked: {named}",)


def repair_message(violations: Sequence[Violation]) -> str:
    """Return what is said to the model in its one repair turn: exactly what is wrong, and nothing else to change."""
    faults = "\n".join(
        f"{number}. {violation}" + (f"; {violation.remedy}" if violation.remedy else "")
        for number, violation in enumerate(violations, start=1)
    )
    return (
        "Your answer breaks its contract. Fix exactly these points and send the whole answer again, "
        "complete and in the same form, with no comment on the change:\n" + faults
    )


def _judge_size(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    # The same page twice is one item: an answer does not get longer by repeating itself.
    count = len({canonical_url(item.url) for item in evidence.items if item.is_collected})
    strays = sum(not item.is_collected for item in evidence.items)
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
    length = len(evidence.text.strip())
    if contract.min_chars is not None and length < contract.min_chars:
        yield Violation("min_chars", f"{length} characters, at least {contract.min_chars} needed")
    if contract.max_chars is not None and length > contract.max_chars:
        yield Violation("max_chars", f"{length} characters, at most {contract.max_chars} allowed")
    words = _folded(evidence.text)
    for phrase in contract.must_include:
        if _folded(phrase) not in words:
            yield Violation("must_include", f"the text lacks “{phrase}”", remedy="write it word for word")


def _judge_items(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    rule = contract.every_item
    for rank, item in enumerate(evidence.items, start=1):
        name = f"item {rank} “{item.title}”"
        if not item.is_collected:
            if rule is not None and rule.url_collected:
                yield Violation(
                    "every_item.url",
                    f"{name} links {item.url} which is not among the collected sources",
                    item.url,
                    "use a collected URL or drop the item",
                )
            continue
        if rule is not None and rule.reachable and item.reachable is False:
            reason = f" ({item.reach_reason})" if item.reach_reason else ""
            yield Violation(
                "every_item.reachable",
                f"{name} links {item.url} which does not answer{reason}",
                item.url,
                "drop the item or replace it",
            )
        if contract.unseen_for_s is not None and item.is_seen:
            yield Violation(
                "unseen_for",
                f"{name} ({item.url}) was already delivered within the last {_in_words(contract.unseen_for_s)}",
                item.url,
                "drop the item or replace it",
            )


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


def _in_words(seconds: int) -> str:
    for unit_s, unit in ((_DAY_S, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= unit_s and seconds % unit_s == 0:
            count = seconds // unit_s
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
