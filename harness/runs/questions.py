"""What an action asks its agent's model, and why it goes without: no model, no money, nothing to ask."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.domain.errors import OwnerError
from harness.domain.job import Priority
from harness.domain.message import ModelRequest
from harness.llm.spending import check_budgeted
from harness.runs.actions import ActionRun, AskingAction
from harness.runs.plan import RunPlan
from harness.runs.services import RunServices
from harness.runs.shedding import shed_before_it_begins


@dataclass(frozen=True, slots=True)
class ModelQuestion:
    """What to ask; None where nothing is. `gap` says why a model is not asked that was to be, `cause` is its key."""

    request: ModelRequest | None = None
    gap: str = ""
    cause: str | None = None


def action_run(plan: RunPlan) -> ActionRun:
    """Return the run as its action sees it."""
    return ActionRun(plan.run_id, plan.job, plan.due_at, plan.begun_at, plan.is_preview)


def question_of(services: RunServices, plan: RunPlan, action: AskingAction) -> ModelQuestion:
    """Return what the action asks the model of its job, held to the same rules as any other run's call.

    A workspace without a language model asks nothing, and lacks nothing. Nothing that costs money is asked before a
    budget is set, or once it is used up: the action then does what it can.
    """
    workspace = services.workspace()
    agent = workspace.agents[plan.job.agent]
    try:
        choice = services.choose_model(workspace.settings, agent, plan.job)
        if not choice.model.is_language_model:
            return ModelQuestion()
        request = action.question(action_run(plan))
        if request is None:
            return ModelQuestion()
        profiles = tuple(profile for profile in choice.order.profiles if profile.adapter != "extractive")
        check_budgeted(workspace.settings, agent, plan.job, profiles)
    except OwnerError as error:
        return ModelQuestion(gap=f"no model was asked: {error}", cause=error.cause)
    priority: Priority = "high" if plan.is_by_hand else plan.job.priority
    shed = shed_before_it_begins(services.database, workspace.settings, agent, profiles, priority, plan.begun_at)
    if shed is not None:
        return ModelQuestion(gap=shed.reason, cause=shed.cause)
    return ModelQuestion(replace(request, max_output_tokens=min(request.max_output_tokens, choice.max_output_tokens)))
