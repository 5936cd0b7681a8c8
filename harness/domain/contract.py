"""What a run promises to deliver, and what is known of what it made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from harness.domain.known_numbers import KnownNumbers


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
    `is_seen`: delivered before, within the time that the contract names. `baskets` are those that it is of.
    """

    title: str
    url: str
    is_collected: bool
    reachable: bool | None = None
    is_seen: bool = False
    reach_reason: str = ""
    has_priority: bool = False
    baskets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run made, as its contract sees it: the Markdown text, and its items.

    `known` are the numbers that it may write. `days` says for each job that it is to cite of which day its latest
    result is, empty if there is none. `said_on` is the day on which this agent last said the same as a reminder, empty
    if it never did. `is_judged`: a language model wrote it, and could judge.
    """

    text: str
    items: tuple[EvidenceItem, ...] = ()
    known: KnownNumbers = field(default_factory=KnownNumbers)
    days: Mapping[str, str] = field(default_factory=dict)
    said_on: str = ""
    is_judged: bool = True


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise. `rule` is the contract's own key; `detail` says what is wrong, to the person as to
    a model; `remedy` what the model is to do about it. `url` is the item's link where the promise is about
    one item, `lines` (first and last, from 1) what can be left out of the text for the promise to hold."""

    rule: str
    detail: str
    url: str | None = None
    remedy: str = ""
    lines: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"{self.rule}: {self.detail}"
