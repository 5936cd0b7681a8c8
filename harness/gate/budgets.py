"""The budgets of the day, held before each call: what it may use at most is set aside before it is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from harness.domain.budget import Amount, BudgetReached, DayBudget
from harness.domain.moments import day_start
from harness.store.database import Database
from harness.store.usage import (
    BookedCall,
    ReservedCall,
    give_back,
    give_back_lapsed,
    record_loss,
    reserve,
    reserved,
    spent_since,
)


class Budgets:
    """The budgets of one database, whichever of its daemons makes the call.

    What is spent and what is set aside is never more than a budget, however many runs are at work at once: looking and
    setting aside are one transaction, and no two of them run at the same time. What was set aside is given back when
    the call is booked or fails, and lapses with its run, so that one that died holds up nobody.
    """

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def reserve(self, call: ReservedCall, budgets: Sequence[DayBudget], zone: str) -> None:
        """Set aside what the call may use at most. Raises BudgetReached, with the first budget that has no room.

        A call that is made again, on another profile or after a crash, takes its own place.
        """
        own = (call.run_id, call.call_id)
        with self._database.write(alone=True) as connection:
            now = self._now()
            give_back_lapsed(connection)
            looks = [(budget, *_look(connection, budget, now, zone, but=own)) for budget in budgets]
            for budget, spent, _ in looks:
                if (stop := budget.stop(spent, call.most)) is not None:
                    raise BudgetReached(stop)
            for budget, spent, set_aside in looks:
                if (stop := budget.stop(spent + set_aside, call.most)) is not None:
                    raise BudgetReached(stop, is_for_now=True)
            reserve(connection, call, now)

    def give_back(self, run_id: str, call_id: str) -> None:
        """Forget what was set aside for a call that came to nothing."""
        with self._database.write() as connection:
            give_back(connection, run_id, call_id)

    def book_lost(self, call: BookedCall) -> None:
        """Book what was paid for a try that came to nothing, beside whatever the call comes to in the end."""
        with self._database.write() as connection:
            record_loss(connection, call, self._now())


def spent_of(connection: Connection, budget: DayBudget, now: datetime, zone: str) -> Amount:
    """Return what is spent of the budget in the zone's day."""
    return spent_since(connection, day_start(now, zone), agent=budget.agent, profile=budget.profile)


def used_of(connection: Connection, budget: DayBudget, now: datetime, zone: str) -> Amount:
    """Return what is spent of the budget in the zone's day, and what calls in flight have set aside of it."""
    spent, set_aside = _look(connection, budget, now, zone)
    return spent + set_aside


def _look(
    connection: Connection, budget: DayBudget, now: datetime, zone: str, *, but: tuple[str, str] | None = None
) -> tuple[Amount, Amount]:
    """Return what is spent, and what is set aside for calls in flight but for one (run, call)."""
    # In this order: a call that is booked between the two looks counts twice, and not never.
    set_aside = reserved(connection, agent=budget.agent, profile=budget.profile, but=but)
    return spent_of(connection, budget, now, zone), set_aside
