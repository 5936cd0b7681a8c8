"""`contract:` in a job file: what the result of a run must keep. `[contract]` in agent.toml has the same keys."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from harness.domain.contract import Contract, ItemRule, ShareLimit, SignalRule
from harness.workspace.fields import AtLeastOne, Count, Duration, Percent, Text, Texts
from harness.workspace.quantities import BadValue
from harness.workspace.shapes import Shape

REMINDER_CHARS = 49
"""What a glance at a locked telephone takes in."""

BOUNDS = (("min_items", "max_items"), ("min_chars", "max_chars"))


class EveryItemShape(Shape):
    url: Literal["collected"] = "collected"
    reachable: bool = False
    priority: Literal["required"] | None = None


class SignalsShape(Shape):
    stop: Literal["required"] = "required"
    wait_below: Percent | None = None


class ContractShape(Shape):
    min_items: Count | None = None
    max_items: AtLeastOne | None = None
    min_chars: Count | None = None
    max_chars: AtLeastOne | None = None
    must_include: Texts = Field(default_factory=list)
    every_item: EveryItemShape | None = None
    links: Literal["reachable"] | None = None
    unseen_for: Duration | None = None
    numbers: Literal["collected"] | None = None
    signals: SignalsShape | None = None
    confidence: Literal["labelled"] | None = None
    sections: Texts = Field(default_factory=list)
    disclaimer: Text | None = None
    max_share: dict[str, Percent] = Field(default_factory=dict)
    must_not_include: Texts = Field(default_factory=list)
    cite: Texts = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_bounds(self) -> ContractShape:
        for least, most in BOUNDS:
            low, high = getattr(self, least), getattr(self, most)
            if low is not None and high is not None and low > high:
                raise BadValue(f"{least} {low} is more than {most} {high}", "exchange the two, or drop one")
        return self


def contract_of(shape: ContractShape | None, *, is_reminder: bool = False) -> Contract:
    """Return what the shape promises, and what a reminder promises beside it; nothing if there is none."""
    reminder_chars = REMINDER_CHARS if is_reminder else None
    if shape is None:
        return Contract(reminder_chars=reminder_chars)
    return Contract(
        min_items=shape.min_items,
        max_items=shape.max_items,
        min_chars=shape.min_chars,
        max_chars=shape.max_chars,
        must_include=tuple(shape.must_include),
        every_item=_item_rule_of(shape),
        unseen_for_s=shape.unseen_for,
        numbers=shape.numbers,
        signals=None if shape.signals is None else SignalRule(wait_below=shape.signals.wait_below),
        confidence=shape.confidence,
        sections=tuple(shape.sections),
        disclaimer=shape.disclaimer,
        max_share=tuple(ShareLimit(basket, percent) for basket, percent in shape.max_share.items()),
        must_not_include=tuple(shape.must_not_include),
        cite=tuple(shape.cite),
        reminder_chars=reminder_chars,
    )


def _item_rule_of(shape: ContractShape) -> ItemRule | None:
    rule, links = shape.every_item, shape.links == "reachable"
    if rule is None:
        return ItemRule(reachable=True) if links else None
    return ItemRule(reachable=rule.reachable or links, priority=rule.priority is not None)
