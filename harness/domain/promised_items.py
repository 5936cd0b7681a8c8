"""Promises about the items of a text: each of them, and how many of a kind there may be."""

from __future__ import annotations

from collections.abc import Iterator

from harness.domain.contract import Contract, Evidence, EvidenceItem, ItemRule, Violation
from harness.domain.shares import surplus
from harness.domain.sizes import counted

MAX_SHARE = "max_share"
TOO_MANY = " is one too many of "
"""What the violations of a share say between the item and its basket."""

_DAY_S = 86_400


def judge_items(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    """Yield what is wrong with each item, in their order."""
    for rank, item in enumerate(evidence.items, start=1):
        name = f"item {rank} “{item.title}”"
        rule = contract.every_item
        if not item.is_collected:
            if rule is not None and rule.url_collected:
                yield Violation(
                    "every_item.url",
                    f"{name} links {item.url} which is not among the collected sources",
                    item.url,
                    "use a collected URL or drop the item",
                )
            continue
        if rule is not None:
            yield from _judge_item(rule, item, name, is_judged=evidence.is_judged)
        if contract.unseen_for_s is not None and item.is_seen:
            yield Violation(
                "unseen_for",
                f"{name} ({item.url}) was already delivered within the last {_in_words(contract.unseen_for_s)}",
                item.url,
                "drop the item or replace it",
            )


def judge_shares(contract: Contract, evidence: Evidence) -> Iterator[Violation]:
    """Yield the items that are too many of their basket, the lowest ranked ones."""
    items = [item for item in evidence.items if item.is_collected]
    for limit in contract.max_share:
        baskets = [item.baskets for item in items]
        members = sum(limit.basket in names for names in baskets)
        for place in surplus(baskets, limit.basket, limit.percent):
            item = items[place]
            share = f"{members} of {counted(len(items), 'item')} are, at most {limit.percent:g} % may be"
            yield Violation(
                MAX_SHARE,
                f"item {evidence.items.index(item) + 1} “{item.title}”{TOO_MANY}{limit.basket} ({share})",
                item.url,
                f"drop it, or add items that are not of {limit.basket}",
            )


def _judge_item(rule: ItemRule, item: EvidenceItem, name: str, *, is_judged: bool) -> Iterator[Violation]:
    if rule.reachable and item.reachable is False:
        reason = f" ({item.reach_reason})" if item.reach_reason else ""
        yield Violation(
            "every_item.reachable",
            f"{name} links {item.url} which does not answer{reason}",
            item.url,
            "drop the item or replace it",
        )
    if rule.priority and is_judged and not item.has_priority:
        yield Violation(
            "every_item.priority",
            f"{name} has no priority",
            item.url,
            "end it with P0, P1 or P2, by what it means for us",
        )


def _in_words(seconds: int) -> str:
    for unit_s, unit in ((_DAY_S, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= unit_s and seconds % unit_s == 0:
            return counted(seconds // unit_s, unit)
    return f"{seconds} seconds"
