"""`[bus]` of harness.toml: what keeps requests between agents from running away."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.domain.settings import BusRules
from harness.workspace.fields import Duration
from harness.workspace.located import Located
from harness.workspace.report import Report
from harness.workspace.shapes import Shape

_RULES = BusRules()
_SHORTEST_DUE_S = 60

MaxOpen = Annotated[int, Field(ge=1, le=1_000)]
"""How many requests one receiver is given at a time."""


class BusShape(Shape):
    max_depth: Annotated[int, Field(ge=1, le=20)] = _RULES.max_depth
    max_asks: Annotated[int, Field(ge=1, le=1_000)] = _RULES.max_asks
    max_open: MaxOpen = _RULES.max_open
    max_waiting: Annotated[int, Field(ge=1, le=1_000_000)] = _RULES.max_waiting
    when_full: Literal["queue", "refuse"] = _RULES.when_full
    per_hour: Annotated[int, Field(ge=1, le=100_000)] = _RULES.per_hour
    max_chars: Annotated[int, Field(ge=500, le=200_000)] = _RULES.max_chars
    due: Duration = _RULES.due_s
    max_deliveries: Annotated[int, Field(ge=1, le=100)] = _RULES.max_deliveries


def bus_rules_of(shape: BusShape, located: Located, report: Report) -> BusRules:
    """Return the rules; a due time too short for any work, and a limit that nothing meets, are in the report."""
    if shape.due < _SHORTEST_DUE_S:
        problem = f"requests that do not say more would be due after {shape.due} s, before a model has answered"
        report.warning(located.line("bus", "due"), problem, 'write at least "1m"')
    if shape.when_full == "refuse" and "max_waiting" in _written(located):
        problem = 'max_waiting has no effect: nothing waits where when_full is "refuse"'
        report.warning(located.line("bus", "max_waiting"), problem, 'leave it out, or write when_full = "queue"')
    return BusRules(
        max_depth=shape.max_depth,
        max_asks=shape.max_asks,
        max_open=shape.max_open,
        max_waiting=shape.max_waiting,
        when_full=shape.when_full,
        per_hour=shape.per_hour,
        max_chars=shape.max_chars,
        due_s=shape.due,
        max_deliveries=shape.max_deliveries,
    )


def _written(located: Located) -> set[str]:
    table = located.values.get("bus")
    return set(table) if isinstance(table, dict) else set()
