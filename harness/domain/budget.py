"""What may be spent, and on what; the rules by which a day's budget is held and, near its end, shared out."""

from __future__ import annotations

from harness.domain.errors import LimitReached
from harness.domain.run import BudgetSpent


class BudgetReached(LimitReached):
    """A budget has no room for the call that is about to be made: it is not made."""

    def __init__(self, stop: BudgetSpent) -> None:
        self.stop = stop
        super().__init__("budget", str(stop))
