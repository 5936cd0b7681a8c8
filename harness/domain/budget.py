"""What may be spent in a day, and by whom; what is given up first when that comes to an end. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from harness.domain.agent import Agent
from harness.domain.cause import budget_cause
from harness.domain.errors import LimitReached
from harness.domain.job import Job, Priority
from harness.domain.moments import day_end, local_time
from harness.domain.run import BudgetSpent
from harness.domain.settings import Profile, Settings, Shedding

Scope = Literal["team", "agent", "profile"]


class BudgetReached(LimitReached):
    """A budget has no room for the call that is about to be made: it is not made.

    `is_for_now`: there would be room but for what is set aside for calls in flight, which mostly cost less.
    """

    def __init__(self, stop: BudgetSpent, *, is_for_now: bool = False) -> None:
        self.stop = stop
        self.is_for_now = is_for_now
        super().__init__("budget", str(stop))


@dataclass(frozen=True, slots=True)
class Amount:
    """US dollars and tokens (read and written together)."""

    usd: float = 0.0
    tokens: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.usd + other.usd, self.tokens + other.tokens)


@dataclass(frozen=True, slots=True)
class DayBudget:
    """What the team, one agent or one profile may spend in a day of the home zone; None means no limit."""

    scope: Scope
    name: str = ""
    usd: float | None = None
    tokens: int | None = None

    @property
    def whose(self) -> str:
        """In words whose budget it is."""
        return "the team" if self.scope == "team" else f"the {self.scope} {self.name}"

    @property
    def agent(self) -> str | None:
        return self.name if self.scope == "agent" else None

    @property
    def profile(self) -> str | None:
        return self.name if self.scope == "profile" else None

    def share(self, used: Amount) -> float:
        """Return how much of it is used, 1.0 for all; of a budget of nothing, all is."""
        return max((part for part, _, _ in self._parts(used)), default=0.0)

    def stop(self, used: Amount, coming: Amount) -> BudgetSpent | None:
        """Return how a call ends that may use `coming` when so much is used, or None if there is room for it.

        What costs nothing fits into any budget of money.
        """
        if self.usd is not None and coming.usd > 0 and used.usd + coming.usd > self.usd:
            return BudgetSpent("usd", round(used.usd, 6), self.usd, self.whose)
        if self.tokens is not None and used.tokens + coming.tokens > self.tokens:
            return BudgetSpent("tokens", used.tokens, self.tokens, self.whose)
        return None

    def in_words(self, used: Amount) -> str:
        """Return how much of it is used, of the part that is nearest to its end: `$4.10 of $5`."""
        parts = self._parts(used)
        return max(parts)[2] if parts else "no limit"

    def is_named_in(self, words: str) -> bool:
        """Say whether the words tell of this limit, as `in_words` and `BudgetSpent` do, and not of another one."""
        limits = [f"${self.usd:,g}"] if self.usd is not None else []
        limits += [f"{self.tokens:,} tokens"] if self.tokens is not None else []
        return any(re.search(rf" of {re.escape(limit)}(?![\d.,]*\d)", words) for limit in limits)

    def _parts(self, used: Amount) -> list[tuple[float, int, str]]:
        parts: list[tuple[float, int, str]] = []
        if self.usd is not None:
            share = used.usd / self.usd if self.usd > 0 else 1.0
            parts.append((share, 1, f"${used.usd:,.2f} of ${self.usd:,g}"))
        if self.tokens is not None:
            share = used.tokens / self.tokens if self.tokens > 0 else 1.0
            parts.append((share, 0, f"{used.tokens:,} of {self.tokens:,} tokens"))
        return parts


def day_budgets(settings: Settings, agent: Agent, profile: Profile) -> tuple[DayBudget, ...]:
    """Return the budgets of the day that a call of the agent to the profile is held to, the team's first."""
    budgets = (
        DayBudget("team", "", settings.budget_usd),
        DayBudget("agent", agent.name, agent.budget_usd),
        DayBudget("profile", profile.name, profile.budget_usd, profile.budget_tokens),
    )
    return tuple(budget for budget in budgets if budget.usd is not None or budget.tokens is not None)


def budgets_of(settings: Settings, agents: Iterable[Agent]) -> tuple[DayBudget, ...]:
    """Return every budget of the day that there is: the team's, those of agents, those of profiles."""
    budgets = (
        DayBudget("team", "", settings.budget_usd),
        *(DayBudget("agent", agent.name, agent.budget_usd) for agent in agents),
        *(DayBudget("profile", one.name, one.budget_usd, one.budget_tokens) for one in settings.profiles.values()),
    )
    return tuple(budget for budget in budgets if budget.usd is not None or budget.tokens is not None)


def may_cost(profile: Profile) -> bool:
    """Say whether asking the profile may cost money: it has a price, or nobody said what a model elsewhere costs."""
    return profile.is_paid or cannot_be_counted(profile)


def cannot_be_counted(profile: Profile) -> bool:
    """Say whether the profile's model answers elsewhere and has no price: no budget of money can hold it."""
    return not profile.is_paid and profile.adapter not in ("extractive", "scripted") and not _is_here(profile)


def _is_here(profile: Profile) -> bool:
    try:
        host = urlsplit(profile.base_url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:
        return False


def is_budgeted(settings: Settings, agent: Agent, job: Job, profile: Profile) -> bool:
    """Say whether anything limits what the job's calls to the profile may use: without, nothing paid runs."""
    limits = (settings.budget_usd, agent.budget_usd, job.budget_usd, profile.budget_usd, profile.budget_tokens)
    return any(limit is not None for limit in limits)


# ── What is given up first ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Shed:
    """A run does without its language model, because a budget of the day is used up or nearly so.

    `reason` says for the reader which budget that is and until when; `cause` is the key of its incident.
    """

    reason: str
    cause: str


def shed_at(priority: Priority, shedding: Shedding) -> float:
    """Return the share of a day's budget from which on jobs of the priority do without a language model."""
    shares: Mapping[Priority, float] = {"low": shedding.low_at, "normal": shedding.normal_at, "high": 1.0}
    return shares[priority]


def nearest(budgets: Sequence[tuple[DayBudget, Amount]]) -> tuple[DayBudget, Amount] | None:
    """Return the budget that is nearest to its end, with what is used of it; None if there is none."""
    return max(budgets, key=lambda each: each[0].share(each[1]), default=None)


def shed_for(budget: DayBudget, used: Amount, priority: Priority, *, now: datetime, zone: str) -> Shed:
    """Return why a job of the priority does without a language model for the rest of the day."""
    until = local_time(day_end(now, zone), zone, now)
    what = "every job does" if priority == "high" else f"jobs of {priority} priority do"
    reason = (
        f"today's budget of {budget.whose} is {_spent(budget.share(used))} ({budget.in_words(used)}), "
        f"so that {what} without a language model until {until}"
    )
    return Shed(reason, budget_cause(budget.whose))


def shed_by_stop(stop: BudgetSpent, *, now: datetime, zone: str) -> Shed:
    """Return why a run does without a language model for whose first call a budget of the day had no room."""
    until = local_time(day_end(now, zone), zone, now)
    amount = "${:,.2f} of ${:,g}" if stop.unit == "usd" else "{:,.0f} of {:,.0f} tokens"
    reason = (
        f"today's budget of {stop.whose} has no room for a model call any more "
        f"({amount.format(stop.spent, stop.limit)} until {until})"
    )
    return Shed(reason, budget_cause(stop.whose))


def _spent(share: float) -> str:
    return "spent" if share >= 1 else f"{share:.0%} spent"
