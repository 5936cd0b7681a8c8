"""What a run is going to do, decided once at its beginning and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from harness.bus.prompt_news import News, news_for
from harness.domain.budget import Shed
from harness.domain.errors import HarnessError
from harness.domain.job import Job, Priority
from harness.domain.request import Request
from harness.domain.run import BudgetSpent, FireKind, FireState, Outcome, in_preview
from harness.domain.seating import Roundtable
from harness.domain.settings import EXTRACTIVE
from harness.domain.workspace import Workspace
from harness.llm.spending import check_budgeted
from harness.runs.answer import Draft
from harness.runs.reminders import REMINDER_STOP, why_not_remind
from harness.runs.requests.work import job_of, request_in
from harness.runs.services import RunServices
from harness.runs.shedding import shed_before_it_begins
from harness.store.runs import run_by_id
from harness.turn.rules import FIRST_OUTPUT_TOKENS, TurnRules, rules_for

Method = Literal["model", "extract", "template", "action"]


@dataclass(frozen=True, slots=True)
class RunPlan:
    """The job as it was when the run began, so that an edit in between changes no run that is under way.

    `budget_usd` is for all that the run asks of models; None means no limit. The budgets of the day, and what a run
    may use of a profile, are held at each call. `shed` says why it does without a language model although it has
    one. `refusal` is how the run ends at once, if it must. `is_by_hand`: the person asked for it; `is_forced`: also
    where a condition of the job does not hold. `goes_on_from` is the suspended run whose conversation this one goes
    on with. `request` is what it was asked over the bus, `news` what its prompt tells of
    the agent's own requests: as both were when it began. `rules` are those by which its turns go on.
    """

    run_id: str
    job: Job
    due_at: datetime
    begun_at: datetime
    method: Method
    max_output_tokens: int = 4096
    budget_usd: float | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    is_preview: bool = False
    is_by_hand: bool = False
    is_forced: bool = False
    refusal: Draft | None = None
    goes_on_from: str | None = None
    request: Request | None = None
    news: tuple[News, ...] = ()
    rules: TurnRules = field(default_factory=TurnRules)
    shed: Shed | None = None

    @property
    def needs_preflight(self) -> bool:
        """Whether there is anything to look at before the run collects."""
        return not self.is_forced and bool(self.job.depends_on or not self.job.requires.is_empty)

    def skip(self, reason: str, stop: str) -> Draft:
        """Return how the run ends where a condition of its job does not hold."""
        hint = "; run it anyway with --force" if self.is_by_hand else ""
        return Draft(Outcome(FireState.SKIPPED, reason + hint), stop)


def plan_run(services: RunServices, run_id: str) -> RunPlan:
    """Decide how the run goes about its job.

    Raises HarnessError if the job is gone, OwnerError if its model is not configured, or may cost money and nothing
    says how much.
    """
    now = services.clock.now()
    with services.database.read() as connection:
        row = run_by_id(connection, run_id)
    if row is None:
        raise HarnessError(f"there is no run {run_id}")
    workspace = services.workspace()
    job = job_of(services, row)
    agent = workspace.agents[job.agent]
    with services.database.read() as connection:
        request = request_in(connection, job)
        news = news_for(connection, agent, services.state.run_folder(run_id))
    profile = row.options.get("profile")
    if profile:
        job = replace(job, profile=str(profile))
    plan = RunPlan(
        run_id,
        job,
        datetime.fromtimestamp(row.due_at, UTC),
        now,
        "action" if job.action else "model",
        inputs=row.inputs,
        is_preview=bool(row.options.get("preview")),
        is_by_hand=row.kind is FireKind.MANUAL,
        is_forced=bool(row.options.get("force")),
        request=request,
        news=news,
    )
    if job.action:
        return plan
    if job.roundtable is not None and (why := _why_no_table(job.roundtable, workspace, is_preview=plan.is_preview)):
        return replace(plan, refusal=Draft(Outcome(FireState.SKIPPED, why), "completed"))
    untimely = None
    if job.reminder and not plan.is_forced and not plan.is_preview:
        untimely = why_not_remind(services.database, agent, job, plan.due_at, now, run_id)
    if untimely is not None:
        return replace(plan, refusal=plan.skip(untimely, REMINDER_STOP))
    choice = services.choose_model(workspace.settings, agent, job)
    if not choice.model.is_language_model:
        # Nobody would read the news: they are left to a run that does.
        return _without_model(replace(plan, news=()))
    profiles = tuple(profile for profile in choice.order.profiles if profile.adapter != "extractive")
    check_budgeted(workspace.settings, agent, job, profiles)
    # What the person asks for is what they want most.
    priority: Priority = "high" if row.kind in (FireKind.MANUAL, FireKind.RETRY) else job.priority
    shed = shed_before_it_begins(services.database, workspace.settings, agent, profiles, priority, now)
    if shed is not None:
        return without_money(plan, shed)
    rules = rules_for(choice.order.first.context_window, choice.max_output_tokens)
    first_output = min(choice.max_output_tokens, FIRST_OUTPUT_TOKENS)
    return replace(plan, max_output_tokens=first_output, rules=rules, budget_usd=job.budget_usd)


def _why_no_table(table: Roundtable, workspace: Workspace, *, is_preview: bool) -> str:
    if is_preview:
        return in_preview(f"a preview asks nobody, and {', '.join(table.speakers)} would be asked")
    return table.why_not_held(workspace.agents)


def _without_model(plan: RunPlan) -> RunPlan:
    match plan.job.without_model:
        case "extract" if plan.job.roundtable is not None:
            why = "no language model is configured" if plan.shed is None else plan.shed.reason
            reason = f"{why}, and a roundtable is not concluded by selecting items"
            cause = None if plan.shed is None else plan.shed.cause
            return replace(plan, refusal=Draft(Outcome(FireState.SKIPPED, reason, cause=cause), "completed"))
        case "extract":
            return replace(plan, method="extract")
        case "template":
            return replace(plan, method="template")
        case "skip":
            is_job = plan.request is None
            why = "and the job says without_model: skip" if is_job else "and nothing else can work on a request"
            hint = "" if is_job else "; name one under [profiles] in harness.toml"
            reason = f"no language model is configured, {why}{hint}"
            return replace(plan, refusal=Draft(Outcome(FireState.SKIPPED, reason), "completed"))


def without_money(plan: RunPlan, shed: Shed) -> RunPlan:
    """Return the plan for doing without the language model, as the job says, because of a budget of the day.

    The news are left to a run that reads them.
    """
    if plan.job.without_model == "skip":
        outcome = Outcome(FireState.SKIPPED, shed.reason, cause=shed.cause)
        return replace(plan, shed=shed, refusal=Draft(outcome, BudgetSpent.reason))
    job = replace(plan.job, profile=EXTRACTIVE, models=())
    return _without_model(replace(plan, shed=shed, job=job, news=()))
