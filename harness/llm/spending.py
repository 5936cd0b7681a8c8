"""Whether asking a profile may cost money, and whether anything limits that."""

from __future__ import annotations

from collections.abc import Sequence

from harness.domain.agent import Agent
from harness.domain.budget import is_budgeted, may_cost
from harness.domain.cause import profile_cause
from harness.domain.errors import OwnerError
from harness.domain.job import Job
from harness.domain.settings import Profile, Settings
from harness.llm.endpoint import SETTINGS_FILE

BUDGET_FIX = 'say what a day may cost at most: budget = "$5/day" in harness.toml'


def check_budgeted(settings: Settings, agent: Agent, job: Job, profiles: Sequence[Profile]) -> None:
    """Raise OwnerError, with the fix, if one of the job's profiles may cost money and nothing limits it."""
    for profile in profiles:
        if may_cost(profile) and not is_budgeted(settings, agent, job, profile):
            problem = f"profile {profile.name!r} may cost money, and no budget is set for {job.id}"
            raise OwnerError(SETTINGS_FILE, None, problem, BUDGET_FIX, cause=profile_cause(profile.name))
