"""What a run does where a budget of the day comes to its end: without its language model, and never in silence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from harness.domain.agent import Agent
from harness.domain.budget import DayBudget, Shed, budgets_of, day_budgets, nearest, shed_at, shed_for
from harness.domain.cause import budget_cause, is_of_a_budget
from harness.domain.job import Priority
from harness.domain.moments import day_start
from harness.domain.settings import Profile, Settings
from harness.domain.workspace import Workspace
from harness.gate.budgets import spent_of
from harness.store.database import Database
from harness.store.incidents import open_incidents, resolve_incident


def shed_before_it_begins(
    database: Database,
    settings: Settings,
    agent: Agent,
    profiles: Sequence[Profile],
    priority: Priority,
    now: datetime,
) -> Shed | None:
    """Return why a job of the priority is to do without a language model now; None if it has one.

    `profiles` are those that it would ask, the first choice first: where the first has used up what is its own, the
    next one answers, as long as there is one. What is set aside for calls in flight is not spent yet, and mostly more
    than they come to: it sheds nothing.
    """
    share, zone = shed_at(priority, settings.shedding), settings.home_zone
    with database.read() as connection:
        used = [
            [(budget, spent_of(connection, budget, now, zone)) for budget in budgets]
            for budgets in _deciding(settings, agent, profiles)
        ]
    spent = [nearest([each for each in budgets if each[0].share(each[1]) >= share]) for budgets in used]
    of_all, of_each = spent[0], spent[1:]
    decisive = of_all or (of_each[0] if all(of_each) else None)
    return None if decisive is None else shed_for(*decisive, priority, now=now, zone=zone)


def _deciding(settings: Settings, agent: Agent, profiles: Sequence[Profile]) -> list[list[DayBudget]]:
    """Return the budgets of team and agent, if the first choice costs anything; then those of each profile."""
    shared = [each for each in day_budgets(settings, agent, profiles[0]) if each.scope != "profile"]
    own = [[each for each in day_budgets(settings, agent, one) if each.scope == "profile"] for one in profiles]
    return [shared if profiles[0].is_paid else [], *own]


def end_budget_incidents(database: Database, workspace: Workspace, now: datetime) -> list[str]:
    """Close the incidents of budgets of days that are over or that have another limit now, and return their causes.

    Nobody is told that a new day has begun: until when a budget was spent was said when it was. Who changes a limit
    knows that as well; if the new one is reached too, the next run says so.
    """
    today = day_start(now, workspace.settings.home_zone).timestamp()
    limits = {budget_cause(one.whose): one for one in budgets_of(workspace.settings, workspace.agents.values())}
    with database.read() as connection:
        spent = [row for row in open_incidents(connection) if is_of_a_budget(row.cause)]
    over = [
        row.cause
        for row in spent
        if row.last_at < today or row.cause not in limits or not limits[row.cause].is_named_in(row.message)
    ]
    if not over:
        return []
    with database.write() as connection:
        return [cause for cause in over if resolve_incident(connection, cause, now, is_told=True)]
