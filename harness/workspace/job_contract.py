"""`contract:` in a job file: what the result of a run must keep."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from harness.domain.contract import Contract, ItemRule
from harness.workspace.fields import AtLeastOne, Count, Duration, Texts
from harness.workspace.quantities import BadValue
from harness.workspace.shapes import Shape


class EveryItemShape(Shape):
    url: Literal["collected"] = "collected"
    reachable: bool = False


class ContractShape(Shape):
    min_items: Count | None = None
    max_items: AtLeastOne | None = None
    min_chars: Count | None = None
    max_chars: AtLeastOne | None = None
    must_include: Texts = Field(default_factory=list)
    every_item: EveryItemShape | None = None
    links: Literal["reachable"] | None = None
    unseen_for: Duration | None = None

    @model_validator(mode="after")
    def _check_bounds(self) -> ContractShape:
        for least, most in (("min_items", "max_items"), ("min_chars", "max_chars")):
            low, high = getattr(self, least), getattr(self, most)
            if low is not None and high is not None and low > high:
                raise BadValue(f"{least} {low} is more than {most} {high}", "exchange the two, or drop one")
        return self


def contract_of(shape: ContractShape | None) -> Contract:
    """Return what the shape promises; nothing if there is none."""
    if shape is None:
        return Contract()
    rule = None if shape.every_item is None else ItemRule(reachable=shape.every_item.reachable)
    return Contract(
        min_items=shape.min_items,
        max_items=shape.max_items,
        min_chars=shape.min_chars,
        max_chars=shape.max_chars,
        must_include=tuple(shape.must_include),
        every_item=ItemRule(reachable=True) if shape.links == "reachable" else rule,
        unseen_for_s=shape.unseen_for,
    )
